"""What the app needs to know before it starts; what is fit only for development is refused on a server."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from envkit import DatabaseUrl, Secret, Settings, development_only


class AppSettings(Settings):
    """Every setting of the app, of its worker and of its scheduler."""

    secret_key: Annotated[Secret, Field(description="Signs the session cookie.")] = development_only(Secret("dev"))
    database_url: Annotated[DatabaseUrl, Field(description="The PostgreSQL database.")] = development_only(
        DatabaseUrl("postgresql://amy:amy@127.0.0.1/amy")
    )
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", description="The queue of jobs.")
    site_banner: Literal["local", "testing", "production"] = Field(
        default="production", description="What is shown above every page."
    )
