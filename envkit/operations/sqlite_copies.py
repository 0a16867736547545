"""SQLite's online backup in both directions: from a database in use to a file, and from a file into one in use."""

from __future__ import annotations

import errno
import gzip
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from envkit.operations.acting import as_caller, as_owner
from envkit.operations.backups import BLOCK
from envkit.operations.placing import sync_folder
from envkit.operations.sqlite_checks import PATIENCE, open_database
from envkit.operations.steps import stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom, FileIO
    from pathlib import Path

    from envkit.operations.steps import OperationError

    Show = Callable[[int, int], None]

_PAGES = 1000
"""Pages copied at a time: between two lots, writers of a database without a write-ahead log get their turn."""
_RESTARTS = 3
"""How often the online backup may begin anew because somebody wrote, before the file is copied instead."""
_BETWEEN = 0.01
"""Seconds between two attempts on a locked database."""
_LEFT_OPEN = 32 * BLOCK
"""Bytes of a copy that are not yet on the disk."""
_COMPRESSION = 6
_FULL = "database or disk is full"


def copy_database(source: Path, target: Path, show: Show) -> None:
    """Copies a database that others read and write, as it is at one moment.

    With a write-ahead log the copy is of one snapshot and delays nobody. Without one, writers wait while a lot of pages
    is copied, and each write makes the online backup begin anew. Where they write faster than that, the file is copied
    as they write, and then they wait for as long as it takes to compare it with its copy.

    Args:
        source: the database.
        target: a new file.
        show: told how much is copied, of how much.

    Raises:
        OperationError: the database stays locked.
        OSError: the disk of the copy is full.
        sqlite3.Error: it cannot be read, or the copy cannot be written.
    """
    # As the one who has the database: SQLite follows its journal to others, and removes those.
    with as_owner(source), _lock_as_such(source), closing(open_database(source)) as database:
        if database.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            _hold(database)
            _copy_online(database, target, _Watch(source, show))
            return
        try:
            _copy_online(database, target, _Watch(source, show, restarts=_RESTARTS))
        except _TooManyWritesError:
            _copy_file(database, source, target, show)


def _hold(database: sqlite3.Connection) -> None:
    """Takes a snapshot, or, without a write-ahead log, a lock under which nobody writes the file: both by reading."""
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _copy_online(database: sqlite3.Connection, target: Path, watch: _Watch) -> None:
    with as_owner(target):
        _new(target).close()  # SQLite would make it as readable as the umask allows
        opened = sqlite3.connect(target, isolation_level=None)
    with closing(opened) as copy:
        # A copy that fails is thrown away, and a whole one is put on the disk at the end.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        with _full_disk_as_such(target):
            database.backup(copy, pages=_PAGES, progress=watch, sleep=_BETWEEN)


def _copy_file(database: sqlite3.Connection, source: Path, target: Path, show: Show) -> None:
    """Without the online backup, which would stop writers for several times as long if it did all at once.

    The file is opened before the lock is taken and closed after it: closing any descriptor of a file gives up all locks
    that the process has on it (fcntl_locking(2)).
    """
    with as_owner(target):
        new = _new(target)
    with source.open("rb", buffering=0) as file, new as copy:
        _take_over(file, copy, show, in_time=True)  # torn by those who write meanwhile
        _hold(database)
        _take_over(file, copy, lambda _done, _total: None, in_time=False)
        database.execute("ROLLBACK")


def _take_over(file: FileIO, copy: BufferedRandom, show: Show, *, in_time: bool) -> None:
    """Makes a copy equal to a file, writing what differs.

    `in_time` puts it on the disk bit by bit: ext4 has whoever commits meanwhile wait for all that is not there yet.
    """
    total = os.fstat(file.fileno()).st_size
    done = 0
    while block := os.pread(file.fileno(), BLOCK, done):
        if os.pread(copy.fileno(), len(block), done) != block:
            copy.seek(done)
            copy.write(block)
            copy.flush()
        done += len(block)
        if in_time and (done % _LEFT_OPEN == 0 or len(block) < BLOCK):
            os.fdatasync(copy.fileno())
        show(done, max(done, total))
    os.ftruncate(copy.fileno(), done)


