"""A `.env` text taken apart into the statements that python-dotenv, and so envkit's own loader, sees in it."""

from __future__ import annotations

import re
from typing import NamedTuple

from envkit.settings.dotenv_grammar import read_statement

_HEAD = re.compile(r"(?:export[^\S\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\n]*=?[^\S\n]*")
_QUOTED = re.compile(r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*\"""", re.DOTALL)
_COMMENT = re.compile(r"(?:\A|\s)#")


class Statement(NamedTuple):
    """One assignment, bare name or malformed line; comments and blank lines are none."""

    line: int
    """The line, counted from 1, on which it starts."""
    last: int
    """The line on which it ends."""
    start: int
    """The index of its first character."""
    end: int
    """The index at which the next line begins."""
    name: str | None
    """None where it does not parse."""
    value: str | None
    """Before references are replaced; None for a bare name."""
    problem: tuple[str, str] | None
    """What is wrong and what to do, where it does not parse."""


def normalised(text: str) -> str:
    """The text as python-dotenv opens it: without a byte order mark, every line end as LF."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def statements(text: str) -> list[Statement]:
    """The statements of a `normalised` text, in its order."""
    found: list[Statement] = []
    position, line = 0, 1
    while position < len(text):
        start, following, name, value, problem = read_statement(text, position)
        line += text.count("\n", position, start)
        breaks = text.count("\n", start, following)
        if name is not None or problem is not None:
            last = line + breaks - (text[following - 1 : following] == "\n")
            found.append(Statement(line, last, start, following, name, value, problem))
        line += breaks
        position = following
    return found


def right_side(source: str) -> str:
    """What stands behind the = of a statement's source, to the end of its last line."""
    head = _HEAD.match(source)
    return source[head.end() if head else 0 :].removesuffix("\n")


def comment(source: str) -> str:
    """The comment behind a statement's value, with its #; empty where there is none."""
    rest = right_side(source)
    quoted = _QUOTED.match(rest)
    if quoted is not None:
        rest = rest[quoted.end() :]
    found = _COMMENT.search(rest)
    return rest[found.end() - 1 :] if found else ""
