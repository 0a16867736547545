"""The npm package dotenv: its one regular expression, and the spellings that it reads back exactly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import IDENTIFIER
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried, to_a_file
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RULES = (
    (
        "One regular expression finds NAME=value or NAME: value, with or without export (dotenv, lib/main.js); "
        "what it does not find is skipped without a word."
    ),
    "CR LF and CR are read as LF, also inside quotes.",
    "A value in ', \" or ` may span lines if the closing quote ends its line (a comment may follow).",
    "A quote with a backslash before it does not close; the backslash stays.",
    'Only in "…" a literal \\n becomes a newline and \\r a CR; no other escape is known.',
    (
        "Otherwise the value ends at the first #, or with its line; blanks at both ends, then one pair of equal "
        "quotes at both ends are dropped."
    ),
    "A name may hold letters, digits, _, . and -.",
    "Nothing is expanded and no command runs (dotenv-expand, another package, does both in any quotes).",
    (
        "A variable that is already set wins over the file, unless override is asked for. The last of a name's "
        "lines wins."
    ),
    "dotenv 18 has a second parser behind the option fast, which reads what is written here alike.",
)

# ECMAScript's \s and line terminators, which Python's \s and $ are not (ECMA-262, WhiteSpace and LineTerminator).
_LINE_END = "\n\r\u2028\u2029"
_SPACE = f"\t\x0b\x0c \xa0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff{_LINE_END}"
_BLANK_CHARACTERS = "".join(map(chr, range(0x2000, 0x200B))) + _SPACE.replace("\u2000-\u200a", "")
_QUOTES = "'`\""

_SPACES = re.compile(f"[{_SPACE}]*")
_NEXT_LINE = re.compile("[\n\u2028\u2029]")
_QUOTED = "|".join(
    # A quote after a backslash is passed over if possible: the same as (?:\\'|[^'])*, without its slow steps back.
    f"[{_SPACE}]*{quote}[^{quote}]*+(?:(?<=\\\\){quote}[^{quote}]*+)*{quote}"
    for quote in "'\"`"
)
_SETTING = re.compile(
    f"(?:export[{_SPACE}]+)?([A-Za-z0-9_.-]+)(?:[{_SPACE}]*=[{_SPACE}]*?|:[{_SPACE}]+?)"
    f"({_QUOTED}|[^#\n]+)?"
    f"[{_SPACE}]*(?:#[^{_LINE_END}]*)?(?=[{_LINE_END}]|\\Z)"
)
_OUTER_QUOTES = re.compile(
    f"(?:\\A|(?<=[{_LINE_END}]))(['\"`])((?s:.*))\\1(?=[{_LINE_END}]|\\Z)",
)
_ESCAPE = re.compile(r"\\[nr]")
_FREE_QUOTE = {quote: re.compile(rf"(?<!\\){quote}") for quote in _QUOTES}


class NpmDotenv:
    """A `.env` file for the npm package dotenv."""

    name = "npm-dotenv"
    summary = ".env of a Node.js app that uses the npm package dotenv"
    reader = "npm dotenv 16, 17 and 18"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses the values that no spelling delivers: see `_spellings` for all there are."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if _spelling(value) is None:
            what = (
                'a CR beside a literal \\n or \\r or a " that needs its quotes'
                if "\r" in value
                else "a # or a line break beside all three quotes that dotenv knows"
            )
            return Refusal(f"the value holds {what}, and dotenv has no escape for a quote", to_a_file(name))
        return refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One setting after the other, each in the first spelling that holds its value.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return "".join(f"{name}={_spelling(value)}\n" for name, value in settings.items())

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the file defines; a variable that is already set wins over it."""
        text = re.sub("\r\n?", "\n", text)
        bindings: list[Binding] = []
        findings: list[Finding] = []
        position, end, counted, line = 0, len(text), 0, 1
        while position <= end:
            # All line starts within one run of blanks lead to the same place: try it once.
            start = _SPACES.match(text, position).end()  # type: ignore[union-attr]  # a run may be empty
            found = _SETTING.match(text, start)
            if found is not None:
                line += text.count("\n", counted, start)
                counted = start
                bindings.append(Binding(found[1], _value(found[2] or ""), line))
                position = found.end()
                # The next setting begins on a line of its own: where this one ended, if blanks were eaten up to there.
                if position == end:
                    break
            elif start < end and text[start] != "#":
                line += text.count("\n", counted, start)
                counted = start
                findings.append(
                    Finding(
                        f"line {line}",
                        "",
                        "no NAME=value that dotenv finds: it skips the line",
                        rule="not-an-assignment",
                    )
                )
            if found is None:
                position = start
            following = _NEXT_LINE.search(text, position)
            if following is None:
                break
            position = following.end()
        return Reading(bindings, findings)


def _value(matched: str) -> str:
    value = matched.strip(_BLANK_CHARACTERS)
    doubly_quoted = value[:1] == '"'
    if "'" in value or '"' in value or "`" in value:
        value = _OUTER_QUOTES.sub(r"\2", value)
    if doubly_quoted:
        value = value.replace("\\n", "\n").replace("\\r", "\r")
    return value


def _spelling(value: str) -> str | None:
    return next(_spellings(value), None)


def _spellings(value: str) -> Iterator[str]:
    """All ways to write the value, the most readable first.

    A value reaches the program either as the body of quotes that dotenv recognises (each of that quote in the body
    has a backslash before it), or as a line without `#`, less one pair of quotes. Only what begins with " is decoded.
    """
    escaped = None
    if not _ESCAPE.search(value):
        escaped = value.replace("\r", "\\r")
    for quote in _QUOTES:
        body = escaped if quote == '"' else value
        if body is not None and "\r" not in body and not _FREE_QUOTE[quote].search(body):
            # After a final backslash the quote would not close if another followed anywhere before a line's end.
            yield f"{quote}{body}{quote} #{quote}x" if body.endswith("\\") else f"{quote}{body}{quote}"
    if "#" in value:
        return
    line = None if escaped is None else escaped.replace("\n", "\\n")
    candidates = [f"'{value}'", f"`{value}`", value]
    if line is not None:
        # Three quotes: where U+2028 follows, the first and the third are dropped as a pair.
        candidates += [f'"{line}"', line, f'""{line}']
    yield from (candidate for candidate in candidates if _is_a_line(candidate, value))


def _is_a_line(spelling: str, value: str) -> bool:
    """Whether this, unquoted in the eyes of dotenv, gives the value whatever stands on the lines behind it."""
    if "\n" in spelling or "\r" in spelling:
        return False
    quote = spelling[:1]
    if quote in _FREE_QUOTE and not _FREE_QUOTE[quote].search(spelling, 1):
        # The quote could close on a later line.
        return False
    found = _SETTING.match(f"X={spelling}\n")
    return found is not None and found[2] == spelling and _value(spelling) == value


CHANNEL = NpmDotenv()
