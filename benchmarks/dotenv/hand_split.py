"""What one writes by hand: split each line at the first `=`, and remember its number."""

from __future__ import annotations

from pathlib import Path

NAME = "a hand-written split"


def read(path: str) -> dict[str, str | None]:
    """The file's values, with the line each came from; knows no escapes, inline comments or references."""
    values: dict[str, str | None] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped[0] == "#":
            continue
        name, equal_sign, value = stripped.removeprefix("export ").partition("=")
        if not equal_sign:
            continue
        name, value = name.strip(), value.strip()
        if value[:1] in {"'", '"'} and value[-1:] == value[:1]:
            value = value[1:-1]
        values[name] = value
        lines[name] = number
    return values
