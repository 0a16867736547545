"""The targets by name; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from envkit.deployment.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envkit.deployment.model import Deployment
    from envkit.rendering.environments import Language
    from envkit.targets.artifacts import Judge, Rendering
    from envkit.targets.settings import SettingNames

TARGETS = {
    "compose": "envkit.targets.compose",
    "docker": "envkit.targets.docker",
    "dockerfile": "envkit.targets.dockerfile",
    "gunicorn": "envkit.targets.gunicorn",
    "heroku": "envkit.targets.heroku",
    "inertia": "envkit.targets.inertia",
    "nginx": "envkit.targets.nginx",
    "systemd": "envkit.targets.systemd",
    "updates": "envkit.targets.updates",
}
NAMING_SETTINGS = frozenset({"compose", "heroku", "inertia"})
"""The targets whose files name every setting; their `render` takes the names as its second argument."""
IN_PROJECT = frozenset({"heroku", "inertia"})
"""The targets whose files are found in the project's own folder alone."""
BY_DEFAULT = ("gunicorn", "nginx")
"""What every app needs, rendered where no target is named; the others are for those who ask for them."""


class Target(Protocol):
    """What the module of a target holds."""

    JUDGE: Judge
    LANGUAGE: Language
    """The language of its templates, as in `envkit.rendering.environments`."""
    render: Callable[..., Rendering]


def target(name: str) -> Target:
    """The module of a target.

    Raises:
        KeyError: there is no target of this name.
    """
    return cast("Target", import_module(TARGETS[name]))


def render_target(
    name: str, deployment: Deployment, settings: SettingNames | None = None, *, in_src: bool = False
) -> Rendering:
    """The files of one target.

    Args:
        name: the target.
        deployment: the description.
        settings: the names that the settings class declares, for the targets of NAMING_SETTINGS.
        in_src: whether the app's modules lie in the project's folder `src`, for the target dockerfile.

    Raises:
        KeyError: there is no target of this name.
        DescriptionError: a text of the description does not fit the language of the target's files.
    """
    module = target(name)

    def render(described: Deployment) -> Rendering:
        if name in NAMING_SETTINGS:
            return module.render(described, settings)
        return module.render(described, in_src=True) if in_src and name == "dockerfile" else module.render(described)

    from envkit.rendering.quoting import CannotQuote

    try:
        return render(deployment)
    except CannotQuote as error:
        refused = error.with_traceback(None)
    from envkit.targets.refusals import refusals

    raise DescriptionError(refusals(deployment, name, render, refused))
