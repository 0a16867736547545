"""Making a backup of the app's database: copied, checked, compressed, put in place with its checksum, old ones removed.

Killed between any two steps it leaves files that do not count as backups; the next one removes them.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import words_of
from envkit.operations import backups, sqlite_checks, sqlite_copies
from envkit.operations.acting import as_caller, as_owner, hint_of
from envkit.operations.databases import Database, SqliteFile, find_database
from envkit.operations.steps import stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment
    from envkit.operations.backups import Backup, Engine, Reason
    from envkit.operations.databases import PostgresDatabase
    from envkit.operations.steps import Steps


def back_up(
    deployment: Deployment, steps: Steps, *, reason: Reason = "backup", env_files: Sequence[Path] = ()
) -> Path | None:
    """Makes a backup and removes those that need not stay.

    Args:
        deployment: the description.
        steps: tells or rehearses.
        reason: why it is made. Before a release, a SQLite file that is not there yet is passed over.
        env_files: where the database's URL is looked for, instead of `.env`.

    Returns:
        The backup; None where there is nothing yet, or in a rehearsal.

    Raises:
        OperationError: no backup was made, or an old one cannot be removed.
    """
    database = find_database(deployment, env_files)
    if reason == "release" and isinstance(database, SqliteFile) and _is_yet_to_be(database.path):
        steps.tell(f"no backup: there is no {database.path} yet")
        return None
    folder = Path(derived.backup_directory(deployment))
    if steps.rehearse:
        made = make(database, folder, deployment.name, steps, reason)
        rotate(deployment, steps)
        return made
    with backups.held(folder, deployment.name):
        made = make(database, folder, deployment.name, steps, reason)
        rotate(deployment, steps)
    return made


def make(database: Database, folder: Path, name: str, steps: Steps, reason: Reason) -> Path | None:
    """Makes a backup in a folder that is held.

    Raises:
        OperationError: none was made, and nothing is left of it.
    """
    engine: Engine = "sqlite" if isinstance(database, SqliteFile) else "postgresql"
    try:
        with as_owner(folder):
            path = backups.new_path(folder, name, reason, engine, datetime.now(UTC))
            scratch = backups.scratch_of(path, "copy")
            packed = backups.scratch_of(path, "packed")
            try:
                if isinstance(database, SqliteFile):
                    _copy_sqlite(database, scratch, packed, steps)
                else:
                    _dump_postgres(database, packed, steps)
                steps.take(f"put it in place as {path}", lambda: backups.commit(packed, path))
            finally:
                _clear(path)
    except OSError as error:
        problem = words_of(error)
    else:
        return None if steps.rehearse else path
    raise stopped(str(folder), f"the backup cannot be written: {problem}", "no backup was made")


def _clear(path: Path) -> None:
    """Removes what is left of making a backup; of one that is not there, its checksum, too."""
    leftovers = [backups.scratch_of(path, kind) for kind in ("copy", "packed", "copy-journal")]
    with suppress(OSError):
        if not path.exists():
            leftovers.append(path.with_name(f"{path.name}.sha256"))
    for leftover in leftovers:
        with suppress(OSError):
            leftover.unlink()


def _copy_sqlite(database: SqliteFile, scratch: Path, packed: Path, steps: Steps) -> None:
    if not _is_there(database.path):
        raise stopped(str(database.path), "no such database", remedy_for_missing(database.path))
    said = ""
    try:
        steps.take(f"copy {database.path}", lambda: sqlite_copies.copy_database(database.path, scratch, steps.show))
    except sqlite3.Error as error:
        said = str(error)
    if said:
        raise stopped(str(database.path), f"cannot be copied: {said}", "no backup was made")
    if steps.take("check the copy", lambda: sqlite_checks.problem_of(scratch)):
        raise stopped(str(database.path), "is damaged, so no backup was made", "earlier backups stay as they are")
    steps.take("compress it", lambda: sqlite_copies.pack(scratch, packed, steps.show))


def is_elsewhere(path: Path) -> bool:
    """Whether a database is not there, but where Flask-SQLAlchemy has a relative path begin: in `instance`.

    See its manual, Connection URL Format.
    """
    return not path.is_absolute() and not _is_there(path) and _is_there(_in_instance(path))


def remedy_for_missing(path: Path) -> str:
    """What to do about a database that is not there."""
    if is_elsewhere(path):
        return f'is {_in_instance(path)} meant? then under [backup], database = "{_in_instance(path).absolute()}"'
    return "" if path.is_absolute() else "its path begins in this folder; sqlite:////… begins at the root"


def _is_yet_to_be(path: Path) -> bool:
    return not _is_there(path) and not is_elsewhere(path)


def _in_instance(path: Path) -> Path:
    return Path("instance", path)


def _is_there(path: Path) -> bool:
    try:
        with as_owner(path):
            return path.is_file()
    except OSError as error:  # a folder through which this user may not pass
        problem, hint = words_of(error), hint_of(error, "no backup was made")
    raise stopped(str(path), problem, hint)


def _dump_postgres(database: PostgresDatabase, packed: Path, steps: Steps) -> None:
    with as_caller():
        from envkit.operations import postgres, postgres_programs

        programs = postgres_programs.programs_for(database)
        told = f"dump the database by {programs.dump}"
        steps.take(told, lambda: postgres.dump(database, programs, packed, steps.show))
        problem = steps.take("check the dump", lambda: postgres.problem_of(packed, programs))
    if problem:
        raise stopped("", "pg_restore cannot read the dump, so no backup was made")


def rotate(deployment: Deployment, steps: Steps) -> None:
    """Removes the backups that need not stay.

    Raises:
        OperationError: one cannot be removed.
    """
    present = backups.backups_in(Path(derived.backup_directory(deployment)), deployment.name)
    for old in backups.superfluous(present, deployment.backup.keep, datetime.now(UTC)):
        _remove(old, steps)


def _remove(old: Backup, steps: Steps) -> None:
    try:
        with as_owner(old.path.parent):
            steps.take(f"remove {old.path.name}", lambda: backups.remove(old))
    except OSError as error:
        problem = words_of(error)
    else:
        return
    raise stopped(str(old.path), f"cannot be removed: {problem}", "the new backup was made")
