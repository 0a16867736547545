"""The files of a bare server: where each lies, what stood there before, and how that is put back.

What stood there is noted in a journal before anything is replaced, so that an installation which was killed, or which
nginx refuses, is undone to the byte.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from base64 import b64decode, b64encode
from contextlib import contextmanager, suppress
from posixpath import basename
from typing import TYPE_CHECKING, Any, NamedTuple

from envkit.deployment import derived
from envkit.findings import words_of
from envkit.operations.placing import place, sync_folder
from envkit.operations.steps import stopped
from envkit.targets.artifacts import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from envkit.deployment.model import Deployment
    from envkit.targets.artifacts import Rendering

ENABLED, AVAILABLE = "etc/nginx/sites-enabled", "etc/nginx/sites-available"
"""Debian's folders for sites: one is read, by links into the other."""
UNITS = "etc/systemd/system/"
_SYSTEMD = "systemd/"
_SITES = "nginx/sites/"
_PORT_OF_DEFAULT = 80
_HIDING = (UNITS, "etc/sysusers.d/", "etc/tmpfiles.d/")
"""What lies here is read in place of what has the same name in /usr/lib (systemd.unit(5), sysusers.d(5))."""
HIDES = "would stand in for the system's own"
"""What is said of a file that does so; before the path of the other one."""


class Files(NamedTuple):
    """What belongs on the server, by paths below its root."""

    artifacts: tuple[Artifact, ...]
    links: dict[str, str | None]
    """Path to target; None for a link that must not be there."""


def files_of(deployment: Deployment, renderings: Mapping[str, Rendering]) -> Files:
    """The rendered files of systemd and nginx in their places on a Debian server.

    Debian's own default site goes, as it claims the hosts that the catch-all refuses on its port.
    """
    artifacts = []
    links: dict[str, str | None] = {}
    for artifact in (artifact for rendering in renderings.values() for artifact in rendering.artifacts):
        if artifact.path.startswith(_SYSTEMD):
            artifacts.append(Artifact(artifact.path.removeprefix(_SYSTEMD), artifact.text, artifact.mode))
        elif artifact.path.startswith(_SITES):
            name = basename(artifact.path)
            artifacts.append(Artifact(f"{AVAILABLE}/{name}", artifact.text, artifact.mode))
            links[f"{ENABLED}/{name}"] = f"/{AVAILABLE}/{name}"
        elif artifact.path == f"nginx/{derived.MAINTENANCE_PAGE}":
            page = derived.maintenance_page(deployment).lstrip("/")
            artifacts.append(Artifact(page, artifact.text, artifact.mode))
    if deployment.http.port == _PORT_OF_DEFAULT:
        links[f"{ENABLED}/default"] = None
    return Files(tuple(artifacts), links)


def hidden_by(path: str, root: Path) -> str | None:
    """The file of the system's that is not read once there is one at this path: an app may be named network or time."""
    if not path.startswith(_HIDING):
        return None
    below = path.removeprefix("etc/")
    return next((f"{place}/{below}" for place in ("usr/lib", "lib") if (root / place / below).exists()), None)


def link(path: Path, target: str | None) -> None:
    """Makes, replaces or removes a symbolic link; whoever looks sees the old or the new state."""
    if target is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(path)
    sync_folder(path.parent)


def points_to(path: Path) -> str | None:
    """Where a link leads; None where there is none."""
    return str(path.readlink()) if path.is_symlink() else None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps whoever else wants to hold it out; the system lets go when the process ends, however.

    Raises:
        OperationError: somebody else holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        problem = words_of(error)
    else:
        try:
            if not _lock(descriptor):
                raise stopped(str(folder), "another install or uninstall is running", "wait for its end")
            yield
        finally:
            os.close(descriptor)
        return
    raise stopped(str(folder), f"cannot be made: {problem}", "are you root?")


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- what is installed ----------------------------------------------------------------------------------------------


