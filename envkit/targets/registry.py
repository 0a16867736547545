"""The targets by name; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from envkit.deployment.errors import DescriptionError, Place, dotted
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envkit.deployment.model import Deployment
    from envkit.rendering.environments import Language
    from envkit.rendering.quoting import CannotQuote
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
    """The language of its templates, as in `envkit.rendering.environments`. A target of several has LANGUAGES, too."""
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
    from envkit.rendering.quoting import CannotQuote

    module = target(name)
    try:
        if name in NAMING_SETTINGS:
            return module.render(deployment, settings)
        return module.render(deployment, in_src=True) if in_src and name == "dockerfile" else module.render(deployment)
    except CannotQuote as error:
        refused = error.with_traceback(None)
    raise DescriptionError(_where(deployment, name, getattr(module, "LANGUAGES", (module.LANGUAGE,)), refused))


def _where(deployment: Deployment, name: str, languages: tuple[Language, ...], refused: CannotQuote) -> list[Finding]:
    """The keys whose texts a language refuses for this reason: quoting saw the text but not its key."""
    from envkit.rendering.environments import quoter
    from envkit.rendering.quoting import CannotQuote

    findings = []
    for place, text in _texts(deployment):
        for language in languages:
            try:
                quoter(language)(text)
            except CannotQuote as error:
                if str(error) == str(refused):
                    findings.append(Finding(deployment.origin, dotted(place), f"target {name}: {error}"))
    return findings or [Finding(deployment.origin, "", f"target {name}: {refused}")]


def _texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text in the description with its place; a name of the user's choice counts as a text of its own."""
    from dataclasses import fields, is_dataclass

    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*place, name), name
            yield from _texts(item, (*place, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*place, index))
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), (*place, field.name))
