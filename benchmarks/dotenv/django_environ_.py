"""django-environ's `read_env`, into a dictionary instead of the process environment."""

from __future__ import annotations

from typing import Any

from environ import Env

NAME = "django-environ"


def read(path: str) -> dict[str, str | None]:
    """The file's values; knows no references."""
    values: dict[str, str | None] = {}
    # A class of its own each time: the environment that `read_env` writes to is an attribute of the class.
    own_env: Any = type("OwnEnv", (Env,), {"ENVIRON": values})
    own_env.read_env(path)
    return values
