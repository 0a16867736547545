"""What may be shown of a value: its length and the traits by which readers differ, never a character of it."""

from __future__ import annotations

import re

from envkit.channels.names import IDENTIFIER

_LINE_END = re.compile("\r\n|\r|\n")
_LONGEST_NAME = 60


def shape(value: str | None) -> str:
    """The value's shape in words, such as ``39 characters, with the quotes``."""
    if value is None:
        return "no value"
    if not value:
        return "empty"
    words = ["1 character" if len(value) == 1 else f"{len(value)} characters"]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
        words.append("with the quotes")
    breaks = len(_LINE_END.findall(value))
    if breaks:
        words.append("1 line break" if breaks == 1 else f"{breaks} line breaks")
    if value[-1] == "\r":
        words.append("a CR at the end")
    else:
        ends = [end for end, character in (("start", value[0]), ("end", value[-1])) if character in " \t"]
        if ends:
            words.append(f"a blank at the {' and '.join(ends)}")
    return ", ".join(words)


def may_be_shown(name: str) -> bool:
    """Whether what stands before an = is surely a name: a line of a key, or half a password, can stand there too."""
    return (
        bool(IDENTIFIER.pattern.fullmatch(name)) and len(name) <= _LONGEST_NAME and name in (name.upper(), name.lower())
    )
