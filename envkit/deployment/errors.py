"""The error that holds every problem of a description, and the names of its keys in messages."""

from __future__ import annotations

import re
from json import dumps

from envkit.findings import FindingsError

Place = tuple[str | int, ...]
"""The path of a key, with the index of an item in a list."""


class DescriptionError(FindingsError):
    """The description cannot be used; `findings` says everything that is wrong with it, one finding a line."""


def dotted(place: Place) -> str:
    """`http.static."/static/".directory`, `http.domains[1]`: as TOML writes the key; list items count from 0."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else dumps(part)
            text += f".{bare}" if text else bare
    return text
