"""The folder of backups: their names, checksums, ages, and which of them stay.

A backup is `NAME-TIME-REASON.sqlite.gz` or `….dump`, beside it `….sha256`, which `sha256sum --check` reads. The
checksum is put in place first: a backup is there when it has its own name, and until then it is a leftover.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from envkit.findings import words_of
from envkit.operations.acting import as_owner, hint_of
from envkit.operations.placing import place, sync_folder
from envkit.operations.steps import stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from envkit.deployment.model import Keep

Reason = Literal["backup", "release", "restore"]
"""Why it was made: asked for or by timer, before a release, or of what a restore replaced."""
Engine = Literal["sqlite", "postgresql"]

ENDINGS: dict[Engine, str] = {"sqlite": "sqlite.gz", "postgresql": "dump"}
BLOCK = 1024 * 1024
"""Bytes that are held in memory at once."""
_TIME = "%Y%m%dT%H%M%SZ"


class Backup(NamedTuple):
    """One backup."""

    path: Path
    made: datetime
    reason: Reason
    engine: Engine
    size: int
    """Bytes."""

    @property
    def checksum(self) -> Path:
        """The file that holds its checksum."""
        return self.path.with_name(f"{self.path.name}.sha256")


def backups_in(folder: Path, name: str) -> list[Backup]:
    """The backups of an app, the newest first. Other files are passed over.

    Raises:
        OperationError: the folder cannot be read.
    """
    try:
        entries = sorted(folder.iterdir(), reverse=True)
        return sorted(
            (backup for entry in entries if (backup := _backup(entry, name)) is not None),
            key=lambda backup: backup.made,
            reverse=True,
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = words_of(error)
    raise stopped(str(folder), problem)


def _backup(path: Path, name: str) -> Backup | None:
    found = re.fullmatch(_pattern(re.escape(name)), path.name)
    if found is None:
        return None
    try:
        made = datetime.fromisoformat(found[1])  # not strptime, which imports, perhaps as one who may not (as_owner)
        status = path.lstat()
    except (ValueError, FileNotFoundError):  # no such day; or removed meanwhile
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    engine: Engine = "sqlite" if found[3] == ENDINGS["sqlite"] else "postgresql"
    return Backup(path, made, cast("Reason", found[2]), engine, status.st_size)


def _pattern(name: str) -> str:
    return rf"{name}-([0-9]{{8}}T[0-9]{{6}}Z)-(backup|release|restore)\.(sqlite\.gz|dump)"


def app_of(path: Path) -> str | None:
    """The app whose backup a file is, by the name it had when its checksum was written, else by its own.

    None where neither is the name of a backup.
    """
    try:
        with as_owner(path):
            line = _line_of(path.with_name(f"{path.name}.sha256"))
    except OSError:
        line = ""
    names = (*line.split()[1:2], path.name)
    return next((found[1] for name in names if (found := re.fullmatch(_pattern(r"\*?(.+)"), name))), None)


def new_path(folder: Path, name: str, reason: Reason, engine: Engine, now: datetime) -> Path:
    """Where a backup made now goes: its second is its own, so that the names stand in the order of making.

    Raises:
        OperationError: the folder cannot be read.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    taken = [backup.made for backup in backups_in(folder, name)]
    newest = max(taken, default=now - _HURRY)
    if now <= newest < now + _HURRY:
        now = newest + timedelta(seconds=1)
    while now in taken:  # the clock went back, and comes by again
        now += timedelta(seconds=1)
    return folder / f"{name}-{now.strftime(_TIME)}-{reason}.{ENDINGS[engine]}"


_HURRY = timedelta(minutes=1)
"""Several backups within a second are a little ahead of the clock; one further ahead is a clock that was wrong."""


def newest(backups: Iterable[Backup], now: datetime) -> Backup | None:
    """The newest one. Those from ahead of the clock were made while it was wrong: any other is taken for newer."""
    return max(backups, key=lambda backup: (not is_ahead(backup, now), backup.made), default=None)


def is_ahead(backup: Backup, now: datetime) -> bool:
    """Whether the clock has to have been wrong, when it was made or now."""
    return backup.made > now + _HURRY


