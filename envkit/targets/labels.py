"""What the targets for containers share: the labels by which Watchtower knows its containers, and warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment.derived import container
from envkit.targets.findings import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding

PREFIX = "com.centurylinklabs.watchtower"
"""The project's labels kept this prefix in the maintained fork."""


def no_table(deployment: Deployment) -> Finding:
    """For an app that is rendered for containers without being described for them."""
    return warning(
        deployment,
        "container",
        "is missing, so gunicorn's file still says a socket that no other container reaches",
        "add [container], then render gunicorn as well",
        "no-container",
    )


def restart_findings(deployment: Deployment) -> Iterator[Finding]:
    """For a policy that leaves the app stopped after a restart of the machine.

    Source: docs.docker.com, "Start containers automatically"; an app that ends by SIGTERM ends well.
    """
    if container(deployment).restart == "on-failure":
        yield warning(
            deployment,
            "container.restart",
            "on-failure starts no container again that ended well, as each does when the machine or Docker restarts",
            'write "unless-stopped"',
            "container-restart",
        )


def scope_label(deployment: Deployment) -> tuple[str, str]:
    """What keeps two Watchtowers of one machine out of each other's containers."""
    return f"{PREFIX}.scope", deployment.name


def update_labels(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    """The labels of a container of the app; none where nothing is updated by itself."""
    if deployment.updates is None:
        return ()
    return (f"{PREFIX}.enable", "true"), scope_label(deployment)
