"""What the worker runs: functions whose arguments are JSON."""

from __future__ import annotations

from envkit import load_settings

from .database import connect
from .settings import AppSettings


def announce(name: str) -> None:
    """Marks a workshop as announced; twice does no harm."""
    with connect(load_settings(AppSettings)) as connection:
        connection.execute("UPDATE workshop SET announced = true WHERE name = %s", (name,))


def announce_all() -> None:
    """Announces what was forgotten."""
    with connect(load_settings(AppSettings)) as connection:
        connection.execute("UPDATE workshop SET announced = true WHERE NOT announced")
