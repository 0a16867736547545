"""envkit: values, and the line each came from."""

from __future__ import annotations

from envkit.settings.dotenv import parse
from envkit.settings.files import load_text

NAME = "envkit"


def read(path: str) -> dict[str, str | None]:
    """The file's values; `parse` gives their lines with them."""
    return parse(load_text(path)).values
