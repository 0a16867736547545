"""Checking the settings as the app would load them, and names in `.env` files that were probably meant otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envkit.findings import Finding, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from envkit.settings.plan import Plan
    from envkit.settings.sources import Gathered


class Checked(NamedTuple):
    """What loading came to."""

    settings: BaseModel | None
    """None when there are errors."""
    findings: tuple[Finding, ...]
    """Errors of the settings, then warnings about names."""


def check_settings(
    model: type[BaseModel], *, env_files: Sequence[Path] = (), environ: Mapping[str, str] = os.environ
) -> Checked:
    """Loads the settings of `model` as the app does when it starts.

    Args:
        model: the settings class.
        env_files: read instead of the current folder's `.env`.
        environ: the environment of the app's process.
    """
    from envkit.settings.loading import load_gathered
    from envkit.settings.plan import plan_of
    from envkit.settings.sources import gather

    plan = plan_of(model)
    # Read once, for both: a file may be a pipe.
    gathered = gather(plan, environ=environ, env_files=env_files or None, secrets_dir=None, interpolate=True)
    settings, problems = load_gathered(plan, gathered, environ, {})
    # A name that the hint of a missing setting mentions already is not mentioned again.
    hints = " ".join(problem.hint for problem in problems)
    misspelt = _probably_misspelt(plan, gathered)
    return Checked(settings, (*problems, *(each for each in misspelt if f"{each.name} at {each.origin}" not in hints)))


def _probably_misspelt(plan: Plan, gathered: Gathered) -> list[Finding]:
    """Warnings for names in `.env` files that are close to a declared setting which no source has."""
    unset = tuple(name for index, slot in enumerate(plan.slots) if index not in gathered.found for name in slot.names)
    return [
        Finding(
            f"{file.path}:{line}",
            name,
            f"{plan.model.__name__} has no such setting",
            hint,
            severity="warning",
        )
        for file in gathered.env_files
        for name, line in {**file.parsed.broken, **file.parsed.lines}.items()
        if name not in plan.by_name and name not in plan.by_file_name and (hint := did_you_mean(name, unset))
    ]
