"""A channel's file turned into a `.env` that the tools of a developer's machine read alike."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.comparison import compare
from envkit.channels.dotenv import DOTENV
from envkit.channels.registry import channel as local
from envkit.channels.respelling import Speller
from envkit.channels.shapes import may_be_shown
from envkit.findings import Finding, FindingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.channels.channel import Channel

LOCAL_READERS = ("dotenv", "compose", "compose-v1", "shell", "node", "npm-dotenv")
"""The tools that read a project's `.env` on a developer's machine."""


class ReceivingError(FindingsError):
    """The file cannot be taken over; `findings` says why."""


class Received(NamedTuple):
    """The `.env` text, and warnings; its `repr` shows no value."""

    text: str
    names: tuple[str, ...]
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"Received(names={self.names!r}, findings={self.findings!r})"


def receive(channel: Channel, path: str, text: str) -> Received:
    """The settings in a channel's file, spelt for a `.env`.

    Each value is as the channel's program would see it. Where no spelling suits every local reader, python-dotenv's
    exact one is taken, with a warning that names the readers which see something else.

    Args:
        channel: the file's own.
        path: the file's name, for the findings.
        text: what it holds.

    Raises:
        ReceivingError: the channel's program refuses the file or finds no value in it, or a `.env` cannot hold
            a setting of it.
    """
    reading = channel.read(text, {})
    said = [_placed(finding, path) for finding in reading.findings]
    if reading.fatal:
        raise ReceivingError(said or [Finding(path, "", f"{channel.name} refuses the file")])
    values = {name: value for name, value in reading.values().items() if value is not None}
    lines = {binding.name: binding.line for binding in reading.bindings}
    without_value = [
        Finding(f"{path}:{lines[name]}", name if may_be_shown(name) else "", _NO_VALUE, "", "warning")
        for name, value in reading.values().items()
        if value is None
    ]
    if not values:
        # Nothing would overwrite what is there, for a file of another channel, an empty pipe or a new app's `{}`.
        nothing = Finding(path, "", f"holds no setting as {channel.name} reads it", "is it of another channel?")
        raise ReceivingError([*said, *without_value, nothing])
    refused = [
        Finding(f"{path}:{lines[name]}", name if may_be_shown(name) else "", refusal.problem, refusal.hint)
        for name, value in values.items()
        if (refusal := DOTENV.refuse(name, value)) is not None
    ]
    if refused:
        raise ReceivingError(refused)
    warnings = [finding._replace(severity="warning") for finding in said]
    warnings += without_value
    readers = [local(name) for name in LOCAL_READERS]
    speller = Speller(readers)
    spellings = {name: speller.spelling(name, value) for name, value in values.items()}
    written = "".join(
        DOTENV.write({name: value}) if spellings[name].odd else f"{name}={spellings[name].text}\n"
        for name, value in values.items()
    )
    if DOTENV.read(written, {}).values() != values:
        written = DOTENV.write(values)
    for name, odd in _misread(written, values, readers).items():
        problem = f"no spelling suits every reader of a .env; {', '.join(odd)} would see another value"
        hint = f"python-dotenv reads it exactly; for {odd[0]} use `envkit export --to {odd[0]}`"
        shown = name if may_be_shown(name) else ""
        warnings.append(Finding(f"{path}:{lines[name]}", shown, problem, hint, "warning"))
    return Received(written, tuple(values), tuple(warnings))


_NO_VALUE = "has no value in the file, so it is left out"


def _misread(text: str, values: dict[str, str], readers: Sequence[Channel]) -> dict[str, list[str]]:
    """Name to the readers that see another value in `text` than python-dotenv does."""
    starts = [(line, name) for name, _, line in DOTENV.read(text, {}).bindings]
    found: dict[str, list[str]] = {}
    for difference in compare(text, readers):
        name = starts[max(0, bisect_right(starts, (difference.line, "\U0010ffff")) - 1)][1]
        for view in difference.views:
            if view.seen != ((name, values[name]),):
                known = found.setdefault(name, [])
                known += [reader for reader in view.readers if reader not in known and reader != DOTENV.name]
    return {name: odd for name, odd in found.items() if odd}


def _placed(finding: Finding, path: str) -> Finding:
    """A reader's finding with the file's name; names in it may be parts of values, so that they are left out.

    Its hint is one of the reader's own sentences, which hold nothing of the text.
    """
    place = finding.origin.removeprefix("line ")
    problem = "expands a $" if finding.rule == "expands" else finding.problem
    return Finding(f"{path}:{place}" if place.isdigit() else path, "", problem, finding.hint)
