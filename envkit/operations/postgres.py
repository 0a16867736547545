"""PostgreSQL's own programs: pg_dump and pg_restore of the server's major version, the password by a file in memory."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from envkit.operations.backups import BLOCK
from envkit.operations.programs import find_program
from envkit.operations.steps import OperationError, stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from envkit.operations.databases import PostgresDatabase

    Show = Callable[[int, int], None]

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each major version, in N/bin."""


class Programs(NamedTuple):
    """The client programs of one major version."""

    dump: str
    restore: str
    psql: str
    major: int


def programs_for(database: PostgresDatabase) -> Programs:
    """The programs that fit the server: those of its major version, else of the next newer one.

    An older pg_dump refuses the server; a newer one writes what an older server may not read again.

    Raises:
        OperationError: the server cannot be reached, or no fitting program is installed.
    """
    installed = _installed()
    if not installed:
        raise stopped("", "pg_dump is not installed", "install postgresql-client")
    with _connection(database) as (variables, descriptors):
        said = _run([installed[-1].psql, *_QUIETLY, "--command=SHOW server_version_num"], variables, descriptors)
    _expect(said, database, "the server cannot be reached")
    major = int(said.stdout) // 10_000
    fitting = [programs for programs in installed if programs.major >= major]
    if not fitting:
        raise stopped(
            "", f"pg_dump of version {major}, the server's, is not installed", f"install postgresql-client-{major}"
        )
    return fitting[0]


_QUIETLY = ("--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet")


def _installed() -> list[Programs]:
    """What is installed, the oldest first."""
    folders = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: (len(folder.parent.name), folder.parent.name))
    found = [_in_folder(str(folder / "pg_dump")) for folder in folders]
    found = found if any(found) else [_in_folder(find_program("pg_dump"))]
    return sorted((programs for programs in found if programs), key=lambda programs: programs.major)


def _in_folder(dump: str | None) -> Programs | None:
    if dump is None or not os.access(dump, os.X_OK):
        return None
    folder = Path(dump).parent
    version = re.search(rb"\) (\d+)", subprocess.run([dump, "--version"], capture_output=True, check=False).stdout)
    restore, psql = (str(folder / name) for name in ("pg_restore", "psql"))
    if version is None or not all(os.access(path, os.X_OK) for path in (restore, psql)):
        return None
    return Programs(dump, restore, psql, int(version[1]))


# --- out ------------------------------------------------------------------------------------------------------------


def dump(database: PostgresDatabase, programs: Programs, target: Path, show: Show) -> None:
    """Writes the database to a file in pg_dump's custom format: compressed, one snapshot, writers go on.

    Args:
        database: what to dump.
        programs: of the right version.
        target: a new file.
        show: told how many bytes are written; how many there will be is unknown.

    Raises:
        OperationError: pg_dump failed.
        OSError: the file cannot be written.
    """
    command = [programs.dump, "--format=custom", "--no-password", "--lock-wait-timeout=60s"]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    # By a pipe, so that pg_dump ends (SIGPIPE) should this process be killed.
    with (
        open(os.open(target, flags, 0o600), "wb") as file,  # noqa: PTH123  a descriptor, not a path
        _connection(database) as (variables, descriptors),
        _started(command, variables, descriptors, stdout=subprocess.PIPE) as (process, said),
    ):
        _copy(process.stdout, file, show)
        code = process.wait()
    if code:
        raise _failed(database, "pg_dump failed", said.text())


