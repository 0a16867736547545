"""How Docker Compose 2 replaces ``$NAME`` and ``${NAME…}``, in env files and in compose files.

Source: compose-spec/compose-go 2 `template/template.go`. Checked against Compose 2.26 and 2.40.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Go's (?i) folds the long s and the Kelvin sign into the letters.
_DOLLAR = re.compile("\\$(?:(\\$)|([_a-zA-Z\u017f\u212a][_a-zA-Z0-9\u017f\u212a]*)|(\\{))")
_BRACED = re.compile("([_a-zA-Z\u017f\u212a][_a-zA-Z0-9\u017f\u212a]*)(?:(\\})|(:?[-+?]))?")
_BRACE = re.compile("[{}]")

_DEEPEST = 100
"""Defaults within defaults that are followed; Compose itself follows more."""


class MisreadError(Exception):
    """Compose stops at this; the message holds nothing of the text."""

    def __init__(self, problem: str, hint: str, rule: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.rule = rule


def substitute(template: str, lookup: Callable[[str], str | None], depth: int = 0) -> str:
    """`template` with references replaced.

    Raises:
        MisreadError: a ``${`` that begins no reference, or a ``${NAME:?…}`` without a value.
    """
    if "$" not in template:
        return template
    if depth > _DEEPEST:
        raise MisreadError("references are nested too deeply to follow", "write the value out", "bad-reference")
    parts: list[str] = []
    position, line_end, last_brace = 0, -1, -1
    while (match := _DOLLAR.search(template, position)) is not None:
        parts.append(template[position : match.start()])
        position = match.end()
        escaped, name, _ = match.groups()
        if escaped:
            parts.append("$")
        elif name:
            parts.append(lookup(name) or "")
        else:
            braced = _BRACED.match(template, position)
            if braced is None or braced[2] is braced[3] is None:
                raise _not_a_reference()
            if braced[2]:
                parts.append(lookup(braced[1]) or "")
                position = braced.end()
                continue
            if line_end < position:
                line_end = template.find("\n", position)
                line_end = len(template) if line_end < 0 else line_end
                last_brace = template.rfind("}", position, line_end)
            if last_brace < braced.end():
                raise _not_a_reference()
            closing = _closing_brace(template, match.end(), last_brace)
            word = template[braced.end() : closing]
            parts.append(_resolved(braced[1], braced[3], substitute(word, lookup, depth + 1), lookup))
            position = closing + 1
    parts.append(template[position:])
    return "".join(parts)


def _closing_brace(template: str, start: int, last: int) -> int:
    """The brace that closes the reference whose name begins at `start`, or else the line's last one.

    Compose counts any ``{``, and does not look at the character after one.
    """
    depth, position = 1, start + 1
    while (match := _BRACE.search(template, position, last + 1)) is not None:
        if match.group() == "{":
            depth += 1
            position = match.end() + 1
            continue
        depth -= 1
        if not depth:
            return match.start()
        position = match.end()
    return last


def _resolved(name: str, operator: str, word: str, lookup: Callable[[str], str | None]) -> str:
    value = lookup(name)
    present = bool(value) if operator[0] == ":" else value is not None
    if operator[-1] == "?" and not present:
        hint = "set the variable where Compose runs, or in the file above this line"
        raise MisreadError("a variable that the file requires has no value", hint, "required-variable")
    if operator[-1] == "+":
        return word if present else value or ""
    return value or "" if present else word


def _not_a_reference() -> MisreadError:
    return MisreadError("a ${ that begins no reference", "write $$ for a dollar sign", "bad-reference")
