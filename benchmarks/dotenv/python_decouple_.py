"""python-decouple's reader of a `.env` file."""

from __future__ import annotations

from decouple import RepositoryEnv

NAME = "python-decouple"


def read(path: str) -> dict[str, str | None]:
    """The file's values; knows no inline comments, escapes or references."""
    values: dict[str, str | None] = RepositoryEnv(path).data
    return values
