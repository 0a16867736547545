"""Running PostgreSQL's client programs: the password by a file in memory, and their words without the settings'."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from envkit.operations.steps import OperationError, stopped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from envkit.operations.databases import PostgresDatabase

QUIETLY = ("--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet")
"""psql's arguments when a program reads what it prints."""


def ask(psql: str, database: PostgresDatabase, sql: str) -> str:
    """What psql prints for a statement.

    Raises:
        OperationError: the server cannot be reached, or refuses.
    """
    with connection(database) as (variables, descriptors):
        said = subprocess.run(
            [psql, *QUIETLY, f"--command={sql}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=variables,
            pass_fds=descriptors,
            check=False,
        )
    if said.returncode:
        raise failed(database, "the server cannot be reached", said.stderr.decode(errors="replace"))
    return said.stdout.decode()


@contextmanager
def connection(database: PostgresDatabase) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The variables of a client program, and the descriptors it needs.

    Arguments and environment can be looked at from outside the process. The password is in a file without a name,
    which is gone with the processes that have it open, killed or not (libpq wants its mode to be 0600).

    Raises:
        OperationError: a service is named, of which libpq takes host and database before it looks at any variable.
    """
    variables = {**_PATIENCE, **own_environment(), **database.variables, "PGCLIENTENCODING": "UTF8"}
    if "PGSERVICE" in variables:
        hint = "take PGSERVICE out of the environment, or service= out of the URL, and name host and database instead"
        raise stopped("", "a service of libpq's would stand above what the settings say of host and database", hint)
    password = database.password or os.environ.get("PGPASSWORD")  # libpq's own variable, by which the app may have it
    if not password:
        yield variables, ()
        return
    descriptor = os.memfd_create("pgpass", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        escaped = re.sub(r"([\\:])", r"\\\1", password)
        os.write(descriptor, f"*:*:*:*:{escaped}\n".encode(errors="surrogateescape"))
        yield {**variables, "PGPASSFILE": f"/proc/self/fd/{descriptor}"}, (descriptor,)
    finally:
        os.close(descriptor)


_PATIENCE = {"PGCONNECT_TIMEOUT": "30"}
"""Seconds, unless told otherwise: a host that never answers would have every later backup wait for this one."""


def own_environment() -> dict[str, str]:
    """What concerns the programs themselves: the app's settings are none of their business."""
    return {**{name: text for name, text in os.environ.items() if _OWN.fullmatch(name)}, "LC_ALL": "C"}


_OWN = re.compile(
    r"HOME|LD_LIBRARY_PATH|LOGNAME|PATH|TMPDIR|TZ|USER|PG(?!PASSWORD)[A-Z]+|PGCONNECT_TIMEOUT|KRB5\w+|SSL_CERT_\w+"
)
"""libpq reads PGSSLMODE and its like (PostgreSQL's manual, 34.15), Kerberos and OpenSSL below it their own. A setting
of the app may be named PG_PASSWORD, and is none of them."""


class Said:
    """What a program writes to standard error, in a file: a pipe that nobody empties would stop it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._text = ""

    def keep(self) -> None:
        """Reads the file, before it is gone."""
        self._file.seek(0)
        self._text = self._file.read(_MOST_SAID).decode(errors="replace")

    def text(self) -> str:
        """What was kept."""
        return self._text


_MOST_SAID = 4000


@contextmanager
def started(
    command: Sequence[str],
    variables: dict[str, str],
    descriptors: tuple[int, ...],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[tuple[subprocess.Popen[bytes], Said]]:
    """A running program, which does not outlive the block."""
    with tempfile.TemporaryFile() as errors:
        said = Said(errors)
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=errors, env=variables, pass_fds=descriptors, bufsize=0
        )
        try:
            yield process, said
        finally:
            if process.poll() is None:
                process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None and not stream.closed:
                    stream.close()
            process.wait()
            said.keep()


def failed(database: PostgresDatabase, problem: str, said: str) -> OperationError:
    """The error with the program's own words, in which the settings' texts are replaced by their names."""
    secrets = {"password": database.password or "", **database.variables}
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if value:
            said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"<{name}>", said)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return stopped("", problem, lines[0] if lines else "")
