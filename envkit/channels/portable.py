"""The spellings of a value that many readers of `.env`-like files read alike."""

from __future__ import annotations

import re

_BARE = re.compile(r"(?!=)(?!encrypted:)(?:[A-Za-z0-9!%*+,\-./?@\[\]^_{}=]|:(?!=))+")
_SINGLE = re.compile(r"""(?!"[^'$]*"\Z)(?:[^'$\\\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\0]|\\(?![\\nt]|\Z))*""")
_DOUBLE = re.compile(r'[^"$\\`\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\0]*')


def bare(value: str) -> str | None:
    """The value as it stands, if every reader takes ``NAME=value`` for it: hex, base64, UUIDs, most URLs."""
    return value if len(value) < 60_000 and _BARE.fullmatch(value) else None


def quoted(value: str) -> str | None:
    """The value in quotes, if every reader that knows quotes reads it alike."""
    if _SINGLE.fullmatch(value):
        return f"'{value}'"
    return f'"{value}"' if _DOUBLE.fullmatch(value) else None
