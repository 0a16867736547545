"""How a file says that envkit made it, from what, and how it is made again."""

from __future__ import annotations

from envkit import __version__

MARK = "Made by envkit"
"""What the head of every generated file says, by which envkit knows its own."""


def head(command: str, source: str, prefix: str = "# ") -> str:
    """The two lines of comment at the top of a file; without time and machine: the same input gives the same bytes.

    Args:
        command: by which the file is made again.
        source: what it is made from, and is to be changed instead.
        prefix: what begins a comment in the language of the file.
    """
    return (
        f"{prefix}{MARK} {__version__} from {source}. Changes made here are lost:\n"
        f"{prefix}change {source}, then run `{command}`."
    )
