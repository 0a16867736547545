"""What the app needs to know before it starts: one class, read by the app and by envkit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from envkit import PrivateKey, Secret, Settings, development_only

from .signing import load_signing_key


class AppSettings(Settings):
    """Every setting of the app; `GITHUB_KEY` in the environment or in `.env` is `github_key` here."""

    secret_key: Annotated[Secret, Field(description="Signs the session cookie.")] = development_only(Secret("dev"))
    github_app_id: str = Field(description="The GitHub App's client id, from its settings page.")
    github_key: PrivateKey = Field(description="The GitHub App's private key (RSA), as downloaded from GitHub.")
    webhook_secret: Secret = Field(description="The secret that GitHub signs the App's webhook deliveries with.")
    admin_token: Secret = Field(description="Bearer token of those who may have tokens of the GitHub App.")
    database: Path = Field(default=Path("teams.sqlite3"), description="SQLite file, made on the first start.")
    proxy_hops: int = Field(default=1, ge=0, le=10, description="Proxies in front of the app: 1 for nginx, 0 for none.")
    session_cookie_secure: bool = Field(default=True, description="false on your own machine, where there is no HTTPS.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe events that are logged."
    )

    @field_validator("github_key")
    @classmethod
    def _signs_by_rs256(cls, key: PrivateKey) -> PrivateKey:
        load_signing_key(key.to_bytes())
        return key
