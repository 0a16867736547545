"""Rendering several targets at once, so that the problems of one do not hide those of the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment.errors import DescriptionError
from envkit.deployment.overrides import origin_and_name
from envkit.findings import Finding, did_you_mean
from envkit.operations.layout import is_in_src
from envkit.targets.registry import BY_DEFAULT, NAMING_SETTINGS, TARGETS, render_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.deployment.model import Deployment
    from envkit.targets.artifacts import Rendering


def render_targets(names: Iterable[str], deployment: Deployment, folder: Path | None = None) -> dict[str, Rendering]:
    """The files of each target, in the order of `names`.

    Where that is empty, of those that the description names; and of gunicorn and nginx where it names none.

    Args:
        names: the targets.
        deployment: the description.
        folder: the project's; None is the current one.

    Raises:
        DescriptionError: with every finding of every target that cannot be rendered.
        CannotImportError: a target needs the names of the settings, and their class cannot be had.
        KeyError: there is no target of this name.
    """
    wanted = list(dict.fromkeys(names)) or _described(deployment) or BY_DEFAULT
    settings = None
    if not NAMING_SETTINGS.isdisjoint(wanted):
        from envkit.operations.setting_names import setting_names

        settings = setting_names(deployment)
    renderings: dict[str, Rendering] = {}
    findings: list[Finding] = []
    for name in wanted:
        try:
            in_src = name == "dockerfile" and is_in_src(folder or Path(), deployment.app)
            renderings[name] = render_target(name, deployment, settings, in_src=in_src)
        except DescriptionError as error:
            findings += error.findings
    if findings:
        raise DescriptionError(findings)
    return renderings


def _described(deployment: Deployment) -> list[str]:
    """The targets that the description names.

    Raises:
        DescriptionError: some are none.
    """
    if findings := find_no_target(deployment):
        raise DescriptionError(findings)
    return list(dict.fromkeys(deployment.targets))


def find_no_target(deployment: Deployment) -> list[Finding]:
    """What the description takes for a target and is none."""
    origin, key = origin_and_name(deployment, "targets")
    return [
        Finding(
            origin,
            f"{key}[{index}]",
            f"there is no target {name}",
            did_you_mean(name, tuple(TARGETS)) or f"known: {', '.join(TARGETS)}",
        )
        for index, name in enumerate(deployment.targets)
        if name not in TARGETS
    ]
