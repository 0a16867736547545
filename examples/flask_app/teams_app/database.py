"""The SQLite file: its schema, one connection for each request, and what the app asks of it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app, g

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

PATIENCE = 20.0
"""Seconds that a connection waits for another one's write: on a slow disk, less than a request may take."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE team (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE NOCASE UNIQUE,
            github_id INTEGER UNIQUE,
            added_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
        )
        """,
    ),
)
"""The statements that lead from each version of the schema to the next; only ever append."""


class NameTakenError(Exception):
    """Another team has this name."""


def init_app(app: Flask) -> None:
    """Brings the database up to date, and closes each request's connection when the request is done."""
    # An absolute path: what is opened later must not depend on the folder the process is in by then.
    app.config["DATABASE"] = Path(app.config["DATABASE"]).absolute()
    migrate(app.config["DATABASE"])
    app.teardown_appcontext(_close)


def migrate(path: Path) -> None:
    """Makes the database or brings it up to date; any number of processes may do so at the same time.

    Raises:
        RuntimeError: a newer version of the app has been here.
        sqlite3.Error: the file cannot be made, read or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(_open(path, "rwc")) as connection:
        _use_write_ahead_log(connection)
        with transaction(connection):
            # Only the process that holds the write lock reads the version and acts on it.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise RuntimeError(
                    f"{path}: the database has schema version {version}, this app knows {len(MIGRATIONS)}; "
                    "start the newer app, or restore a backup"
                )
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    connection.execute(statement)
            if version < len(MIGRATIONS):
                connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements inside take effect together, or none.

    IMMEDIATE takes the write lock at once, while SQLite can still wait for it; a transaction that begins by
    reading and writes later fails without waiting when another process has written in between.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def teams(limit: int) -> tuple[int, list[sqlite3.Row]]:
    """How many teams there are, and the newest of them."""
    connection = _connection()
    (count,) = connection.execute("SELECT count(*) FROM team").fetchone()
    newest = connection.execute("SELECT * FROM team ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return count, newest


def add_team(name: str) -> None:
    """Adds a team.

    Raises:
        NameTakenError: there is one of this name.
    """
    connection = _connection()
    with _unique_names(), transaction(connection):
        connection.execute("INSERT INTO team (name) VALUES (?)", (name,))


def keep_github_team(github_id: int, name: str) -> None:
    """Adds or renames the team that GitHub knows by this id; one added by hand under that name becomes it.

    Raises:
        NameTakenError: a team with another GitHub id has this name.
    """
    connection = _connection()
    with _unique_names(), transaction(connection):
        renamed = connection.execute("UPDATE team SET name = ? WHERE github_id = ?", (name, github_id))
        if renamed.rowcount:
            return
        linked = connection.execute(
            "UPDATE team SET github_id = ? WHERE name = ? AND github_id IS NULL", (github_id, name)
        )
        if not linked.rowcount:
            connection.execute("INSERT INTO team (name, github_id) VALUES (?, ?)", (name, github_id))


def forget_github_team(github_id: int) -> None:
    """Removes the team that GitHub knows by this id, if it is here."""
    connection = _connection()
    with transaction(connection):
        connection.execute("DELETE FROM team WHERE github_id = ?", (github_id,))


def is_well() -> bool:
    """Whether the database answers and has the schema that this app works with, or a newer one."""
    try:
        connection = _connection()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT id FROM team LIMIT 1").fetchone()
    except sqlite3.Error:
        current_app.logger.exception("the database does not answer")
        return False
    return bool(version >= len(MIGRATIONS))


def _connection() -> sqlite3.Connection:
    """This request's connection."""
    if "connection" not in g:
        # "rw" and not "rwc": a file that went missing is an error, not a new and empty database.
        g.connection = _open(current_app.config["DATABASE"], "rw")
    connection: sqlite3.Connection = g.connection
    return connection


def _close(_error: BaseException | None) -> None:
    connection = g.pop("connection", None)
    if connection is not None:
        connection.close()


def _open(path: Path, mode: str) -> sqlite3.Connection:
    # as_uri() percent-encodes what a URI would read as something else. Without an isolation level Python
    # begins no transactions of its own.
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Readers and a writer no longer wait for each other; the file remembers it, so this acts once.

    SQLite upgrades a read lock here, for which it does not wait as it does elsewhere: when several processes
    try at once, some are told «database is locked» immediately, whatever the timeout. So the waiting is done
    here.
    """
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _unique_names() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise NameTakenError from None
