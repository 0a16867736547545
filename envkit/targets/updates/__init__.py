"""The target updates: Watchtower, which takes the app's new images from the registry as they appear."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.deployment.model import Updates
from envkit.rendering.environments import Language, environment, header
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning
from envkit.targets.labels import scope_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding

LANGUAGE: Language = "compose"
FILE = "watchtower.yaml"
_COMMAND = "envkit render updates"


def render(deployment: Deployment) -> Rendering:
    """The file `watchtower.yaml`: a Compose file of its own, for an app in Compose and for one by `docker run`.

    It touches containers that are labelled for this app's scope, as the targets compose and docker label them.

    Raises:
        CannotQuote: a text of the description has no spelling in YAML.
    """
    container = derived.container(deployment)
    updates = deployment.updates or Updates()
    label, scope = scope_label(deployment)
    template = environment(LANGUAGE, Path(__file__).parent / "templates").get_template(f"{FILE}.j2")
    text = template.render(
        header=header(_COMMAND, derived.source(deployment)),
        image=container.images.watchtower,
        schedule=updates.schedule,
        # Longer than the graceful stop, or it would remove containers that still answer.
        stop_timeout=f"{derived.stop_grace(deployment)}s",
        stop_grace=f"{2 * derived.stop_grace(deployment)}s",
        label=label,
        scope=scope,
        restart=container.restart,
        log_size=container.log_size,
        log_files=container.log_files,
    )
    return Rendering((Artifact(FILE, text),), tuple(_findings(deployment)))


def _judge(folder: Path, _: Deployment) -> list[str]:
    return [sys.executable, "-m", "envkit.operations.compose_judge", str(folder / FILE)]


JUDGE = Judge("docker", _judge)


def _findings(deployment: Deployment) -> Iterator[Finding]:
    if deployment.updates is None:
        yield warning(
            deployment,
            "updates",
            "is missing, so no container is labelled for updates",
            "add [updates], then render again",
        )
    if "@" in derived.image(deployment):
        yield warning(
            deployment, "container.image", "names one image by its digest, for which there is never a newer one"
        )
    if "release" in deployment.processes:
        yield warning(
            deployment,
            "processes.release",
            "Watchtower does not run it before it starts new code",
            "the new code must do without",
        )
    yield warning(
        deployment,
        "updates",
        "Watchtower stops the old container before it starts the new one, and does not come back to the old one",
        "visitors see the maintenance page meanwhile, and where no nginx stands before the app, no answer",
    )