class Changes(NamedTuple):
    """What is different on the disk and not yet in what runs: the units of files that were there before."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]
    sockets: tuple[str, ...] = ()
    """The unix sockets of those units as they were: systemd leaves one where it is whose unit names another."""


class Record:
    """What is installed, and the journal of an installation under way."""

    def __init__(self, deployment: Deployment, root: Path) -> None:
        state = root / derived.state_directory(deployment).lstrip("/")
        self.root = root
        self.shared = state.parent
        """The folder of all apps, which share nginx."""
        self.file = state / "installed.json"
        self.journal = state / "installing.json"

    def paths(self) -> list[str]:
        """The files that are installed, below the root."""
        return list(_read(self.file).get("files", []))

    def of_others(self) -> dict[str, str]:
        """The files, below the root, that other apps of this server have installed, and the app of each."""
        others = [file for file in sorted(self.shared.glob(f"*/{self.file.name}")) if file != self.file]
        return {path: file.parent.name for file in others for path in _read(file).get("files", [])}

    def unfinished(self) -> Changes | None:
        """What the last installation had to start anew; None where it came to its end."""
        noted = _read(self.file).get("unfinished", {})
        return None if noted is None else Changes(*(tuple(noted.get(field, ())) for field in Changes._fields))

    def write(self, files: Files, unfinished: Changes | None) -> None:
        """Notes what is installed now, and what is still to start anew."""
        noted = {
            "files": sorted(artifact.path for artifact in files.artifacts),
            "unfinished": unfinished and unfinished._asdict(),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)  # where every file was in place, nobody has made it yet
        place(self.file, json.dumps(noted, indent=2).encode() + b"\n", mode=0o644)

    def remove_folders(self, paths: Iterable[str]) -> None:
        """Removes the folders of the app's name in which its record and these files were, if nothing else is there."""
        for folder in {self.file.parent, *((self.root / path).parent for path in paths)}:
            if folder.name == self.file.parent.name:
                with suppress(OSError):  # not empty
                    folder.rmdir()


def _read(record: Path) -> dict[str, Any]:
    try:
        noted = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def changed_in(files: Files, root: Path) -> list[str]:
    """The files that are there and say something else; comments, such as whose version of envkit made them, do not."""
    there = [artifact for artifact in files.artifacts if (root / artifact.path).exists()]
    return [
        artifact.path
        for artifact in there
        if _orders(artifact.text) != _orders((root / artifact.path).read_text(encoding="utf-8", errors="replace"))
    ]


def _orders(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def changes_of(root: Path, changed: list[str], removed: list[str], before: Changes | None) -> Changes:
    """The units among these files, with those that an installation left which did not come to its end."""
    before = before or Changes((), ())
    units_changed, units_removed = (
        {basename(path) for path in paths if path.startswith(UNITS)} for paths in (changed, removed)
    )
    sockets = {path for unit in units_changed for path in _sockets(root / UNITS / unit)}
    return Changes(
        tuple(sorted(units_changed.union(before.changed) - units_removed)),
        tuple(sorted(units_removed.union(before.removed))),
        tuple(sorted(sockets.union(before.sockets))),
    )


def _sockets(unit: Path) -> list[str]:
    """The paths at which a socket unit listens."""
    return re.findall(r"^ListenStream=(/.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


# --- the journal ----------------------------------------------------------------------------------------------------


def note(journal: Path, root: Path, paths: Iterable[str]) -> None:
    """Notes what stands at these places now."""
    noted = {path: _noted(root / path) for path in paths}
    journal.parent.mkdir(parents=True, exist_ok=True)
    place(journal, json.dumps(noted).encode(), mode=0o600)


def undo(journal: Path, root: Path) -> None:
    """Puts back what was noted, removes what was not there, and forgets the journal.

    What is as it was is not written: on a full disk it could not be.
    """
    for path, before in json.loads(journal.read_bytes()).items():
        there = root / path
        if before is None:
            there.unlink(missing_ok=True)
        elif _noted(there) == before:
            pass
        elif "link" in before:
            link(there, before["link"])
        else:
            place(there, b64decode(before["content"]), mode=before["mode"])
        _sweep(there)
    journal.unlink()


def _sweep(path: Path) -> None:
    """Removes what a killed process had begun to write beside a file."""
    with suppress(FileNotFoundError):
        for begun in path.parent.glob(f".{path.name}.*tmp"):
            begun.unlink(missing_ok=True)


def _noted(path: Path) -> dict[str, str | int] | None:
    if path.is_symlink():
        return {"link": str(path.readlink())}
    if not path.exists():
        return None
    return {"content": b64encode(path.read_bytes()).decode(), "mode": path.stat().st_mode & 0o7777}
