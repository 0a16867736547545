"""`node --env-file`: the reading of src/node_dotenv.cc, one for node 22 and later and one for node 20."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import IDENTIFIER
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried, to_a_file
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (
    "CR is deleted everywhere, also inside quotes; the rest is split at LF (src/node_dotenv.cc).",
    "A value that begins with ', \" or ` runs to the next one, over lines; nothing escapes a quote in it.",
    "What follows a closing quote on its line is ignored.",
    'Only in "…" a literal \\n becomes a newline; no other escape is known.',
    "An opening quote with no second one anywhere behind it is part of the value, which then ends with its line.",
    "Unquoted, the value ends at the first #, with or without a blank before it; blanks at both ends are dropped.",
    "export before a name is dropped. A line without = is ignored. A name may hold any character but =.",
    "node 22 and 24: after NAME= and a blank, line ends are skipped too, so the next line becomes the value.",
    (
        "node 20: a line without = becomes part of the next name; a = without a name ends the file; an unclosed "
        "quote on a last line without LF drops the line; a tab is no blank."
    ),
    "Nothing is expanded, no command runs. A variable that is already set wins over the file (node --env-file).",
    "NODE_OPTIONS in the file is delivered, and node takes its own options from it (node --help).",
)

_QUOTES = "'\"`"
_BLANKS = " \t\n"


class Node:
    """A file for `node --env-file`, as node 22 and later read it; what is written is read alike by node 20."""

    name = "node"
    summary = "node --env-file"
    reader = "node 22 and 24 (what is written is also read so by node 20)"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses a CR, and mixtures of all quotes that no spelling holds."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if "\r" in value:
            return Refusal("the value holds a CR, which node deletes", to_a_file(name))
        if _spelling(value) is None:
            return Refusal(
                "the value holds all three quotes that node knows (or a literal \\n and the other two), "
                "and node has no escape for a quote",
                to_a_file(name),
            )
        return refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One setting after the other, each in the first quote that its value does not hold.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return "".join(f"{name}={_spelling(value)}\n" for name, value in settings.items())

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the file defines; a variable that is set in the environment of node itself wins over it."""
        return _Reader(text).read()


