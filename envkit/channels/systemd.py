"""systemd's `EnvironmentFile=`: the reading of src/basic/env-file.c, and a spelling that it reads back exactly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import IDENTIFIER
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (
    "A line is NAME=value; blanks around the name and before the value are dropped (systemd.exec(5)).",
    "Only a line that begins with # or ; is a comment; there are none after a value (systemd.exec(5)).",
    "A comment that ends in a backslash swallows the next line before systemd 254 (src/basic/env-file.c).",
    "'…' keeps every character and may span lines; there is no escape for ' in it (src/basic/env-file.c).",
    '"…" may span lines; a backslash escapes \\ " $ ` and joins lines, and stays before anything else.',
    "After a closing quote blanks are dropped, then the value goes on: 'it'\\''s' is it''s'.",
    "Unquoted, a backslash is dropped and the next character kept; trailing blanks are dropped.",
    "LF and CR both end a line. Nothing is expanded, no command runs.",
    "A quote that never closes swallows the rest of the file and is no error.",
    (
        "A value or name that is not UTF-8, or holds a noncharacter (U+FDD0 to U+FDEF, U+xxFFFE, U+xxFFFF) or NUL"
        " anywhere, fails the whole unit (src/basic/utf8.c)."
    ),
    (
        "A name other than letters, digits and _ is dropped with a line in the journal (src/basic/env-util.c); so"
        " is one that begins with export."
    ),
    "The last of several lines for one name wins; files come after Environment= and win over it.",
)

_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)) + "]"
)
_NOT_READABLE = re.compile(_NONCHARACTER.pattern[:-1] + "\ud800-\udfff]")
_ESCAPED = str.maketrans({char: f"\\{char}" for char in '\\"$`'})

_BEFORE_NAME = re.compile(r"[ \t\n\r]*")
_COMMENT = re.compile(r"(?:[^\\\n\r]+|\\.)*", re.DOTALL)
_NAME = re.compile(r"[^=\n\r]*")
_BLANKS = re.compile(r"[ \t]*")
_SINGLE = re.compile(r"[^']*")
_DOUBLE = re.compile(r'[^"\\]*')
_PLAIN = re.compile(r"[^\\\n\r]*")


class Systemd:
    """A file for `EnvironmentFile=` of a systemd unit."""

    name = "systemd"
    summary = "EnvironmentFile= of a systemd unit"
    reader = "systemd 252 (and later, except for comments that end in a backslash)"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses noncharacters, what no environment holds, and names that systemd drops."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if _NONCHARACTER.search(value):
            return Refusal(
                "the value holds a Unicode noncharacter, with which systemd does not start the unit",
                "store it as base64",
            )
        return refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One ``NAME="value"`` for each setting, with a backslash before backslashes, ``"``, ``$`` and backticks.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return "".join(f'{name}="{value.translate(_ESCAPED)}"\n' for name, value in settings.items())

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the unit's process gets. Lone surrogates in `text` stand for bytes that are not UTF-8."""
        return _Parser(text).parse()


