"""JSON with the line of every value, for channels whose text is JSON."""

from __future__ import annotations

import json
import re
from typing import NamedTuple, TypeAlias

from envkit.findings import Finding

Scalar: TypeAlias = "str | int | float | bool | None"

_BLANKS = re.compile(r"[ \t\n\r]*")
_DEEPEST = 50


class Node(NamedTuple):
    """One value of a JSON text."""

    value: Scalar | list[Node] | dict[str, Node]
    """A mapping's repeated name has its last value, as in every common reader."""
    line: int
    """The line, counted from 1, on which the value begins; for a member of an object its name's line."""
    repeated: tuple[tuple[str, Node], ...] = ()
    """Members of an object that a later one of the same name replaces."""

    def get(self, name: str) -> Node | None:
        """The member called `name`, if this is an object that has one."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def items(self) -> list[Node]:
        """The elements, if this is an array."""
        return self.value if isinstance(self.value, list) else []

    def text(self) -> str | None:
        """The value, if it is a string."""
        return self.value if isinstance(self.value, str) else None


def parse(text: str) -> Node | Finding:
    """The one value that `text` holds, or the finding that says where it breaks off."""
    reader = _Reader(text.removeprefix("\ufeff"))
    try:
        node = reader.value(0)
        reader.skip()
    except json.JSONDecodeError as error:
        position, problem = error.pos, error.msg
    else:
        if reader.position == len(reader.text):
            return node
        position, problem = reader.position, "text after the end"
    line = reader.text.count("\n", 0, position) + 1
    return Finding(f"line {line}", "", f"not JSON: {problem[:1].lower()}{problem[1:]}", "", rule="malformed")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._line = 1
        self._counted = 0
        # No channel takes a number, and int() would refuse one of more than 4300 digits (sys.set_int_max_str_digits).
        self._decode = json.JSONDecoder(parse_int=float).raw_decode

    def value(self, depth: int) -> Node:
        self.skip()
        if depth > _DEEPEST:
            raise self._error("nested too deeply")
        start, line = self._peek(), self.line()
        if start == "{":
            return self._object(line, depth)
        if start == "[":
            return self._array(line, depth)
        value, self.position = self._decode(self.text, self.position)
        return Node(value, line)

    def skip(self) -> None:
        match = _BLANKS.match(self.text, self.position)
        self.position = self.position if match is None else match.end()

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def _object(self, line: int, depth: int) -> Node:
        found: dict[str, Node] = {}
        repeated: list[tuple[str, Node]] = []
        self.position += 1
        self.skip()
        if self._peek() == "}":
            self.position += 1
            return Node(found, line)
        while True:
            self.skip()
            if self._peek() != '"':
                raise self._error("no name in double quotes")
            at = self.line()
            name, self.position = self._decode(self.text, self.position)
            self.skip()
            self._expect(":", "no : after a name")
            if name in found:
                repeated.append((name, found[name]))
            found[name] = self.value(depth + 1)._replace(line=at)
            self.skip()
            if self._expect(",}", "neither , nor } after a value") == "}":
                return Node(found, line, tuple(repeated))

    def _array(self, line: int, depth: int) -> Node:
        found: list[Node] = []
        self.position += 1
        self.skip()
        if self._peek() == "]":
            self.position += 1
            return Node(found, line)
        while True:
            found.append(self.value(depth + 1))
            self.skip()
            if self._expect(",]", "neither , nor ] after a value") == "]":
                return Node(found, line)

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _expect(self, characters: str, problem: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            raise self._error(problem)
        self.position += 1
        return found

    def _error(self, problem: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(problem, "", self.position)