class Node20(Node):
    """The same file, as node 20 reads it."""

    name = "node-20"
    summary = "node --env-file of node 20"
    reader = "node 20.12 to 20.20"

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the file defines; a variable that is set in the environment of node itself wins over it."""
        return _Reader20(text).read()


def _spelling(value: str) -> str | None:
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value and "\\n" not in value:
        return f'"{value}"'
    if "`" not in value:
        return f"`{value}`"
    return value if _is_bare(value) else None


def _is_bare(value: str) -> bool:
    return value[0] not in _QUOTES and "#" not in value and "\n" not in value and value.strip(_BLANKS) == value


class _Reader:
    """The loop of Dotenv::ParseContent in node 22.23 and 24.21, by positions in the text."""

    def __init__(self, text: str) -> None:
        # CR is deleted before anything else; it ends no line, so that the numbers of lines stay.
        self.text = text.replace("\r", "")
        self.position = 0
        self.end = len(self.text)
        self.bindings: list[Binding] = []
        self.findings: list[Finding] = []
        self._counted = (0, 1)

    def read(self) -> Reading:
        text = self.text
        self.end = len(text.rstrip(_BLANKS))
        self._skip(_BLANKS)
        while self.position < self.end:
            if text[self.position] in "\n#":
                self.position = self._line_end(self.position) + 1
                continue
            if not self._name():
                break
        return Reading(self.bindings, self.findings)

    def _name(self) -> bool:
        """Reads one line from its name on; False at the end of what node looks at."""
        text, start = self.text, self.position
        line_end = self._line_end(start)
        equals = text.find("=", start, line_end)
        if equals < 0:
            if line_end == self.end:
                return False
            self._report(start, "", "no = on the line, which node ignores", "not-an-assignment")
            self.position = line_end + 1
            self._skip(_BLANKS)
            return True
        name = text[start:equals].strip(_BLANKS)
        self.position = equals + 1
        if self.position >= self.end or text[self.position] == "\n":
            # Here node keeps a word export, and accepts no name at all.
            self._bind(start, name, "")
            return True
        self._skip(_BLANKS)
        if not name:
            self._report(start, "", "no name before =", "no-name")
            return True
        if name.startswith("export "):
            name = name[7:].strip(_BLANKS)
        if "\n" in text[equals : self.position]:
            self._report(start, name, "a blank after = makes the next line the value", "value-from-next-line")
        if not self._quoted(start, name):
            self._line_of_text(start, name)
            # Not behind a quoted value: there a blank before # makes the comment a name.
            self._skip(_BLANKS)
        return True

    def _quoted(self, start: int, name: str) -> bool:
        """Reads a value in quotes that close; False, and nothing done, where it is another."""
        text, begin = self.text, self.position
        quote = text[begin]
        closing = text.find(quote, begin + 1, self.end) if quote in _QUOTES else -1
        if closing < 0:
            return False
        value = text[begin + 1 : closing]
        self._bind(start, name, value.replace("\\n", "\n") if quote == '"' else value)
        self._after_quote(start, name, closing)
        self.position = self._line_end(closing) + 1
        return True

    def _line_of_text(self, start: int, name: str) -> None:
        begin, line_end = self.position, self._line_end(self.position)
        value = self.text[begin:line_end]
        if value[:1] in ("'", '"', "`"):
            self._report(start, name, "a quote that never closes becomes part of the value", "unclosed-quote")
        else:
            value = value.partition("#")[0].strip(_BLANKS)
        self._bind(start, name, value)
        self.position = line_end + 1

    def _after_quote(self, start: int, name: str, closing: int) -> None:
        rest = self.text[closing + 1 : self._line_end(closing)].strip(_BLANKS)
        if rest and not rest.startswith("#"):
            self._report(start, name, "what follows the closing quote is ignored", "text-after-quote")

    def _line_end(self, position: int) -> int:
        """The position of the next LF, or the end of what node looks at."""
        found = self.text.find("\n", position, self.end)
        return self.end if found < 0 else found

    def _skip(self, blanks: str) -> None:
        text, end, position = self.text, self.end, self.position
        while position < end and text[position] in blanks:
            position += 1
        self.position = position

    def _bind(self, start: int, name: str, value: str) -> None:
        self.bindings.append(Binding(name, value, self._line(start)))

    def _report(self, start: int, name: str, problem: str, rule: str) -> None:
        shown = name if IDENTIFIER.pattern.fullmatch(name) else ""
        self.findings.append(Finding(f"line {self._line(start)}", shown, problem, rule=rule))

    def _line(self, position: int) -> int:
        counted, line = self._counted
        line += self.text.count("\n", counted, position)
        self._counted = (position, line)
        return line


class _Reader20(_Reader):
    """The same loop as node 20 has it: only blanks are dropped, and what is malformed ends or shifts the reading."""

    def read(self) -> Reading:
        text = self.text
        self.end = len(text.rstrip(" "))
        self._skip(" ")
        while self.position < self.end:
            if text[self.position] in "\n#":
                line_end = self._line_end(self.position)
                if line_end < self.end:
                    self.position = line_end + 1
                    continue
            if not self._name():
                break
        return Reading(self.bindings, self.findings)

    def _name(self) -> bool:
        text, start = self.text, self.position
        equals = text.find("=", start, self.end)
        if equals < 0:
            return False
        # Of a name of blanks alone, trim_spaces of node 20 makes the character before it: always the LF.
        name = text[start:equals].strip(" ") or "\n" * (equals > start)
        self.position = equals + 1
        if not name:
            self._report(start, "", "no name before =: node 20 ignores the rest of the file", "no-name")
            return False
        if "\n" in name:
            self._report(start, "", "a line without = becomes part of the next name", "not-an-assignment")
        name = name.removeprefix("export ")
        self._skip(" ")
        if self.position >= self.end:
            self._bind(start, name, "")
            return False
        if self._quoted(start, name):
            # The LF that ends the line is still to come; without one, node 20 looks no further.
            self.position -= 1
            return self.position < self.end
        begin, line_end = self.position, self._line_end(self.position)
        if text[begin] in _QUOTES:
            self._report(start, name, "a quote that never closes becomes part of the value", "unclosed-quote")
            if line_end < self.end:
                self._bind(start, name, text[begin:line_end])
                self.position = line_end
            return True
        self.position = line_end
        self._bind(start, name, text[begin:line_end].partition("#")[0].strip(" "))
        return True


CHANNEL = Node()
NODE_20 = Node20()
