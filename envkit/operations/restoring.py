"""Restoring a backup: verified first, and with a backup of what it replaces.

The content is replaced in one transaction of the database itself, under the app that has it open: killed at any moment,
the database holds the old content or the new, and running it again finishes.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import words_of
from envkit.operations import backups, sqlite_checks, sqlite_copies
from envkit.operations.acting import as_owner
from envkit.operations.backing_up import is_elsewhere, make, remedy_for_missing
from envkit.operations.databases import SqliteFile, find_database
from envkit.operations.steps import OperationError, stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment
    from envkit.operations.databases import PostgresDatabase
    from envkit.operations.steps import Steps

LATEST = "latest"


def restore(
    deployment: Deployment, chosen: str, steps: Steps, *, env_files: Sequence[Path] = (), foreign: bool = False
) -> Path | None:
    """Replaces the content of the database by that of a backup.

    Args:
        deployment: the description.
        chosen: a name as `envkit backup list` prints it, a path, or `latest`.
        steps: tells or rehearses.
        env_files: where the database's URL is looked for, instead of `.env`.
        foreign: whether the backup may be another app's.

    Returns:
        The backup of what was replaced; None where there was nothing, or in a rehearsal.

    Raises:
        OperationError: the backup is damaged, another app's or of another kind of database, or the database cannot be
            replaced. The database is as it was.
    """
    database = find_database(deployment, env_files)
    source = choose(deployment, chosen)
    is_sqlite = source.name.endswith(f".{backups.ENDINGS['sqlite']}")
    if is_sqlite != isinstance(database, SqliteFile):
        raise stopped(str(source), "is a backup of another kind of database")
    app = backups.app_of(source)
    if app not in (deployment.name, None) and not foreign:
        raise stopped(
            str(source), f"is a backup of {app}, not of {deployment.name}", "--foreign restores it all the same"
        )
    folder = Path(derived.backup_directory(deployment))

    def all_of_it() -> Path | None:
        steps.tell(f"verify {source}")  # in a rehearsal, too: it changes nothing
        backups.verify_checksum(source, steps.show)
        if isinstance(database, SqliteFile):
            return _into_sqlite(database, source, folder, deployment.name, steps)
        return _into_postgres(database, source, folder, deployment.name, steps)

    if steps.rehearse:
        return all_of_it()
    with backups.held(folder, deployment.name):
        return all_of_it()


def choose(deployment: Deployment, chosen: str) -> Path:
    """The path of the backup that is meant.

    Raises:
        OperationError: there is none.
    """
    folder = Path(derived.backup_directory(deployment))
    if chosen == LATEST:
        present = [b for b in backups.backups_in(folder, deployment.name) if b.reason != "restore"]
        latest = backups.newest(present, datetime.now(UTC))
        if latest is None:
            raise stopped(str(folder), "there is no backup yet")
        return latest.path
    path = Path(chosen) if "/" in chosen else folder / chosen
    try:
        found = path.is_file()
    except OSError as error:
        raise stopped(str(path), words_of(error)) from None
    if not found:
        raise stopped(str(path), "no such backup", "`envkit backup list` shows them")
    if not path.name.endswith(tuple(f".{ending}" for ending in backups.ENDINGS.values())):
        raise stopped(str(path), "is no backup by its name", f"it must end in {' or '.join(backups.ENDINGS.values())}")
    return path


def _into_sqlite(database: SqliteFile, source: Path, folder: Path, name: str, steps: Steps) -> Path | None:
    target = database.path
    if is_elsewhere(target):  # a new one here is none that the app reads
        raise stopped(str(target), "no such database", remedy_for_missing(target))
    try:
        with as_owner(target):
            target = Path(os.path.realpath(target))  # SQLite keeps its log beside the file, not beside a link to it
            replaced = _replace_sqlite(database, target, source, folder, name, steps)
    except OSError as error:
        problem = words_of(error)
    except sqlite3.Error as error:
        problem = str(error)
    else:
        return None if steps.rehearse else replaced
    raise stopped(str(target), f"cannot be replaced: {problem}", "it is as it was")


def _replace_sqlite(
    database: SqliteFile, target: Path, source: Path, folder: Path, name: str, steps: Steps
) -> Path | None:
    fresh = target.with_name(f".{target.name[:200]}.envkit-restore")
    try:
        steps.take(f"expand it to {fresh}", lambda: sqlite_copies.unpack(source, fresh, steps.show))
        if steps.take("check it", lambda: sqlite_checks.problem_of(fresh)):
            raise stopped(str(source), "is damaged: SQLite finds its pages wrong", "take another one")
        replaced, usable = _keep_old(database, target, folder, name, steps)
        if usable:
            steps.take(f"write it into {target}", lambda: sqlite_copies.write_database(fresh, target, steps.show))
        else:
            steps.take(f"make it {target}", lambda: sqlite_copies.install(fresh, target, like=replaced))
            if replaced is not None:
                steps.tell("restart the app: its processes have the damaged file open")
    finally:
        with suppress(OSError):
            fresh.unlink()
    return replaced


def _keep_old(database: SqliteFile, target: Path, folder: Path, name: str, steps: Steps) -> tuple[Path | None, bool]:
    """A backup of what is there, and whether that is a database which can take new content."""
    if there := target.exists():
        steps.tell("back up what it replaces:")
        try:
            return make(database, folder, name, steps, "restore"), True
        except OperationError:
            if not sqlite_checks.is_broken(target):
                raise
    aside = f"{target}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    # A log or journal that outlived its database would be applied to the next one of its name.
    for ending in ("-wal", "-shm", "-journal", ""):
        file = Path(f"{target}{ending}")
        if file.exists():
            steps.take(
                f"move the {'damaged' if there else 'leftover'} {file} aside", partial(file.rename, f"{aside}{ending}")
            )
    return Path(aside) if there else None, False


def _into_postgres(database: PostgresDatabase, source: Path, folder: Path, name: str, steps: Steps) -> Path | None:
    from envkit.operations import postgres, postgres_programs

    programs = postgres_programs.programs_for(database)
    if steps.take("check it", lambda: postgres.problem_of(source, programs)):
        raise stopped(str(source), "is damaged, or of a newer PostgreSQL: pg_restore cannot read it")
    steps.tell("back up what it replaces:")
    replaced = make(database, folder, name, steps, "restore")
    try:
        steps.take(
            f"replace the content of the database by {programs.restore}",
            lambda: postgres.restore(database, programs, source, steps.show),
        )
    except OSError as error:  # of a file for what the programs say
        problem = words_of(error)
    else:
        return replaced
    raise stopped("", f"the dump was not restored: {problem}", "nothing was changed")
