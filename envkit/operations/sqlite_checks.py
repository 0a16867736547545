"""SQLite's own verdict on a database, and how one is opened that others use."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60
"""Seconds in which a database that others hold lets nobody in, or no page be copied, until it is given up."""


def open_database(path: Path, mode: str = "mode=rw") -> sqlite3.Connection:
    """A connection to an existing database.

    Not read-only: reading a write-ahead log needs its index, which may have to be made; SQLite gives what it makes to
    the owner of the database, should root be the one who asks.
    """
    uri = f"file:{quote(str(path.absolute()))}?{mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE)


def problem_of(path: Path) -> str:
    """What SQLite's own check of a copy says; empty when the copy is whole. Nobody else may have it open."""
    try:
        with closing(open_database(path, "immutable=1")) as copy:
            said = _verdict(copy)
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if said == "ok" else "its pages contradict each other"


def _verdict(database: sqlite3.Connection) -> str:
    """What the thorough check says, or the quick one, where an index or a CHECK needs what only the app can compute."""
    check = "integrity_check"
    given: set[str] = set()
    while True:
        try:
            (said,) = database.execute(f"PRAGMA {check}(1)").fetchone()
        except sqlite3.OperationalError as error:
            missing = re.fullmatch(r"(no such collation sequence: |unknown function: )(.+)", str(error), re.DOTALL)
            if missing is None or missing[0] in given:
                raise
            given.add(missing[0])
            check = "quick_check"  # compares no index with its table, so that any order will do
            database.execute("PRAGMA ignore_check_constraints = ON")
            if missing[1].startswith("no such collation"):
                database.create_collation(missing[2], lambda one, two: (one > two) - (one < two))
        else:
            return str(said)


def is_broken(path: Path) -> bool:
    """Whether a database, which others may have open, is damaged; one that is locked is not."""
    try:
        with closing(open_database(path)) as database:
            return _verdict(database) != "ok"
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:  # not a database, or malformed
        return True
