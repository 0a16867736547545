"""The settings of a plain web app."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from envkit.settings.model import Settings, development_only
from envkit.settings.types import DatabaseUrl, Secret


class WebSettings(Settings):
    """The settings of a plain web app, which `load_settings()` loads when it is given no class."""

    secret_key: Annotated[Secret, Field(description="Signs sessions and tokens; at least 32 random characters.")] = (
        development_only(Secret("development"))
    )
    database_url: DatabaseUrl | None = Field(default=None, description="scheme://user:password@host:port/name")
    debug: bool = Field(default=False, description="Show errors to visitors; never in production.")
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        default="info", description="The least important messages that are logged."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port the app listens on.")
    workers: int | None = Field(
        default=None,
        ge=1,
        validation_alias=AliasChoices("WEB_CONCURRENCY", "WORKERS"),
        description="Worker processes; unless given, from the CPUs there are.",
    )
    domains: list[str] = Field(default=[], description="Host names the app answers to.")
