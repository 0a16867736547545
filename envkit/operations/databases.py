"""Where the app's database is: the SQLite file or PostgreSQL server that the description and the settings name."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.operations.steps import OperationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from envkit.deployment.model import BackupPostgres, Deployment
    from envkit.settings.types import DatabaseUrl, Secret

    M = TypeVar("M", bound=BaseModel)


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
    """The database that `backup.database` or `backup.postgres` names.

    A setting is looked for where the app finds it: the environment, a file named by NAME_FILE, the secrets directory,
    `.env`; and in the file of settings of the server's units.

    Args:
        deployment: the description.
        env_files: read instead of `.env`.

    Raises:
        OperationError: none is named, or a setting is missing or wrong, such as the URL of a database that envkit
            cannot copy.
    """
    named = deployment.backup.database
    if deployment.backup.postgres is not None:
        return _from_parts(deployment.backup.postgres, deployment, env_files)
    if named is None:
        hint = (
            'name the setting that holds its URL: under [backup], database = "DATABASE_URL"; or under '
            "[backup.postgres] those that hold its parts"
        )
        problem = "is missing, so it is not known which database is meant"
        raise OperationError([Finding(deployment.origin, "backup.database", problem, hint)])
    if "/" in named:
        return SqliteFile(Path(named))
    return _from_url(named, _url(named, deployment, env_files))


def _wrong(name: str, problem: str, hint: str) -> Finding:
    return Finding("", name, problem, hint)


def _url(name: str, deployment: Deployment, env_files: Sequence[Path]) -> DatabaseUrl:
    from pydantic import Field, create_model

    from envkit.settings.types import DatabaseUrl

    model: type[BaseModel] = create_model("backup.database", database=(DatabaseUrl, Field(alias=name)))
    url: DatabaseUrl = _loaded(model, deployment, env_files).database  # type: ignore[attr-defined] # as just made
    return url


def _loaded(model: type[M], deployment: Deployment, env_files: Sequence[Path]) -> M:
    from envkit.settings.errors import SettingsError
    from envkit.settings.loading import load_settings

    environ = {**_of_the_units(deployment), **os.environ}
    try:
        return load_settings(model, env_files=env_files or None, environ=environ, secrets_dir=_credentials(deployment))
    except SettingsError as error:
        findings = error.problems
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
        return _postgres(name, url)
    raise OperationError(
        [_wrong(name, "is the URL of a database that envkit cannot back up", "it can do sqlite and postgresql")]
    )


def _postgres(name: str, url: DatabaseUrl) -> PostgresDatabase:
    from urllib.parse import parse_qsl, unquote, urlsplit

    given = {
        "PGHOST": unquote(url.host) if url.host else None,  # %2Frun%2Fpostgresql is the folder of its socket
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
    if any(_is_several_lines(text) for text in (password, *given.values()) if text):
        raise OperationError([_wrong(name, *_SEVERAL_LINES)])
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
    "hostaddr": "PGHOSTADDR",
    "service": "PGSERVICE",
    "passfile": "PGPASSFILE",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "requirepeer": "PGREQUIREPEER",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Parameters of a connection URL and the variables that say the same (PostgreSQL's manual, 34.15)."""


# --- in several settings --------------------------------------------------------------------------------------------


def _from_parts(parts: BackupPostgres, deployment: Deployment, env_files: Sequence[Path]) -> PostgresDatabase:
    from pydantic import AfterValidator, Field, create_model

    from envkit.settings.types import Secret

    word = Annotated[Secret, AfterValidator(_one_line)]
    types: dict[str, Any] = {"port": Annotated[int, Field(ge=1, le=65535)]}
    named = {field.name: setting for field in fields(parts) if (setting := getattr(parts, field.name))}
    wanted: dict[str, Any] = {key: (types.get(key, word), Field(alias=name)) for key, name in named.items()}
    # A default of the app's own class is not looked for: what is not set here, another database may be taken for.
    model: type[BaseModel] = create_model("backup.postgres", **wanted)
    given = dict(_loaded(model, deployment, env_files))
    texts = {key: value.get_secret_value() if isinstance(value, Secret) else str(value) for key, value in given.items()}
    password = texts.pop("password", None)
    return PostgresDatabase({_VARIABLES_OF_PARTS[key]: text for key, text in texts.items()}, password)


_VARIABLES_OF_PARTS = {"name": "PGDATABASE", "host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}


def _one_line(text: Secret) -> Secret:
    from envkit.settings.types import refused

    if _is_several_lines(text.get_secret_value()):
        raise refused(*_SEVERAL_LINES)
    return text


def _is_several_lines(text: str) -> bool:
    return any(character in text for character in "\0\r\n")


_SEVERAL_LINES = (
    "holds a line break or NUL, with which PostgreSQL's programs cannot connect",
    "is it another setting's?",
)
"""A password file has one line for each password (PostgreSQL's manual, 34.16), and a variable ends at a NUL."""
