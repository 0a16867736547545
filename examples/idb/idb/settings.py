"""What the app needs to know before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from envkit import Secret, Settings, development_only


class AppSettings(Settings):
    """Every setting of the app."""

    secret_key: Annotated[Secret, Field(description="Signs the session cookie.")] = development_only(Secret("dev"))
    wger_key: Secret = Field(description="Key of the API from which the exercises are taken.")
    database: Path = Field(default=Path("idb.sqlite3"), description="SQLite file, made on the first start.")
