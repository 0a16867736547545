"""Quizagator's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from envkit import Secret, Settings


class QuizSettings(Settings):
    """One is required: without it the container says so and ends, and no traceback hides it."""

    flask_secret_key: Secret = Field(description="Signs the session cookie.")
    database: Path = Field(default=Path("/data/quizagator.db"), description="The SQLite file, made on the first start.")
