"""The labels by which Watchtower knows the containers it may replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment

PREFIX = "com.centurylinklabs.watchtower"
"""The project's labels kept this prefix in the maintained fork."""


def scope_label(deployment: Deployment) -> tuple[str, str]:
    """What keeps two Watchtowers of one machine out of each other's containers."""
    return f"{PREFIX}.scope", deployment.name


def update_labels(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    """The labels of a container of the app; none where nothing is updated by itself."""
    if deployment.updates is None:
        return ()
    return (f"{PREFIX}.enable", "true"), scope_label(deployment)
