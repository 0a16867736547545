"""The line of every key in a TOML text which tomllib has accepted: tomllib itself does not tell.

A light scanner: because the syntax is known to be right, it needs to know only where keys, values and comments end.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.errors import Place

_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # up to two quotes may stand before the closing three
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def lines_of(text: str) -> dict[Place, int]:
    """For each table, key and item of a list, by its path (items by their index), the line it begins on, from 1.

    Of a table with several headers it is the first. `text` must be valid TOML, with LF or CRLF line ends.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Place, int] = {}
        self._text = text
        self._at = 0
        self._counted_to = 0
        self._line = 1
        self._arrays: dict[Place, int] = {}  # arrays of tables: how many tables each has

    def document(self) -> None:
        table: Place = ()
        self._skip(_BETWEEN)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BETWEEN)

    def _header(self) -> Place:
        is_array = self._text.startswith("[[", self._at)
        line = self._here()
        self._at += 2 if is_array else 1
        place: Place = ()
        parts = list(self._key())
        for depth, part in enumerate(parts):
            place = (*place, part)
            if depth == len(parts) - 1 and is_array:
                self._note(place, line)
                self._arrays[place] = self._arrays.get(place, 0) + 1
            if place in self._arrays:
                place = (*place, self._arrays[place] - 1)
            self._note(place, line)
        self._at += 2 if is_array else 1
        return place

    def _pair(self, table: Place) -> None:
        line = self._here()
        place = table
        for part in self._key():
            place = (*place, part)
            self._note(place, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(place)

    def _key(self) -> Iterator[str]:
        """The parts of a dotted key; leaves the position behind it and the blanks that follow."""
        while True:
            self._skip(_SPACE)
            if self._text[self._at] in "\"'":
                yield _unquoted(self._skip(_STRING))
            else:
                yield self._skip(_BARE_KEY)
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return
            self._at += 1

    def _value(self, place: Place) -> None:
        start = self._text[self._at]
        if start == "[":
            self._items(place)
        elif start == "{":
            self._inline_table(place)
        else:
            self._skip(_STRING if start in "\"'" else _SCALAR)

    def _items(self, place: Place) -> None:
        index = 0
        self._at += 1
        self._skip(_BETWEEN)
        while self._text[self._at] != "]":
            self._note((*place, index), self._here())
            self._value((*place, index))
            index += 1
            self._separator()
        self._at += 1

    def _inline_table(self, place: Place) -> None:
        self._at += 1
        self._skip(_BETWEEN)
        while self._text[self._at] != "}":
            self._pair(place)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._skip(_BETWEEN)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BETWEEN)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError("the text is not TOML")  # tomllib has accepted it, so this is a defect here
        self._at = found.end()
        return found[0]

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line

    def _note(self, place: Place, line: int) -> None:
        self.lines.setdefault(place, line)


def _unquoted(string: str) -> str:
    if string[0] == "'":
        return string[1:-1]
    return str(tomllib.loads(f"key = {string}")["key"])