def write_database(source: Path, target: Path, show: Show) -> None:
    """Replaces the content of a database that others have open, in one transaction of its own.

    Whoever reads or writes sees the old or the new content. A process that is killed leaves a journal, by which the
    next one to open the database takes the change back.

    Raises:
        OperationError: the database stays locked.
        OSError: its disk is full.
        sqlite3.Error: it cannot be read or written.
    """
    with _lock_as_such(target):
        _fit_pages(source, target)
        with (
            closing(open_database(source, "immutable=1")) as content,
            closing(open_database(target)) as database,
            _full_disk_as_such(target),
        ):
            content.backup(database, pages=_PAGES, progress=_Watch(target, show), sleep=_BETWEEN)


def _fit_pages(source: Path, target: Path) -> None:
    """Gives a file that nobody else has open pages as large as those of a database with a write-ahead log.

    Such a database keeps the size of its pages (https://sqlite.org/c3ref/backup_finish.html, SQLITE_READONLY).
    """
    with closing(open_database(target)) as database:
        (mode,) = database.execute("PRAGMA journal_mode").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    with closing(open_database(source, "immutable=1")) as content:
        if mode != "wal" or content.execute("PRAGMA page_size").fetchone()[0] == size:
            return
    if source.stat().st_size:
        with source.open("r+b") as file:  # marks it as one without a log (https://sqlite.org/fileformat2.html, 1.3.3)
            file.seek(18)
            file.write(b"\1\1")
    with closing(open_database(source)) as content, _full_disk_as_such(source):
        content.execute("PRAGMA journal_mode = OFF")
        content.execute("PRAGMA synchronous = OFF")
        content.execute(f"PRAGMA page_size = {size}")
        content.execute("VACUUM")


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


@contextmanager
def _lock_as_such(path: Path) -> Iterator[None]:
    """SQLite says `database is locked` when its patience has an end."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) != "database is locked":
            raise
    else:
        return
    raise _stayed_locked(path)


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

    with as_owner(source):
        opened = source.open("rb")
    total = os.fstat(opened.fileno()).st_size
    try:
        with opened as file, gzip.GzipFile(fileobj=file) as packed, _new(target) as plain:
            while block := packed.read(BLOCK):
                plain.write(block)
                show(file.tell(), total)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        pass
    else:
        if total:  # gzip expands nothing to nothing
            return
    raise stopped(str(source), "is damaged: it cannot be expanded", "take another one")


def install(fresh: Path, target: Path, *, like: Path | None) -> None:
    """Makes a file the database where there is none, with the owner and mode of another, or those it has there.

    Raises:
        OSError: it cannot be put there.
    """
    model = (like or target.parent).stat()
    descriptor = os.open(fresh, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if like is not None:
            os.fchmod(descriptor, model.st_mode & 0o777)
        maker = os.geteuid()
        if os.getuid() == 0 and os.fstat(descriptor).st_uid == maker:  # and not something else that was put there
            with as_caller():
                os.fchown(descriptor, maker or model.st_uid, model.st_gid)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(target)
    sync_folder(target.parent)


def _new(path: Path) -> BufferedRandom:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return open(descriptor, "w+b")  # noqa: PTH123  a descriptor, not a path


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
            if time.monotonic() - self._moved > PATIENCE:
                raise _stayed_locked(self._path)
            return
        self._moved = time.monotonic()
        if self._restarts is not None and self._remaining is not None and remaining >= self._remaining:
            self._restarts -= 1
            if self._restarts < 0:
                raise _TooManyWritesError
        self._remaining = remaining
        self._show(total - remaining, total)


def _stayed_locked(path: Path) -> OperationError:
    return stopped(str(path), f"stayed locked for {PATIENCE} s", "stop what holds it, and try again")
