"""The tables for whoever runs the app: where it lies on a server, its maintenance page, and its backups."""

from __future__ import annotations

from dataclasses import dataclass

from envkit.deployment.model.described import described


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the app lies on a server that runs it without containers, under systemd."""

    directory: str | None = described(
        "Folder of the app's code, its working directory; unless given, /srv/NAME.", kind="path", default=None
    )
    virtualenv: str | None = described(
        "The app's virtual environment; unless given, .venv in the directory.", kind="path", default=None
    )
    env_file: str | None = described(
        "File of settings, mode 0600, as envkit export --to systemd writes it; unless given, /etc/envkit/NAME/env for "
        "an app with a settings class, and else none.",
        kind="path",
        default=None,
    )
    credentials: tuple[str, ...] = described(
        "Settings that the app reads as files, which only its processes see (LoadCredential=); they lie in "
        "/etc/envkit/NAME/credentials, each under its name, as envkit export --to files writes them.",
        kind="setting",
        default=(),
    )
    proxy_group: str = described(
        "Group of the nginx that connects to the web process's socket.", kind="account", default="www-data"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """While the flag file exists, every request gets 503 and the page; the same page appears when the app is down."""

    flag: str | None = described(
        "The flag file; unless given, /var/lib/envkit/NAME/maintenance, which outlives a restart of the machine.",
        kind="path",
        default=None,
    )
    page: str | None = described(
        "An HTML file of your own for the maintenance page; unless given, one is rendered.",
        kind="path",
        default=None,
    )
    directory: str | None = described(
        "Folder in which nginx finds the page; unless given, /usr/share/envkit/NAME.",
        kind="path",
        default=None,
    )
    retry_after: float = described("Value of Retry-After.", kind="duration", default=300.0)
    on_error: bool = described(
        "Show the page, too, in place of a 502, 503 or 504 of the app's own; its answer on the health path stays.",
        default=False,
    )
    bypass: tuple[str, ...] = described(
        "Addresses or networks that reach the app all the same.", kind="network", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Which backups stay when a new one was made: the newest of each day, week and month (UTC), so many of each."""

    recent: float = described("Every backup younger than this stays.", kind="duration", default=86400.0)
    daily: int = described("Days.", kind="whole", default=7)
    weekly: int = described("Weeks.", kind="whole", default=4)
    monthly: int = described("Months.", kind="whole", default=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPostgres:
    """The settings that say together where the app's PostgreSQL database is: each key is the name of a setting.

    For an app that has no setting with a URL. What is left out is as libpq has it without: the socket of this machine,
    port 5432, the user who runs the backup, no password.
    """

    name: str = described("The setting that holds the database's name.", kind="setting")
    host: str | None = described(
        "The setting that holds the server's host name or address, or the folder of its socket.",
        kind="setting",
        default=None,
    )
    port: str | None = described("The setting that holds the server's port.", kind="setting", default=None)
    user: str | None = described("The setting that holds the role.", kind="setting", default=None)
    password: str | None = described("The setting that holds the role's password.", kind="setting", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Backups of the app's database, made by `envkit backup`; where no database is named, there are none."""

    database: str | None = described(
        "The setting that holds the URL of the database (sqlite or postgresql), such as DATABASE_URL, or the path of a "
        "SQLite file.",
        kind="database",
        default=None,
    )
    postgres: BackupPostgres | None = described(
        "Instead of database, for an app whose PostgreSQL is in several settings: each key is the name of a setting, "
        "such as DATABASE_HOST.",
        default=None,
    )
    folder: str | None = described("Folder of the backups; unless given, /var/backups/NAME.", kind="path", default=None)
    before_release: bool = described("Also make one before `envkit run release`.", default=True)
    keep: Keep = described("Which backups stay.", factory=Keep)