class _Parser:
    """The states of parse_env_file_internal, one method each, over runs of characters instead of single ones."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.bindings: list[Binding] = []
        self.findings: list[Finding] = []
        self._counted = (0, 1)

    def parse(self) -> Reading:
        if "\0" in self.text:
            line = self._line(self.text.index("\0"))
            return self._fatal(line, "", "a NUL character", "systemd reads no file that holds one")
        text, end = self.text, len(self.text)
        while (start := self._run(_BEFORE_NAME)) < end:
            if text[start] in "#;":
                self._comment(start)
                continue
            line = self._line(start)
            self.position += 1  # the first character belongs to the name, even an =
            self._run(_NAME)
            name = text[start : self.position].rstrip(" \t")
            if self.position == end or text[self.position] != "=":
                self._report(line, "", "no = on the line, which systemd ignores", "not-an-assignment")
                continue
            self.position += 1
            value = self._value(line, name)
            if _NOT_READABLE.search(name) or _NOT_READABLE.search(value):
                return self._fatal(
                    line,
                    name if IDENTIFIER.pattern.fullmatch(name) else "",
                    "bytes that are not UTF-8, or a Unicode noncharacter",
                    "systemd refuses the whole file and does not start the unit",
                )
            if IDENTIFIER.pattern.fullmatch(name):
                self.bindings.append(Binding(name, value, line))
            else:
                self._report(line, "", "a name that systemd drops", "invalid-name", _name_hint(name))
        return Reading(self.bindings, self.findings)

    def _comment(self, start: int) -> None:
        self._run(_COMMENT)
        if "\\\n" in self.text[start : self.position] or "\\\r" in self.text[start : self.position]:
            self._report(
                self._line(start),
                "",
                "a comment that ends in a backslash: systemd before 254 ignores the next line too",
                "comment-continues",
                "remove the backslash",
            )
        # A lone backslash as the last character of the text matches no run.
        self.position = min(self.position + 1, len(self.text))

    def _value(self, line: int, name: str) -> str:
        text, end = self.text, len(self.text)
        parts: list[str] = []
        while True:
            start = self._run(_BLANKS)
            if start == end or text[start] in "\n\r":
                return "".join(parts)
            opening = text[start]
            if opening == "'":
                parts.append(self._quoted_run(_SINGLE))
                closed = self.position < end
            elif opening == '"':
                closed = self._double_quoted(parts)
            else:
                parts.append(self._unquoted())
                return "".join(parts)
            if not closed:
                shown = name if IDENTIFIER.pattern.fullmatch(name) else ""
                self._report(line, shown, "a quote that never closes swallows the rest of the file", "unclosed-quote")
                return "".join(parts)
            self.position += 1

    def _double_quoted(self, parts: list[str]) -> bool:
        """Stands on the closing quote afterwards; False where there is none."""
        text, end = self.text, len(self.text)
        parts.append(self._quoted_run(_DOUBLE))
        while self.position < end and text[self.position] == "\\":
            if self.position + 1 == end:
                self.position = end
                break
            escaped = text[self.position + 1]
            if escaped in '"\\`$':
                parts.append(escaped)
            elif escaped != "\n":
                parts.append(f"\\{escaped}")
            self.position += 1
            parts.append(self._quoted_run(_DOUBLE))
        return self.position < end

    def _unquoted(self) -> str:
        """The rest of the line, from the first character that is neither blank nor a quote."""
        text, end = self.text, len(self.text)
        parts: list[str] = []
        length = kept = 0
        while True:
            start = self.position
            self._run(_PLAIN)
            parts.append(text[start : self.position])
            length += self.position - start
            if self.position == end or text[self.position] in "\n\r":
                value = "".join(parts)
                return value[:kept] + value[kept:].rstrip(" \t")
            # What stands before a backslash is kept, blanks too; the escaped character itself can be dropped
            # only if it is a line end.
            kept = length
            if self.position + 1 == end:
                self.position = end
                return "".join(parts)
            escaped = text[self.position + 1]
            if escaped not in "\n\r":
                parts.append(escaped)
                length = kept = length + 1
            self.position += 2

    def _quoted_run(self, run: re.Pattern[str]) -> str:
        """The run behind the character at the position."""
        start = self.position + 1
        self.position = start
        self._run(run)
        return self.text[start : self.position]

    def _run(self, run: re.Pattern[str]) -> int:
        """Moves behind the run, which may be empty, and returns the new position."""
        found = run.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return self.position

    def _line(self, position: int) -> int:
        counted, line = self._counted
        line += self.text.count("\n", counted, position)
        self._counted = (position, line)
        return line

    def _report(self, line: int, name: str, problem: str, rule: str, hint: str = "") -> None:
        self.findings.append(Finding(f"line {line}", name, problem, hint, rule=rule))

    def _fatal(self, line: int, name: str, problem: str, hint: str) -> Reading:
        self._report(line, name, problem, "not-text", hint)
        return Reading(self.bindings, self.findings, fatal=True)


def _name_hint(name: str) -> str:
    if name.startswith("export") and name[6:7].isspace():
        return "remove export"
    return "letters, digits and _ are taken, with no digit first"


CHANNEL = Systemd()
