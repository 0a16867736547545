"""A file for each setting, as Compose's `secrets:` and systemd's `LoadCredential=` hand them to the app."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from envkit.findings import Finding
from envkit.operations.exporting import ExportError
from envkit.settings.files import MAX_SECRET_BYTES, UnreadableFile, read_secret_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic import BaseModel

    from envkit.deployment.model import Deployment
    from envkit.operations.exporting import Outgoing
    from envkit.targets.artifacts import Artifact

_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class SettingFile(NamedTuple):
    """One file, named as the app looks for the setting; its `repr` does not show the value."""

    artifact: Artifact

    def __repr__(self) -> str:
        return f"SettingFile(name={self.artifact.path!r})"


def secret_files(settings: BaseModel, wanted: Outgoing, deployment: Deployment | None) -> list[SettingFile]:
    """The files that the app's processes are given, mode 0600, as the description has it.

    Those are the ones of `server.credentials`; with `container.secrets = "files"` also every secret of the class, an
    empty file for one that is not set, and where the description says neither, every secret that is set.

    A file has the value and nothing else, but for a value that ends in a newline: that is followed by one more, as all
    readers of such files drop one.

    Args:
        settings: what `load_settings` returned.
        wanted: what `outgoing` made of it.
        deployment: the description; None where there is none.

    Raises:
        ExportError: for every value that no file can carry, and every credential that is not set.
    """
    findings: list[Finding] = []
    files: list[SettingFile] = []
    for name, setting in _names(settings, wanted, deployment).items():
        value = wanted.values.get(setting, "")
        problem = _problem(name, value)
        if problem is not None:
            findings.append(Finding("files", name, *problem))
        elif deployment and name in deployment.server.credentials and setting not in wanted.values:
            hint = "set it, or take it out of server.credentials"
            findings.append(Finding("files", name, "server.credentials names it, and no source has it", hint))
        else:
            files.append(SettingFile(_artifact(name, value, is_key=setting in wanted.keys)))
    if findings:
        raise ExportError(findings)
    return files


def secret_file_differences(files: Iterable[SettingFile], folder: Path) -> list[Finding]:
    """Which settings the app would read otherwise from the files in a folder than they are now; no value is shown."""
    findings: list[Finding] = []
    for file in files:
        name = file.artifact.path
        path = folder / name
        try:
            there = read_secret_file(path).text
        except UnreadableFile as error:
            findings.append(Finding(str(path), name, error.problem, error.hint or _AGAIN))
            continue
        if there != file.artifact.text.removesuffix("\n"):
            findings.append(Finding(str(path), name, "differs from the setting", _AGAIN))
    return findings


_AGAIN = "export it again"


def left_files(wanted: Outgoing, files: Iterable[SettingFile], folder: Path) -> list[Finding]:
    """The files of settings that no source has any more: an app that is given the folder would read them."""
    unset = {name.upper() for name in wanted.unset}
    known = {file.artifact.path for file in files}
    there: list[Path] = []
    with suppress(OSError):  # whoever reads or writes the files tells what is wrong with it
        there = sorted(folder.iterdir())
    return [
        Finding(str(path), path.name, "is there, but no longer among the settings", "delete it")
        for path in there
        if path.name not in known and path.name.upper() in unset and path.is_file()
    ]


def without_credentials(settings: BaseModel, wanted: Outgoing, deployment: Deployment | None) -> Outgoing:
    """What is to be exported to a systemd service besides its files: all but what `server.credentials` names."""
    gone = set(_credentials(settings, deployment).values())
    return wanted._replace(
        values={name: value for name, value in wanted.values.items() if name not in gone},
        keys=wanted.keys - gone,
        secrets=wanted.secrets - gone,
        unset=wanted.unset | gone,
    )


def _credentials(settings: BaseModel, deployment: Deployment | None) -> dict[str, str]:
    """What systemd hands to the app's processes as files: the file's name, and the one that `Outgoing` has for it."""
    from envkit.settings.histories import history_of
    from envkit.settings.sources import slots_of_files

    plan, _ = history_of(settings)
    names = deployment.server.credentials if deployment else ()
    return {name: name for name in names} | {
        name: plan.slots[index].name for name, index in slots_of_files(plan, names)
    }


def _names(settings: BaseModel, wanted: Outgoing, deployment: Deployment | None) -> dict[str, str]:
    """The name of each file, and the setting whose value it has."""
    from envkit.deployment import derived
    from envkit.operations.setting_names import names_of

    names = _credentials(settings, deployment)
    if deployment and derived.container(deployment).secrets == "files":
        names = {setting.name: setting.name for setting in names_of(type(settings)) if setting.secret} | names
    elif names:
        return names
    return names | {name: name for name in wanted.values if name in wanted.secrets}


def _problem(name: str, value: str) -> tuple[str, str] | None:
    from envkit.channels.refusals import refuse_not_text

    if not _FILE.fullmatch(name):
        return "the name may have letters, digits and . _ - to be a file's", "give the setting another name"
    refusal = refuse_not_text(value)
    if refusal is not None:
        return refusal
    if len(value.encode()) + value.endswith("\n") > MAX_SECRET_BYTES:
        return f"the value is longer than the {MAX_SECRET_BYTES:,} bytes that are read of a file", "store it elsewhere"
    return None


def _artifact(name: str, value: str, *, is_key: bool) -> Artifact:
    from envkit.targets.artifacts import Artifact

    # The loader completes a key whose last newline a reader drops.
    return Artifact(name, value if is_key or not value.endswith("\n") else f"{value}\n", 0o600)
