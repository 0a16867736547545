"""The database: one connection for each piece of work, and nothing kept open in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from psycopg import Connection

    from .settings import AppSettings


def connect(settings: AppSettings) -> Connection[Any]:
    """A connection; `with` commits at the end of its block and closes it.

    Raises:
        psycopg.OperationalError: the database does not answer.
    """
    return psycopg.connect(settings.database_url.get_secret_value(), connect_timeout=3)
