"""Which channels there are: the built-in ones, each imported when first asked for, and those of plug-ins.

A plug-in is an entry point in the group ``envkit.channels`` whose name is the channel's name and whose object
satisfies `envkit.channels.channel.Channel`. A plug-in never replaces a built-in channel.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from envkit.findings import Finding, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from envkit.channels.channel import Channel

GROUP = "envkit.channels"
"""The entry point group for channels from other packages."""

_HOMES = {
    "dotenv": "dotenv:DOTENV",
    "docker": "docker:DOCKER",
    "podman": "podman:PODMAN",
    "compose": "compose:COMPOSE",
    "compose-v1": "compose:COMPOSE_V1",
    "compose-raw": "compose:COMPOSE_RAW",
    "systemd": "systemd:CHANNEL",
    "shell": "shell:CHANNEL",
    "node": "node:CHANNEL",
    "node-20": "node:NODE_20",
    "npm-dotenv": "npm_dotenv:CHANNEL",
    "github": "github:CHANNEL",
    "github-output": "github:OUTPUT",
    "heroku": "heroku:CHANNEL",
    "heroku-local": "heroku:LOCAL",
    "inertia": "inertia:CHANNEL",
    "inertia-send": "inertia:SEND",
    "kubernetes": "kubernetes:KUBERNETES",
    "configmap": "kubernetes:CONFIGMAP",
    "kubectl": "kubectl:KUBECTL",
    "ecs": "ecs:ECS",
    "ecs-secretsmanager": "ecs:SECRETS_MANAGER",
    "json": "json_:JSON",
}
"""Name to ``module:attribute`` inside this package."""


class UnknownChannelError(LookupError):
    """No channel has this name; the message says which one was likely meant."""


class BrokenChannelError(TypeError):
    """A plug-in's entry point cannot be imported, or its object is no channel.

    Attributes:
        findings: the one finding that says so.
    """

    def __init__(self, name: str, value: str, problem: str) -> None:
        """Says that the entry point `value`, named `name`, has this `problem`."""
        hint = "mend or uninstall the package that it comes from"
        self.findings = (Finding(f"the entry point {value}", name, problem, hint),)
        super().__init__(str(self.findings[0]))


def names() -> tuple[str, ...]:
    """Every channel's name: the built-in ones in the order of the documentation, then plug-ins by name."""
    return (*_HOMES, *sorted(_plug_ins()))


def channel(name: str) -> Channel:
    """The channel called `name`, imported when first asked for.

    Raises:
        UnknownChannelError: there is none; the message has the likeliest name meant, or else all names.
        BrokenChannelError: a plug-in cannot be imported, or lacks a part of the interface.
    """
    if name in _HOMES:
        return _built_in(name)
    if name in _plug_ins():
        return _plugged_in(name)
    known = names()
    hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
    raise UnknownChannelError(f"{name}: no such channel. {hint}")


def _built_in(name: str) -> Channel:
    module, _, attribute = _HOMES[name].partition(":")
    found: Channel = getattr(import_module(f"envkit.channels.{module}"), attribute)
    return found


@cache
def _plug_ins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in _HOMES}


@cache
def _plugged_in(name: str) -> Channel:
    entry = _plug_ins()[name]
    found: Any = None
    failure = ""
    try:
        found = entry.load()
    except Exception as error:  # noqa: BLE001  another package's code can raise anything
        failure = type(error).__name__
    if failure:
        raise BrokenChannelError(name, entry.value, f"cannot be imported ({failure})")
    parts = ("name", "summary", "reader", "rules", "refuse", "write", "read")
    missing = [part for part in parts if not hasattr(found, part)]
    if missing:
        raise BrokenChannelError(name, entry.value, f"is no channel: it lacks {', '.join(missing)}")
    plugged_in: Channel = found
    return plugged_in
