"""The `.env` reader: python-dotenv's result for every text, plus the line of each value, in linear time.

The reference is python-dotenv 1.2.4. Most lines of most files are plain, and one regular expression reads
those at the speed of C; a line that does not fit goes to `dotenv_grammar`, which knows all of python-dotenv's
grammar and hands back at the start of the next line. That module and `interpolation` are loaded when a text
needs them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Binding(NamedTuple):
    """One name as the file sets it; its `repr` does not show the value."""

    name: str
    value: str | None
    """None for a bare name (`NAME` without `=`)."""
    line: int
    """The line, counted from 1, on which the binding starts."""

    def __repr__(self) -> str:
        return f"Binding(name={self.name!r}, value={_mask(self.value)}, line={self.line})"


class Problem(NamedTuple):
    """A statement that does not parse, which python-dotenv drops with a warning; holds nothing of the text."""

    line: int
    problem: str
    hint: str


class Parsed:
    """What a `.env` text says; its `repr` shows names only."""

    __slots__ = ("_found", "broken", "lines", "problems", "values")

    values: dict[str, str | None]
    """Name to value as in python-dotenv: the last binding of a name wins, at the place of the first."""
    lines: dict[str, int]
    """Name to the line, counted from 1, where its winning binding starts; same keys in the same order."""
    problems: list[Problem]
    """The statements that do not parse, in the order of the text; where there is one, loading is an error."""
    broken: dict[str, int]
    """What stands before the = of those statements, where it can be a name, to its line. `repr` does not show it."""

    def __init__(
        self,
        values: dict[str, str | None],
        found: list[tuple[str, str | None, int]],
        problems: list[Problem],
        broken: dict[str, int],
    ) -> None:
        self.values = values
        self.broken = broken
        self.lines = {name: line for name, _, line in found}
        self.problems = problems
        self._found = found

    @property
    def bindings(self) -> list[Binding]:
        """Every binding in the order of the text, those that a later one overrides included."""
        return [Binding(*found) for found in self._found]

    def __repr__(self) -> str:
        return f"Parsed(names={list(self.values)!r}, problems={self.problems!r})"


def parse(
    text: str, *, interpolate: bool = True, environ: Mapping[str, str] | None = None, override: bool = True
) -> Parsed:
    r"""Reads the text of a `.env` file as python-dotenv 1.2.4 does; raises nothing.

    Line ends are not translated: `envkit.settings.files.load_text` does that, as python-dotenv does by opening
    files in text mode. A line ends with LF, CRLF or CR. One byte order mark at the beginning is dropped.

    Args:
        text: The file's content.
        interpolate: Whether `${NAME}` and `${NAME:-default}` in values are replaced, in single quotes too.
        environ: Where names that the file refers to are looked up, `os.environ` when None. Only names that
            occur are asked for.
        override: Which value of such a name is taken where both have one: that of an earlier line (True, as in
            `dotenv_values`) or the environment's (False, as in `load_dotenv`).
    """
    found, problems, broken = _scan(text)
    # No escape makes a dollar or a brace, so a text without this pair has nothing to replace in any value.
    if interpolate and "${" in text:
        from envkit.settings.interpolation import resolve

        values, found = resolve(found, environ, override=override)
    else:
        values = {name: value for name, value, _ in found}
    return Parsed(values, found, problems, broken)


# One match is exactly one line, so that counting matches counts lines: a binding, a comment or a blank line, or
# the first character of a line that is none of those. What is plain is deliberately narrow: ASCII values, no
# backslash between quotes, no whitespace but space and tab. Repeated characters are possessive, so that no run of
# them is tried twice. Repeated groups are not: Python below 3.11.5, such as Debian 12's, gets possessive groups
# wrong (`(?:ab)?+` eats the a of "ac"; https://github.com/python/cpython/issues/106052).
_plain_line = re.compile(
    r"""
    [ \t]*+
    (?:
        (?:export[ \t]++|(?!export[ \t]))  ([A-Za-z_][A-Za-z0-9_.-]*+)  [ \t]*+ = [ \t]*+
        (?:
            ( [!$-&(-~][!-~]*+ (?:[ \t]++[!"$-~][!-~]*+)* )  # words; a hash before one starts a comment
          | "([^"\\\r\n]*+)"
          | '([^'\\\r\n]*+)'
          |
        )
        [ \t]*+ (?:(?<=[ \t])\#[^\r\n]*+)?
      | \#[^\r\n]*+
      |
    )
    \r?+ (?:\n|\Z)
  | ([^\n])
    """,
    re.VERBOSE,
)


def _scan(text: str) -> tuple[list[tuple[str, str | None, int]], list[Problem], dict[str, int]]:
    """Every binding as name, value and line, values not interpolated; every problem; and names of broken lines."""
    found: list[tuple[str, str | None, int]] = []
    problems: list[Problem] = []
    broken: dict[str, int] = {}
    add = found.append
    plain_lines = _plain_line.finditer
    position = 1 if text.startswith("\ufeff") else 0
    line = 1
    while True:
        for number, match in enumerate(plain_lines(text, position), line):
            name, words, double_quoted, single_quoted, odd = match.groups()
            if name:
                add((name, words or double_quoted or single_quoted or "", number))
            elif odd:
                break
        else:
            return found, problems, broken

        from envkit.settings.dotenv_grammar import name_of_broken, read_statement

        before = match.start()
        start, position, name, value, problem = read_statement(text, before)
        line = number + _newlines(text, before, start)
        if problem:
            problems.append(Problem(line, *problem))
            meant = name_of_broken(text, start)
            if meant:
                broken[meant] = line
        elif name:
            add((name, value, line))
        line += _newlines(text, start, position)


def _newlines(text: str, start: int, end: int) -> int:
    """How many line ends (LF, CRLF, CR) there are between two positions."""
    return text.count("\n", start, end) + text.count("\r", start, end) - text.count("\r\n", start, end)


def _mask(value: str | None) -> str:
    return "None" if value is None else "***"
