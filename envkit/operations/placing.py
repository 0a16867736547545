"""One file put in its place as a whole: written beside it, on the disk, then renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from envkit.operations.temporaries import open_beside, sweep

if TYPE_CHECKING:
    from pathlib import Path


def place(path: Path, content: bytes, *, mode: int, scratch: Path | None = None, modified: float | None = None) -> None:
    """Makes or replaces a file; whoever looks sees the old one, or the new one with its mode and time.

    What killed ones left beside it is removed.

    Args:
        path: the file.
        content: all of it.
        mode: its mode, whatever the umask is.
        scratch: the folder, on the same file system, in which it is written; unless given, the file's own.
        modified: its time of modification, in seconds since 1970.

    Raises:
        OSError: it cannot be written; nothing has changed. It names the file, also where the disk was full.
    """
    beside = (scratch or path.parent) / path.name
    sweep(beside)
    temporary, descriptor = open_beside(beside)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, not a path; closed, it is locked no more
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            if modified is not None:
                os.utime(descriptor, (modified, modified))
            temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):  # of a write, it knows no file
            error.filename = str(path)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder last through a power cut (fsync(2): the directory needs its own)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
