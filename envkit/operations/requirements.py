"""The `requirements.txt` that an image installs, of what `pyproject.toml` says that an app depends on."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from envkit.deployment.description_file import PROJECT_FILE

if TYPE_CHECKING:
    from pathlib import Path

FILE = "requirements.txt"


def requirements_of(folder: Path) -> str | None:
    """The text of a first requirements.txt for a project, which pins nothing that pyproject.toml does not.

    Args:
        folder: the project's.

    Returns:
        A line for each of `[project] dependencies` (PyPA, pyproject.toml specification), below a comment; None where
        there are none, or where a build finds them out.
    """
    try:
        named = tomllib.loads((folder / PROJECT_FILE).read_text(encoding="utf-8"))["project"]["dependencies"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return None
    if not isinstance(named, list) or not all(isinstance(one, str) and one.isprintable() and one for one in named):
        return None
    head = "# What pyproject.toml names, for the image; `uv export` or `pip-compile` also pins what these need."
    return "\n".join([head, *named, ""]) if named else None
