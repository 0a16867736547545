"""The `${NAME}` and `${NAME:-default}` of `.env` values, as python-dotenv 1.2.4 replaces them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The closing brace is optional here, so that a `${` without one is passed over together with all that was
# searched for its brace, and the search stays linear. Nothing is missed by that: a later `${` in the passage would
# stop at the same character, or has no brace behind it either.
_reference = re.compile(r"\$\{([^}:]*+)(?::-([^}]*+))?(\})?")


def resolve(
    found: list[tuple[str, str | None, int]], environ: Mapping[str, str] | None, *, override: bool
) -> tuple[dict[str, str | None], list[tuple[str, str | None, int]]]:
    """Replaces the references in every value, in order, so that a value sees the bindings above its own.

    Args:
        found: Name, value and line of each binding.
        environ: The environment, `os.environ` when None; asked for the names that are referred to, no others.
        override: Whether the bindings above (True) or the environment (False) win where both know a name.

    Returns:
        The final values by name, and the bindings with their values resolved. An unknown name gives its
        default, or nothing; a bare name (value None) gives nothing, whatever the default.
    """
    environment = os.environ if environ is None else environ
    values: dict[str, str | None] = {}

    def replacement(match: re.Match[str]) -> str:
        name, default, brace = match.groups()
        if brace is None:
            return match[0]
        if override and name in values:
            return values[name] or ""
        outside = _look_up(environment, name)
        if outside is not None:
            return outside
        return values.get(name, default) or ""

    resolved = []
    for name, value, line in found:
        text = _reference.sub(replacement, value) if value and "${" in value else value
        values[name] = text
        resolved.append((name, text, line))
    return values, resolved


def _look_up(environ: Mapping[str, str], name: str) -> str | None:
    try:
        return environ.get(name)
    except UnicodeEncodeError:
        # os.environ was asked for half a surrogate pair, which no variable's name can hold.
        return None
