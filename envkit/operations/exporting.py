"""The settings of a project written for one channel, and a channel's file compared with the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from envkit.findings import Finding, FindingsError, words_of
from envkit.settings.types import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from envkit.channels.channel import Channel


RUNNER_FILES = {"github": "GITHUB_ENV", "github-output": "GITHUB_OUTPUT"}
"""The channels whose file belongs to GitHub's runner and is added to, and the variable that names the file."""


_LONGEST_WORD = 5
"""Characters of a value that is hardly a secret, such as `false`, unless the setting's name says so."""


class ExportError(FindingsError):
    """Settings that the channel cannot carry; `findings` says why and what to do instead, each setting's at once."""


class Outgoing(NamedTuple):
    """The settings to export; its `repr` does not show their values."""

    values: dict[str, str]
    """Name to value: the class's settings in its order, then other names in alphabetical order."""
    keys: frozenset[str]
    """Those that are private keys."""
    secrets: frozenset[str]
    """Those whose values are to be masked where a channel can mask."""
    unset: frozenset[str]
    """Settings that the class declares and no source has."""

    def __repr__(self) -> str:
        return f"Outgoing(names={list(self.values)!r})"


def outgoing(settings: BaseModel, *, everything: bool = False) -> Outgoing:
    """What is to be exported of `settings`: every setting that some source has, in the text that the source has.

    Defaults are left out, those for development too: the app has them itself. A private key is in its normal form.

    Args:
        settings: what `load_settings` returned.
        everything: also the names in `.env` files that the class does not declare.

    Raises:
        ValueError: the instance was not made by `load_settings`.
    """
    from envkit.operations.guessing import is_likely_secret
    from envkit.settings.histories import history_of
    from envkit.settings.plan import value_at

    plan, gathered = history_of(settings)
    values: dict[str, str] = {}
    keys: set[str] = set()
    for index, slot in enumerate(plan.slots):
        if index not in gathered.found:
            continue
        values[slot.name] = gathered.found[index][1]
        key = value_at(settings, slot)
        if isinstance(key, PrivateKey):
            values[slot.name] = key.get_secret_value()
            keys.add(slot.name)
    secrets = {slot.name for slot in plan.slots if slot.secret or slot.key}
    if everything:
        others = {
            name: value
            for file in gathered.env_files
            for name, value in file.parsed.values.items()
            if value is not None and name not in plan.by_name and name not in plan.by_file_name
        }
        values |= dict(sorted(others.items()))
        # Nobody said what these are. A mask for `1` or `true` would make a log unreadable.
        secrets |= {name for name, value in others.items() if len(value) > _LONGEST_WORD or is_likely_secret(name)}
    unset = frozenset(name for slot in plan.slots for name in slot.names) - values.keys()
    return Outgoing(values, frozenset(keys), frozenset(secrets & values.keys()), unset)


def export(channel: Channel, wanted: Outgoing) -> str:
    r"""The channel's text for all of `wanted`, the same for the same settings.

    A private key that the channel cannot carry as it is goes in a form that the loader decodes: its line breaks
    written as ``\n``, or escaped, or in base64. No other value is changed.

    Raises:
        ExportError: for every setting that the channel cannot carry.
    """
    carried: dict[str, str] = {}
    findings: list[Finding] = []
    for name, value in wanted.values.items():
        refusal = channel.refuse(name, value)
        if refusal is not None and name in wanted.keys:
            form = next((form for form in key_forms(value) if channel.refuse(name, form) is None), None)
            if form is not None:
                value, refusal = form, None  # noqa: PLW2901  the same key in another form
        if refusal is not None:
            findings.append(Finding(channel.name, name, refusal.problem, refusal.hint))
        carried[name] = value
    if findings:
        raise ExportError(findings)
    problem = ""
    try:
        return channel.write(carried)
    except ValueError as error:  # all together are too much; by the protocol the message holds no value
        problem = str(error).removeprefix(f"{channel.name}: ")
    raise ExportError([Finding(channel.name, "", problem)])


def key_forms(key: str) -> Iterator[str]:
    """Forms of a private key on one line that the loader decodes to the very same key, the most readable first."""
    from base64 import b64encode

    from envkit.channels.escape import escape
    from envkit.settings.private_key import KeyProblem, read_private_key

    for form in (key.replace("\n", "\\n"), escape(key), b64encode(key.encode()).decode()):
        try:
            same = read_private_key(form).text == key
        except KeyProblem:
            same = False
        if same:
            yield form


def differences(channel: Channel, wanted: Outgoing, path: Path, text: str) -> list[Finding]:
    """Which settings the channel's program would read otherwise from `text` than they are now; no value is shown.

    Args:
        channel: whose program reads.
        wanted: the settings as they are.
        path: the file's name, for the findings.
        text: what the file holds.
    """
    reading = channel.read(text, {})
    if reading.fatal:
        reasons = [finding.problem for finding in reading.findings] or ["its reader refuses it"]
        return [Finding(f"{path}", "", f"{channel.name} refuses the file: {reason}") for reason in reasons]
    values = reading.values()
    lines = {binding.name: binding.line for binding in reading.bindings}
    hint = "export it again"
    found: list[Finding] = []
    for name, value in wanted.values.items():
        there = values.get(name)
        if there is None:
            found.append(Finding(str(path), name, "is missing", hint))
        elif there != value and not (name in wanted.keys and _is_key(there, value)):
            found.append(Finding(f"{path}:{lines[name]}", name, "differs from the setting", hint))
    found += [
        Finding(f"{path}:{lines[name]}", name, "is set there, but no longer among the settings", hint)
        for name in values
        if name in wanted.unset
    ]
    return found


def _is_key(text: str, key: str) -> bool:
    from envkit.settings.private_key import KeyProblem, read_private_key

    try:
        return read_private_key(text).text == key
    except KeyProblem:
        return False


def warnings_for(channel: Channel, wanted: Outgoing) -> list[Finding]:
    """What should be known of the channel when it carries secrets."""
    if channel.name != "configmap" or not wanted.secrets:
        return []
    problem = "whoever may read the namespace may read a ConfigMap"
    hint = "take the channel kubernetes, which writes a Secret"
    return [Finding(channel.name, name, problem, hint, "warning") for name in wanted.values if name in wanted.secrets]


def masks_for(channel: Channel, wanted: Outgoing, environ: Mapping[str, str]) -> str:
    """The lines that hide the secrets in a log, for a channel that has them and inside its own runner; else empty."""
    if channel.name not in RUNNER_FILES or environ.get("GITHUB_ACTIONS") != "true":
        return ""
    from envkit.channels.github import masks

    return masks(form for name in sorted(wanted.secrets) for form in _appearances(name, wanted))


def _appearances(name: str, wanted: Outgoing) -> Iterator[str]:
    value = wanted.values[name]
    yield value
    if name in wanted.keys:
        yield from key_forms(value)


def append(path: Path, text: str) -> None:
    """Adds `text` to a file that several steps write to, such as the one that $GITHUB_ENV names.

    A file that is not there yet is made with mode 0600.

    Raises:
        ExportError: the file cannot be written, or is a terminal.
    """
    import os

    reason = ""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with open(descriptor, "ab") as file:  # noqa: PTH123  a descriptor, not a path
            if file.isatty():
                reason = "it is a terminal, and everybody who sees it would see the values"
            else:
                file.write(text.encode())
    except OSError as error:
        reason = words_of(error)
    if reason:
        raise ExportError([Finding(str(path), "", f"cannot be written: {reason}")])
