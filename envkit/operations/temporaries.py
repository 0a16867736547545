"""The file beside another one while that is being written: locked by its writer, so that a killed one's is removed."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def open_beside(path: Path) -> tuple[Path, int]:
    """A new file in the folder of `path`, open for writing, for its owner alone; and its descriptor.

    While the descriptor is open the file is locked.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        temporary = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a file system without locks, on which nobody sweeps either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)  # swept between the two calls


def sweep(path: Path) -> None:
    """Removes what killed writers of `path` left: the system lets go of a lock when its process ends, however.

    The file of a writer who is at work stays.
    """
    pattern = re.compile(rf"\.{re.escape(path.name[:200])}\.[0-9a-f]{{12}}\.tmp")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unlocked(entry.path)


def _remove_unlocked(leftover: str) -> None:
    with suppress(OSError):  # another's, or of a writer who is at work
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(leftover)  # noqa: PTH108  as the folder was read
        finally:
            os.close(descriptor)
