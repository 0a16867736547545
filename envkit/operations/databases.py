"""Where the app's database is: the SQLite file or PostgreSQL server that the description and the settings name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.operations.steps import OperationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment
    from envkit.settings.types import DatabaseUrl


class SqliteFile(NamedTuple):
    """A database in a file."""

    path: Path


class PostgresDatabase(NamedTuple):
    """A database on a PostgreSQL server; its texts are the app's settings and are never shown."""

    variables: dict[str, str]
    """What libpq reads from the environment (PGHOST …), the password excepted."""
    password: str | None

    def __repr__(self) -> str:
        """Shows no setting."""
        return "PostgresDatabase(***)"


Database = SqliteFile | PostgresDatabase


def find_database(deployment: Deployment, env_files: Sequence[Path] = ()) -> Database:
    """The database that `backup.database` names.

    A setting is looked for where the app finds it: the environment, a file named by NAME_FILE, the secrets directory,
    `.env`; and in the file of settings of the server's units.

    Args:
        deployment: the description.
        env_files: read instead of `.env`.

    Raises:
        OperationError: none is named, or the setting is missing or no URL of a database that envkit can copy.
    """
    named = deployment.backup.database
    if named is None:
        hint = 'name the setting that holds its URL: under [backup], database = "DATABASE_URL"'
        problem = "is missing, so it is not known which database is meant"
        raise OperationError([Finding("envkit.toml", "backup.database", problem, hint)])
    if "/" in named:
        return SqliteFile(Path(named))
    return _from_url(named, _url(named, deployment, env_files))


def _wrong(name: str, problem: str, hint: str) -> Finding:
    return Finding("", name, problem, hint)


def _url(name: str, deployment: Deployment, env_files: Sequence[Path]) -> DatabaseUrl:
    from pydantic import BaseModel, Field, create_model

    from envkit.settings.errors import SettingsError
    from envkit.settings.loading import load_settings
    from envkit.settings.types import DatabaseUrl

    model: type[BaseModel] = create_model("Backup", database=(DatabaseUrl, Field(alias=name)))
    environ = {**_of_the_units(deployment), **os.environ}
    try:
        loaded = load_settings(
            model, env_files=env_files or None, environ=environ, secrets_dir=_credentials(deployment)
        )
    except SettingsError as error:
        findings = error.problems
    else:
        url: DatabaseUrl = loaded.database  # type: ignore[attr-defined] # the field that was just made
        return url
    raise OperationError(findings)


def _of_the_units(deployment: Deployment) -> dict[str, str]:
    """The settings that systemd gives the app's units, for an operator who calls envkit by hand."""
    file = derived.env_file(deployment)
    if file is None:
        return {}
    from envkit.channels.registry import channel

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: value for name, value in channel("systemd").read(text).values().items() if value is not None}


def _credentials(deployment: Deployment) -> Path | None:
    """The folder from which systemd hands secrets to the app's units; None leaves it to the app's usual one."""
    folder = Path(derived.configuration_directory(deployment), "credentials")
    return folder if os.access(folder, os.R_OK | os.X_OK) else None


def _from_url(name: str, url: DatabaseUrl) -> Database:
    scheme = url.scheme.partition("+")[0]
    if scheme in ("sqlite", "sqlite3"):
        path = url.name if not url.host else f"{url.host}/{url.name}"
        if not path or path == ":memory:":
            raise OperationError([_wrong(name, "names no file of SQLite", "write sqlite:////folder/file.db")])
        return SqliteFile(Path(path))
    if scheme in ("postgres", "postgresql", "postgis", "psql"):
        return _postgres(url)
    raise OperationError(
        [_wrong(name, "is the URL of a database that envkit cannot back up", "it can do sqlite and postgresql")]
    )


def _postgres(url: DatabaseUrl) -> PostgresDatabase:
    from urllib.parse import parse_qsl, urlsplit

    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port is not None else None,
        "PGUSER": url.username,
        "PGDATABASE": url.name,
    }
    password = url.password.get_secret_value() if url.password is not None else None
    for key, value in parse_qsl(urlsplit(url.get_secret_value()).query):
        if key == "password":
            password = value
        elif key in _VARIABLES:
            given[_VARIABLES[key]] = value
    return PostgresDatabase({name: value for name, value in given.items() if value}, password)


_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""Parameters of a connection URL and the variables that say the same (PostgreSQL's manual, 34.15)."""
