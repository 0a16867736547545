"""The SQLite file, which any number of workers may make at the same moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 20.0
"""Seconds that a connection waits for another one's write."""


def prepare(path: Path) -> None:
    """Makes the tables, unless they are there.

    The original asked whether the file exists, and two of three workers that started together on an empty folder
    failed. Here one transaction asks and answers: whoever gets the write lock first makes the tables. (The journal
    stays as SQLite has it: the change to a write-ahead log waits for nobody, so that one of two that make it fails.)
    """
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS quiz (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE)")
        connection.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """A connection without Python's own transactions: each statement stands for itself."""
    return sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)


def titles(path: Path) -> list[str]:
    """The titles of all quizzes, in the order in which they were added."""
    with closing(connect(path)) as connection:
        return [title for (title,) in connection.execute("SELECT title FROM quiz ORDER BY id")]


def add(path: Path, title: str) -> bool:
    """Whether the quiz was added: False where there is one of this title."""
    with closing(connect(path)) as connection:
        added = connection.execute("INSERT INTO quiz (title) VALUES (?) ON CONFLICT DO NOTHING", (title,))
        return added.rowcount == 1