def problem_of(dump_file: Path, programs: Programs) -> str:
    """Why pg_restore cannot read a dump; empty when it can."""
    said = subprocess.run(
        [programs.restore, "--file=/dev/null", dump_file], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return "" if said.returncode == 0 else "pg_restore cannot read it"


# --- in -------------------------------------------------------------------------------------------------------------


def restore(database: PostgresDatabase, programs: Programs, source: Path, show: Show) -> None:
    """Replaces everything in the database by a dump, in one transaction: all of it, or after any failure nothing.

    COMMIT is sent only when pg_restore has come to its end; a psql whose input just ends rolls everything back.

    Args:
        database: what is replaced.
        programs: of the right version.
        source: the dump.
        show: told how many bytes of SQL were sent; how many there are is unknown.

    Raises:
        OperationError: the server refused something, and nothing was changed.
    """
    reading = [programs.restore, "--clean", "--if-exists", "--file=-", str(source)]
    writing = [programs.psql, *_QUIETLY, "--set=ON_ERROR_STOP=1", "--file=-", "--output=/dev/null"]
    with (
        _connection(database) as (variables, descriptors),
        _started(writing, variables, descriptors, stdin=subprocess.PIPE) as (psql, refused),
        _started(reading, variables, (), stdout=subprocess.PIPE) as (pg_restore, said),
    ):
        assert psql.stdin is not None  # noqa: S101  for the type checker: it was asked for
        try:
            psql.stdin.write(_PREPARATION.encode())
            _copy(pg_restore.stdout, psql.stdin, show)
            if pg_restore.wait() == 0:
                psql.stdin.write(b"\nCOMMIT;\n")
            psql.stdin.close()
        except BrokenPipeError:
            pass  # psql stopped at an error, which it has told
        code = psql.wait()
        if code:
            pg_restore.kill()  # nobody reads what it still has
        read = pg_restore.wait()
    if code:
        raise _failed(database, "the dump was not restored, nothing was changed", refused.text())
    if read:
        raise _failed(database, "the dump was not restored, nothing was changed", said.text())


_PREPARATION = """
BEGIN;
SET LOCAL lock_timeout = '30s';
SET LOCAL client_min_messages = error;
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT n.nspname AS name FROM pg_namespace n
        WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
            AND d.deptype = 'e')
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.deptype IN ('e', 'i', 'a'))
        ORDER BY c.relkind = 'S'
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
    FOR found IN
        SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
            AND d.deptype IN ('e', 'i'))
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT t.oid::regtype::text AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd', 'c', 'r') AND t.typelem = 0
        AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
            AND d.deptype IN ('e', 'i'))
    LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name);
    END LOOP;
END
$$;
"""
"""Takes away what the dump may not know of, such as the tables of a newer version of the app.

pg_restore's --clean drops only what is in the dump. What an extension made stays with it, and the schema public keeps
its owner and its rights.
"""


# --- running them ---------------------------------------------------------------------------------------------------


@contextmanager
def _connection(database: PostgresDatabase) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The variables of a client program, and the descriptors it needs.

    Arguments and environment can be looked at from outside the process. The password is in a file without a name,
    which is gone with the processes that have it open, killed or not (libpq wants its mode to be 0600).
    """
    variables = {**os.environ, **database.variables, "LC_ALL": "C", "PGCLIENTENCODING": "UTF8"}
    variables.pop("PGPASSWORD", None)
    if database.password is None:
        yield variables, ()
        return
    descriptor = os.memfd_create("pgpass", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        escaped = re.sub(r"([\\:])", r"\\\1", database.password)
        os.write(descriptor, f"*:*:*:*:{escaped}\n".encode())
        yield {**variables, "PGPASSFILE": f"/proc/self/fd/{descriptor}"}, (descriptor,)
    finally:
        os.close(descriptor)


class _Said:
    """What a program writes to standard error, in a file: a pipe that nobody empties would stop it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._text = ""

    def keep(self) -> None:
        self._file.seek(0)
        self._text = self._file.read(_MOST_SAID).decode(errors="replace")

    def text(self) -> str:
        return self._text


_MOST_SAID = 4000


@contextmanager
def _started(
    command: Sequence[str],
    variables: dict[str, str],
    descriptors: tuple[int, ...],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[tuple[subprocess.Popen[bytes], _Said]]:
    """A running program, which does not outlive the block."""
    with tempfile.TemporaryFile() as errors:
        said = _Said(errors)
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


def _run(
    command: Sequence[str], variables: dict[str, str], descriptors: tuple[int, ...]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, env=variables, pass_fds=descriptors, check=False
    )


def _expect(said: subprocess.CompletedProcess[bytes], database: PostgresDatabase, problem: str) -> None:
    if said.returncode:
        raise _failed(database, problem, said.stderr.decode(errors="replace"))


def _copy(source: IO[bytes] | None, target: IO[bytes], show: Show) -> None:
    done = 0
    while source is not None and (block := source.read(BLOCK)):
        target.write(block)
        done += len(block)
        show(done, 0)


def _failed(database: PostgresDatabase, problem: str, said: str) -> OperationError:
    """The error with the program's own words, in which the settings' texts are replaced by their names."""
    secrets = {"password": database.password or "", **database.variables}
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if value:
            said = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"<{name}>", said)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return stopped("", problem, lines[0] if lines else "")
