"""PostgreSQL's dumps: made by pg_dump in one snapshot, and restored in one transaction."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from envkit.operations.acting import as_owner
from envkit.operations.backups import BLOCK
from envkit.operations.postgres_clients import QUIETLY, ask, connection, failed, own_environment, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from envkit.operations.databases import PostgresDatabase
    from envkit.operations.postgres_programs import Programs

    Show = Callable[[int, int], None]


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
    with as_owner(target):
        new = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    # By a pipe, so that pg_dump ends (SIGPIPE) should this process be killed.
    with (
        open(new, "wb") as file,  # noqa: PTH123  a descriptor, not a path
        connection(database) as (variables, descriptors),
        started(command, variables, descriptors, stdout=subprocess.PIPE) as (process, said),
    ):
        _copy(process.stdout, file, show)
        code = process.wait()
    if code:
        raise failed(database, "pg_dump failed", said.text())


def problem_of(dump_file: Path, programs: Programs) -> str:
    """Why pg_restore cannot read a dump; empty when it can."""
    said = _ask_of(dump_file, programs, "--file=/dev/null")
    return "" if said.returncode == 0 else "pg_restore cannot read it"


def _ask_of(dump_file: Path, programs: Programs, option: str) -> subprocess.CompletedProcess[bytes]:
    """What pg_restore says of a dump alone, without a database."""
    with _opened(dump_file) as file:
        return subprocess.run(
            [programs.restore, option], stdin=file, capture_output=True, env=own_environment(), check=False
        )


def _opened(dump_file: Path) -> IO[bytes]:
    with as_owner(dump_file):
        return dump_file.open("rb")


# --- in -------------------------------------------------------------------------------------------------------------


def restore(database: PostgresDatabase, programs: Programs, source: Path, show: Show) -> None:
    """Replaces everything in the database by a dump, in one transaction: all of it, or after any failure nothing.

    COMMIT is sent only when pg_restore has come to its end; a psql whose input just ends rolls everything back. An
    extension that another role made, such as the administrator, stays as it is.

    Args:
        database: what is replaced.
        programs: of the right version.
        source: the dump.
        show: told how many bytes of SQL were sent; how many there are is unknown.

    Raises:
        OperationError: the server refused something, and nothing was changed.
    """
    reading = [programs.restore, "--clean", "--if-exists", "--file=-"]
    writing = [programs.psql, *QUIETLY, "--set=ON_ERROR_STOP=1", "--file=-", "--output=/dev/null"]
    staying = ask(programs.psql, database, _STAYING).splitlines()
    with (
        _contents(database, source, programs, staying) as chosen,
        _opened(source) as file,
        connection(database) as (variables, descriptors),
        started(writing, variables, descriptors, stdin=subprocess.PIPE) as (psql, refused),
        started(
            [*reading, f"--use-list=/proc/self/fd/{chosen}"], variables, (chosen,), stdin=file, stdout=subprocess.PIPE
        ) as (pg_restore, said),
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
    if code or read:
        raise failed(database, _NOT_RESTORED, refused.text() if code else said.text())


_NOT_RESTORED = "the dump was not restored, nothing was changed"


_STAYING = """
SELECT 'EXTENSION - ' || extname FROM pg_extension WHERE NOT pg_has_role(extowner, 'USAGE')
UNION SELECT 'SCHEMA - ' || nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE NOT pg_has_role(extowner, 'USAGE') AND nspname <> 'public'
"""
"""Extensions that this role may neither drop nor comment on, and the schemas they are in, as pg_restore lists them."""


@contextmanager
def _contents(database: PostgresDatabase, source: Path, programs: Programs, staying: Sequence[str]) -> Iterator[int]:
    """The dump's list of contents without what stays, as the descriptor of a file.

    Raises:
        OperationError: pg_restore cannot list them to the end; what it did not list would be lost.
    """
    listed = _ask_of(source, programs, "--list")
    if listed.returncode:
        raise failed(database, _NOT_RESTORED, listed.stderr.decode(errors="replace"))
    # `3; 3079 16385 EXTENSION - citext ` and `9; 0 0 COMMENT - EXTENSION "uuid-ossp" `: tag, then owner
    kinds = [tuple(entry.split(" - ", 1)) for entry in staying]
    passed_over = [rf"(?:{kind} - |(?:COMMENT|ACL) - {kind} )\"?{re.escape(name)}\"? " for kind, name in kinds]
    with open(os.memfd_create("contents", os.MFD_CLOEXEC), "wb") as file:  # noqa: PTH123  a descriptor, not a path
        for line in listed.stdout.splitlines(keepends=True):
            text = line.decode(errors="replace")
            if not any(re.match(rf"\d+; \d+ \d+ {pattern}", text) for pattern in passed_over):
                file.write(line)
        file.flush()
        yield file.fileno()


_PREPARATION = """
BEGIN READ WRITE;
SET LOCAL lock_timeout = '30s';
SET LOCAL statement_timeout = 0;
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
        AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extnamespace = n.oid
            AND NOT pg_has_role(e.extowner, 'USAGE'))
        ORDER BY name
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.refobjid <> c.oid AND d.deptype IN ('e', 'i', 'a'))
        ORDER BY c.relkind = 'S', name
    LOOP
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
    FOR found IN
        SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
            AND d.deptype IN ('e', 'i'))
        ORDER BY name
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT t.oid::regtype::text AS name FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd', 'c', 'r') AND t.typelem = 0
        AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
            AND d.deptype IN ('e', 'i'))
        ORDER BY name
    LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', found.name);
    END LOOP;
    FOR found IN
        SELECT 'OPERATOR' AS kind, o.oid::regoperator::text AS name, 'pg_operator'::regclass AS list, o.oid AS id
            FROM pg_operator o WHERE oprnamespace = 'public'::regnamespace
        UNION ALL SELECT 'COLLATION', o.oid::regcollation::text, 'pg_collation'::regclass, o.oid
            FROM pg_collation o WHERE collnamespace = 'public'::regnamespace
        UNION ALL SELECT 'TEXT SEARCH CONFIGURATION', o.oid::regconfig::text, 'pg_ts_config'::regclass, o.oid
            FROM pg_ts_config o WHERE cfgnamespace = 'public'::regnamespace
        UNION ALL SELECT 'TEXT SEARCH DICTIONARY', o.oid::regdictionary::text, 'pg_ts_dict'::regclass, o.oid
            FROM pg_ts_dict o WHERE dictnamespace = 'public'::regnamespace
        ORDER BY name
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = found.list AND d.objid = found.id
            AND d.deptype = 'e');
        EXECUTE format('DROP %s IF EXISTS %s CASCADE', found.kind, found.name);
    END LOOP;
END
$$;
"""
"""Takes away what the dump may not know of, such as the tables of a newer version of the app.

pg_restore's --clean drops only what is in the dump. What an extension made stays with it, and the schema public keeps
its owner and its rights. What is sorted is read to its end before the first is dropped: the name of what CASCADE took
along is a number. What a role's own settings say of time and of writing is not meant for a restore.
"""


def _copy(source: IO[bytes] | None, target: IO[bytes], show: Show) -> None:
    done = 0
    while source is not None and (block := source.read(BLOCK)):
        target.write(block)
        done += len(block)
        show(done, 0)