# --- one at a time --------------------------------------------------------------------------------------------------


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """Makes the folder, keeps other backups and restores of the app out, and removes what a killed one left.

    What is made in it belongs to its owner, so that the app's own timer can go on with it.

    Raises:
        OperationError: another one is running, or the folder cannot be written.
    """
    lock = folder / f".{name}.lock"
    try:
        with as_owner(folder):
            if not folder.is_dir():
                folder.parent.mkdir(parents=True, exist_ok=True)
                folder.mkdir(mode=0o700)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = words_of(error)
        hint = hint_of(error)
    else:
        try:
            if not _lock(descriptor):
                raise stopped(str(folder), "another backup or restore is running", "wait for its end")
            with as_owner(folder):
                _sweep(folder, name)
            yield
        finally:
            os.close(descriptor)
        return
    raise stopped(str(folder), f"cannot be written: {problem}", hint)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go when the process ends, however
    except BlockingIOError:
        return False
    return True


def scratch_of(path: Path, kind: str) -> Path:
    """A file for the time in which a backup is made; the next one removes it, should this one be killed."""
    return path.with_name(f".{path.name}.{kind}")


def _sweep(folder: Path, name: str) -> None:
    """Removes files of backups that never came to be."""
    pattern = _pattern(re.escape(name))
    for entry in folder.iterdir():
        begun = re.fullmatch(rf"\.{pattern}\..+", entry.name)
        alone = re.fullmatch(rf"{pattern}\.sha256", entry.name) and not entry.with_suffix("").exists()
        if begun or alone:
            with suppress(OSError):  # somebody else's of such a name, which is in nobody's way
                entry.unlink()


# --- checksums ------------------------------------------------------------------------------------------------------


def commit(written: Path, path: Path) -> None:
    """Gives a written backup its name, after its checksum."""
    digest = _digest(written, lambda _done, _total: None)
    checksum = path.with_name(f"{path.name}.sha256")
    place(checksum, f"{digest}  {path.name}\n".encode(), mode=0o600)
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.rename(path)
    sync_folder(path.parent)


def verify_checksum(path: Path, show: Callable[[int, int], None]) -> None:
    """Compares a backup with its checksum.

    Raises:
        OperationError: they differ, or one of them cannot be read.
    """
    checksum = path.with_name(f"{path.name}.sha256")
    file = path
    try:
        with as_owner(path):
            digest = _digest(path, show)
            file = checksum
            expected = _line_of(checksum).split()
    except FileNotFoundError:
        raise stopped(str(file), "no such file", "a backup is restored only with its checksum beside it") from None
    except OSError as error:
        problem = words_of(error)
        hint = hint_of(error)
    else:
        if expected[:1] != [digest]:
            raise stopped(str(path), "is damaged: it differs from its checksum", "take another one")
        return
    raise stopped(str(file), problem, hint)


def _line_of(checksum: Path) -> str:
    with checksum.open("rb") as file:
        return file.read(_MOST_OF_A_LINE).decode("ascii", errors="replace")


_MOST_OF_A_LINE = 4096


def _digest(path: Path, show: Callable[[int, int], None]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        done = 0
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            show(done, total)
    return digest.hexdigest()


# --- rotation -------------------------------------------------------------------------------------------------------


def superfluous(backups: Iterable[Backup], keep: Keep, now: datetime) -> list[Backup]:
    """Those that need not stay: neither recent, nor the newest of one of the last days, weeks or months with backups.

    The newest of all always stays. Days begin at midnight UTC, weeks on Monday. One from ahead of the clock stays, and
    takes no other's place: the clock was wrong when it was made, or is now.
    """
    past = (backup for backup in backups if not is_ahead(backup, now))
    newest_first = sorted(past, key=lambda backup: backup.made, reverse=True)
    staying = set(newest_first[:1])
    if keep.recent:  # without this, one made a little ahead of the clock would be younger than nothing
        staying |= {backup for backup in newest_first if (now - backup.made).total_seconds() < keep.recent}
    for count, form in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        periods: dict[str, Backup] = {}
        for backup in newest_first:
            periods.setdefault(backup.made.strftime(form), backup)
        staying |= set(list(periods.values())[:count])
    return [backup for backup in newest_first if backup not in staying]


def remove(backup: Backup) -> None:
    """Removes a backup: the file first, so that a checksum alone is a leftover.

    Raises:
        OSError: it cannot be removed.
    """
    backup.path.unlink(missing_ok=True)
    backup.checksum.unlink(missing_ok=True)
