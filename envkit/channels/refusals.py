"""Refusals that several channels share, and the check before writing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envkit.channels.channel import Channel

LONGEST_VARIABLE = 131_071
"""Bytes of ``NAME=value`` that Linux passes to a process: execve(2), 32 pages less the NUL."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


def refuse_not_text(value: str) -> Refusal | None:
    """Refuses NUL, which no environment can hold, and lone surrogates: bytes that are not UTF-8."""
    found = _NOT_TEXT.search(value)
    if found is None:
        return None
    what = "a NUL character" if found.group() == "\0" else "bytes that are not UTF-8"
    return Refusal(f"the value holds {what}", "store it as base64")


def refuse_too_long(name: str, value: str, longest: int = LONGEST_VARIABLE, unit: str = "a process") -> Refusal | None:
    """Refuses ``NAME=value`` of more than `longest` bytes of UTF-8; call after `refuse_not_text`."""
    # A character has four bytes at most, so that short values are never encoded.
    if (len(name) + len(value)) * 4 < longest or len(name.encode()) + 1 + len(value.encode()) <= longest:
        return None
    return Refusal(f"the variable is longer than the {longest:,} bytes that {unit} can take", to_a_file(name))


def to_a_file(name: str) -> str:
    """The way out that takes every value: a file and the setting that names it."""
    return f"put the value into a file and set {name}_FILE to its path"


def require_carried(channel: Channel, settings: Mapping[str, str]) -> None:
    """Raises ValueError with every refusal of `settings`; its message holds no value."""
    refused = [(name, channel.refuse(name, value)) for name, value in settings.items()]
    problems = [f"{name}: {refusal.problem}. {refusal.hint}" for name, refusal in refused if refusal is not None]
    if problems:
        raise ValueError("\n".join(f"{channel.name}: {problem}" for problem in problems))
