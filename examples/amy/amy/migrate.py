"""Brings the database to what this version of the app needs: once, however many run it at the same moment."""

from __future__ import annotations

from envkit import load_settings

from .database import connect
from .settings import AppSettings

LOCK = 5_730_001
"""Key of the advisory lock that is held meanwhile."""
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS workshop (name text PRIMARY KEY)",
    "ALTER TABLE workshop ADD COLUMN IF NOT EXISTS announced boolean NOT NULL DEFAULT false",
)


def main() -> None:
    """Runs every statement in one transaction."""
    with connect(load_settings(AppSettings)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for statement in STATEMENTS:
            connection.execute(statement)


if __name__ == "__main__":
    main()
