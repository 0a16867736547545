"""Rendering several targets at once, so that the problems of one do not hide those of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment.errors import DescriptionError
from envkit.targets.registry import BY_DEFAULT, render_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding
    from envkit.targets.artifacts import Rendering


def render_targets(names: Iterable[str], deployment: Deployment) -> dict[str, Rendering]:
    """The files of each target, in the order of `names`; of gunicorn and nginx where `names` is empty.

    Raises:
        DescriptionError: with every finding of every target that cannot be rendered.
        KeyError: there is no target of this name.
    """
    renderings: dict[str, Rendering] = {}
    findings: list[Finding] = []
    for name in dict.fromkeys(names) or BY_DEFAULT:
        try:
            renderings[name] = render_target(name, deployment)
        except DescriptionError as error:
            findings += error.findings
    if findings:
        raise DescriptionError(findings)
    return renderings
