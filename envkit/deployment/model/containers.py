"""The tables for containers: the app's own, those beside it, and the tools that start and replace them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from envkit import __version__
from envkit.deployment.model.described import described

Base = Literal["envkit", "plain"]
Restart = Literal["unless-stopped", "always", "on-failure", "no"]
SecretsBy = Literal["environment", "files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of the containers beside the app: pinned, and named here to take them from another registry."""

    nginx: str = described("The proxy, built by nginx/Dockerfile.", kind="image", default=f"envkit-nginx:{__version__}")
    certbot: str = described("For tls letsencrypt.", kind="image", default="certbot/certbot:v5.7.0")
    redis: str = described("For services.redis.", kind="image", default="redis:8-alpine")
    postgres: str = described(
        "For services.postgres, up to 17: from 18 on the image keeps its files elsewhere.",
        kind="image",
        default="postgres:17-alpine",
    )
    dynamodb_local: str = described("For services.dynamodb_local.", kind="image", default="amazon/dynamodb-local:3.1.0")
    watchtower: str = described("For updates.", kind="image", default="nickfedor/watchtower:1.21.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """How the app runs in containers: every process from one image."""

    image: str | None = described(
        "Image of the app with its registry and tag; unless given, NAME:latest.", kind="image", default=None
    )
    build: str | None = described(
        "Folder with the app's Dockerfile, seen from the Compose file; unless given, the image is pulled.",
        kind="folder",
        default=None,
    )
    base: Base = described(
        "envkit: the image's entry point is `envkit run` (FROM envkit-base). plain: it starts the web process by "
        "itself, and the other commands are written out.",
        default="envkit",
    )
    data: tuple[str, ...] = described(
        "Bind mounts for what the app keeps, as HOST:CONTAINER, such as /srv/shop:/data or ./data:/data. With them no "
        "process ever runs twice, not even while it is replaced.",
        kind="mount",
        default=(),
    )
    read_only: bool = described("The root file system cannot be written; /tmp can.", default=True)
    address: str = described(
        "Address of the machine on which ports are published; 127.0.0.1 keeps them to itself.",
        kind="ip4",
        default="0.0.0.0",  # noqa: S104 - what the world reaches is nginx
    )
    port: int | None = described(
        "For the target docker: port of the machine at which the app is reached; unless given, the app's own.",
        kind="port",
        default=None,
    )
    restart: Restart = described("When the engine starts a container again.", default="unless-stopped")
    log_size: int = described("Size at which a container's log is rotated.", kind="size", default=10 * 1024 * 1024)
    log_files: int = described("Rotated logs that are kept of each container.", kind="count", default=5)
    secrets: SecretsBy = described(
        "How secret settings reach the app under Compose: by name from Compose's own environment, or as files in "
        "/run/secrets, one for each in the folder secrets beside the Compose file.",
        default="environment",
    )
    images: Images = described("Images of the other containers.", factory=Images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the app needs beside it, as containers that only the app reaches."""

    redis: bool = described("At redis://redis:6379/0; it keeps its data.", default=False)
    postgres: bool = described(
        "At postgresql://NAME@postgres:5432/NAME, with dashes as _; its password is in POSTGRES_PASSWORD.",
        default=False,
    )
    dynamodb_local: bool = described(
        "At http://dynamodb-local:8000; it keeps its tables in memory, for development.", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """New images of the app are looked for in the registry, and taken, by Watchtower."""

    schedule: str = described(
        "every 10m, or a cron line of five fields, or of six with seconds first; UTC. It is always rendered with six.",
        kind="update_schedule",
        default="0 */10 * * * *",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inertia:
    """A project of the deployment tool Inertia."""

    url: str | None = described("The git repository that Inertia clones.", kind="git_url", default=None)
    branch: str = described("The branch that is deployed.", kind="branch", default="main")
    version: str = described("The oldest Inertia that may deploy it.", kind="version", default="0.7.0")
