"""python-dotenv's `dotenv_values`, the reference for the result."""

from __future__ import annotations

from dotenv import dotenv_values

NAME = "python-dotenv"


def read(path: str) -> dict[str, str | None]:
    """The file's values."""
    return dotenv_values(path)
