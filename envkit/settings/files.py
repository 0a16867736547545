"""Reading files: a `.env` as text, a secret file byte for byte, and what to say when that cannot be done."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

MAX_SECRET_BYTES = 1024 * 1024
"""A secret file above this size is refused; Docker and Kubernetes allow half a megabyte and one megabyte."""

_PIPE_SECONDS = 5
_CHUNK_BYTES = 64 * 1024
_NOT_A_PATH = "(not a path)"


class UnreadableFile(Exception):  # noqa: N818 - what is wrong is the file, and `except UnreadableFile` reads so
    """A file that cannot be read; holds nothing of its content.

    Attributes:
        path: The path as given; `(not a path)` for a text that cannot be one, since that may be the secret itself.
        problem: What is wrong, to be followed by a full stop.
        hint: What to do about it; may be empty.
    """

    def __init__(self, path: str, problem: str, hint: str = "") -> None:
        super().__init__(path, problem, hint)
        self.path = path
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.path}: {self.problem}"
        return f"{text}. {self.hint}" if self.hint else text


class SecretFile(NamedTuple):
    """The content of a secret file; its `repr` does not show the text."""

    text: str
    dropped_newline: bool
    """Whether one final newline (LF or CRLF) was dropped."""

    def __repr__(self) -> str:
        return f"SecretFile(text=***, dropped_newline={self.dropped_newline})"


def load_text(path: str | Path) -> str:
    """The text that python-dotenv sees in the same file: UTF-8, every CRLF and CR turned into LF.

    A byte order mark is dropped. A named pipe is read as python-dotenv does (1Password delivers `.env` files so),
    except that one to which nobody writes is an error after 5 seconds.

    Raises:
        UnreadableFile: the file is missing, a directory or device other than /dev/null, not permitted, or not UTF-8.
    """
    text = _attempt(path, limit=None)
    if isinstance(text, UnreadableFile):
        raise text
    text = text.removeprefix("\ufeff")
    # What open() does to a file in text mode.
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_secret_file(path: str | Path) -> SecretFile:
    """The text of a secret file, untouched except for one final newline (LF or CRLF), which is dropped.

    Editors and `echo` leave that newline; a byte order mark, other whitespace and line ends stay as they are.

    Raises:
        UnreadableFile: as for `load_text`, or the file is larger than 1 MiB.
    """
    text = _attempt(path, limit=MAX_SECRET_BYTES)
    if isinstance(text, UnreadableFile):
        raise text
    if text.endswith("\n"):
        return SecretFile(text[: -2 if text.endswith("\r\n") else -1], dropped_newline=True)
    return SecretFile(text, dropped_newline=False)


def _attempt(path: str | Path, limit: int | None) -> str | UnreadableFile:
    """The file's text, or the error to raise.

    The error is handed back so that it is raised where no local variable, no cause and no context holds content (a
    UnicodeDecodeError holds all of the data): reporters such as Sentry send the locals of every frame.
    """
    data = _read(path, limit)
    if isinstance(data, int):
        return _unreadable(str(path), data)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        offset = error.start
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "save it as UTF-8; Windows PowerShell's > writes UTF-16"
        return UnreadableFile(str(path), "is UTF-16, not UTF-8", hint)
    line = data.count(b"\n", 0, offset) + 1
    return UnreadableFile(str(path), f"is not UTF-8 (line {line})", "save it as UTF-8")


def _read(path: str | Path, limit: int | None) -> bytes | int:
    """All bytes of a regular file or pipe, or the number of the error (`errno`)."""
    try:
        # Without O_NONBLOCK, opening a pipe waits until somebody opens its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        return error.errno or errno.EIO
    except ValueError:  # a NUL, or half a surrogate pair
        return errno.ENAMETOOLONG
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            if limit is not None and status.st_size > limit:
                return errno.EFBIG
            data = _read_to_end(descriptor, status.st_size + 1, limit)
        elif stat.S_ISFIFO(status.st_mode):
            data = _read_pipe(descriptor, limit)
        elif stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev:  # noqa: PTH116
            data = b""  # how one says that there is no file: --env-file /dev/null
        else:
            return errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.ENXIO
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        os.close(descriptor)
    return errno.EFBIG if limit is not None and len(data) > limit else data


def _read_to_end(descriptor: int, first: int, limit: int | None) -> bytes:
    chunks = [os.read(descriptor, first)]
    # A file below /proc has size 0 and content all the same; a file may grow while it is read.
    while len(chunks[-1]) and (limit is None or sum(map(len, chunks)) <= limit):
        chunks.append(os.read(descriptor, _CHUNK_BYTES))
    return b"".join(chunks)


def _read_pipe(descriptor: int, limit: int | None) -> bytes:
    import select
    from time import monotonic

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    deadline = monotonic() + _PIPE_SECONDS
    data = bytearray()
    while limit is None or len(data) <= limit:
        if not poll.poll(max(0, deadline - monotonic()) * 1000):
            raise TimeoutError(errno.ETIMEDOUT, "nobody writes")
        chunk = os.read(descriptor, _CHUNK_BYTES)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _unreadable(path: str, failure: int) -> UnreadableFile:
    if failure == errno.ENAMETOOLONG or "\n" in path:
        return UnreadableFile(
            _NOT_A_PATH,
            "the text given as a file's path cannot be one",
            "was the value itself put where the path of its file belongs?",
        )
    if failure == errno.ENOENT:
        return UnreadableFile(path, "no such file")
    if failure == errno.EISDIR:
        return UnreadableFile(
            path,
            "is a directory, not a file",
            "Docker creates a directory where a file to be mounted is missing on the host",
        )
    if failure in (errno.EACCES, errno.EPERM):
        return UnreadableFile(
            path, "permission denied", f"make it readable for the process, which runs as user id {os.geteuid()}"
        )
    if failure == errno.EFBIG:
        return UnreadableFile(path, "is larger than 1 MiB, too large for a secret", "is it the right file?")
    if failure == errno.ENXIO:
        return UnreadableFile(path, "is not a regular file")
    if failure == errno.ETIMEDOUT:
        return UnreadableFile(path, f"is a pipe to which nobody wrote for {_PIPE_SECONDS} seconds")
    return UnreadableFile(path, os.strerror(failure).lower())
