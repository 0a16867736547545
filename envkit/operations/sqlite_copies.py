"""SQLite's online backup in both directions: from a database in use to a file, and from a file into one in use."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from envkit.operations.backups import BLOCK
from envkit.operations.steps import stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedWriter
    from pathlib import Path

    Show = Callable[[int, int], None]

_PAGES = 1000
"""Pages copied at a time: between two lots, writers of a database without a write-ahead log get their turn."""
_RESTARTS = 3
"""How often a copy may begin anew because somebody wrote, before the rest is copied in one go."""
_PATIENCE = 60
"""Seconds without a single page copied, because others hold the database, until the copy is given up."""
_BETWEEN = 0.01
"""Seconds between two attempts on a locked database."""
_COMPRESSION = 6
_FULL = "database or disk is full"


def copy_database(source: Path, target: Path, show: Show) -> None:
    """Copies a database that others read and write, as it is at one moment.

    With a write-ahead log the copy is of one snapshot and delays nobody. Without one, writers wait while a lot of pages
    is copied; because each write makes the copy begin anew, after some it is made in one go.

    Args:
        source: the database.
        target: a new file.
        show: told how many pages are copied, of how many.

    Raises:
        OperationError: the database stays locked.
        OSError: the disk of the copy is full.
        sqlite3.Error: it cannot be read, or the copy cannot be written.
    """
    with closing(_open(source)) as database:
        if database.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the snapshot is taken by reading
            _copy(database, target, _Watch(source, show))
            return
        try:
            _copy(database, target, _Watch(source, show, restarts=_RESTARTS))
        except _TooManyWritesError:
            _copy(database, target, _Watch(source, show), pages=-1)


def _copy(database: sqlite3.Connection, target: Path, watch: _Watch, *, pages: int = _PAGES) -> None:
    _new(target).close()  # SQLite would make it as readable as the umask allows
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        # A copy that fails is thrown away, and a whole one is put on the disk at the end.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        with _full_disk_as_such(target):
            database.backup(copy, pages=pages, progress=watch, sleep=_BETWEEN)


def write_database(source: Path, target: Path, show: Show) -> None:
    """Replaces the content of a database that others have open, in one transaction of its own.

    Whoever reads or writes sees the old or the new content. A process that is killed leaves a journal, by which the
    next one to open the database takes the change back.

    Raises:
        OperationError: the database stays locked.
        OSError: its disk is full.
        sqlite3.Error: it cannot be read or written.
    """
    with (
        closing(_open(source, "immutable=1")) as content,
        closing(_open(target)) as database,
        _full_disk_as_such(target),
    ):
        content.backup(database, pages=_PAGES, progress=_Watch(target, show), sleep=_BETWEEN)


@contextmanager
def _full_disk_as_such(path: Path) -> Iterator[None]:
    """SQLite says `database or disk is full`, and not which; it is never the one that is read."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) != _FULL:  # the words of sqlite3_errstr(SQLITE_FULL): Python gives this error no code
            raise
    else:
        return
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def problem_of(path: Path) -> str:
    """What SQLite's own check of a copy says; empty when the copy is whole. Nobody else may have it open."""
    try:
        with closing(_open(path, "immutable=1")) as copy:
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if said == "ok" else "its pages contradict each other"


def is_broken(path: Path) -> bool:
    """Whether a database, which others may have open, is damaged; one that is locked is not."""
    try:
        with closing(_open(path)) as database:
            (said,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:  # not a database, or malformed
        return True
    return bool(said != "ok")


def pack(source: Path, target: Path, show: Show) -> None:
    """Compresses a copy."""
    total = source.stat().st_size
    with source.open("rb") as plain, _new(target) as file, gzip.GzipFile("", "wb", _COMPRESSION, file, 0) as packed:
        while block := plain.read(BLOCK):
            packed.write(block)
            show(plain.tell(), total)


def unpack(source: Path, target: Path, show: Show) -> None:
    """Expands a copy.

    Raises:
        OperationError: the file is no whole gzip file.
        OSError: it cannot be read, or the target cannot be written.
    """
    import zlib

    total = source.stat().st_size
    try:
        with source.open("rb") as file, gzip.GzipFile(fileobj=file) as packed, _new(target) as plain:
            while block := packed.read(BLOCK):
                plain.write(block)
                show(file.tell(), total)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        pass
    else:
        return
    raise stopped(str(source), "is damaged: it cannot be expanded", "take another one")


def own_like(path: Path, model: Path) -> None:
    """Gives a file the owner and mode of another, or those that a new one has in its folder."""
    if model.exists():
        shutil.copymode(model, path)
    if os.geteuid() == 0:
        owner = (model if model.exists() else model.parent).stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _new(path: Path) -> BufferedWriter:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return open(descriptor, "wb")  # noqa: PTH123  a descriptor, not a path


# --- the copy -------------------------------------------------------------------------------------------------------


class _TooManyWritesError(Exception):
    """Others write faster than the copy is made in lots."""


class _Watch:
    """Follows a copy: shows it, counts how often it began anew, and gives up when it stands still."""

    def __init__(self, path: Path, show: Show, restarts: int | None = None) -> None:
        self._path = path
        self._show = show
        self._restarts = restarts
        self._remaining: int | None = None
        self._moved = time.monotonic()

    def __call__(self, status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            if time.monotonic() - self._moved > _PATIENCE:
                raise stopped(str(self._path), f"stayed locked for {_PATIENCE} s", "stop what holds it, and try again")
            return
        self._moved = time.monotonic()
        if self._restarts is not None and self._remaining is not None and remaining >= self._remaining:
            self._restarts -= 1
            if self._restarts < 0:
                raise _TooManyWritesError
        self._remaining = remaining
        self._show(total - remaining, total)


def _open(path: Path, mode: str = "mode=rw") -> sqlite3.Connection:
    """A connection to an existing database.

    Not read-only: reading a write-ahead log needs its index, which may have to be made; SQLite gives what it makes to
    the owner of the database, should root be the one who asks.
    """
    uri = f"file:{quote(str(path.absolute()))}?{mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE)
