"""The `.env.example` of a settings class: complete, without secrets, and read alike by every reader."""

from __future__ import annotations

import datetime as dt
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, BaseModel, Field, create_model
from typing_extensions import TypeAliasType

from envkit import ByteSize, DatabaseUrl, Duration, PrivateKey, Secret, Settings, __version__, development_only
from envkit.channels.registry import channel, names
from envkit.settings.example import example
from envkit.settings.loading import load_settings


class Colour(Enum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Mail(BaseModel):
    """A nested model."""

    host: str
    password: Secret
    port: int = 25


class Everything(Settings):
    """One field of each kind."""

    secret_key: Secret = development_only(Secret("canary-development"))
    api_token: Secret = Secret("canary-default")
    github_key: PrivateKey = Field(description="As downloaded.\nSecond paragraph: C:\\")
    database_url: DatabaseUrl | None = None
    site: str = "https://example.org/a?b=1"
    motto: str = 'it\'s "#1" at $5\\'
    empty: str = ""
    debug: bool = False
    pool: int = Field(default=5, ge=1, le=20)
    ratio: float = 0.5
    hosts: list[str] = ["a.example", "b.example"]
    ports: list[int] = []
    commas: list[str] = ["a,b"]
    stage: Literal["blue", "green"] = "blue"
    colour: Colour = Colour.RED
    timeout: Duration = dt.timedelta(minutes=15)
    upload: ByteSize = ByteSize(16 * 1024 * 1024)
    data: Path = Path("/srv/data")
    day: dt.date = dt.date(2026, 1, 31)
    extra: dict[str, int] = {}
    workers: Annotated[int | None, Field(validation_alias=AliasChoices("WEB_CONCURRENCY", "WORKERS"))] = None
    mail: Mail
    backup_mail: Mail | None = None
    stamp: float = Field(default_factory=lambda: 1.5)


EXPECTED = f"""\
# Made by envkit {__version__} from app:Everything. Changes made here are lost:
# change app:Everything, then run `envkit example --out .env.example`.
#
# Copy this to .env, which git must ignore, and fill it in. NAME_FILE may name a file that holds the value.

# secret; required outside development
SECRET_KEY=

# secret; optional
# API_TOKEN=

# As downloaded.
# Second paragraph: C:
# private key, PEM or PGP, its newlines written as \\n; required
GITHUB_KEY=

# secret, database URL such as postgresql://user:password@host:5432/name; optional
# DATABASE_URL=

# text; optional; default "https://example.org/a?b=1"
# SITE=

# text; optional; default "it's \\"#1\\" at $5\\\\"
# MOTTO=

# text; optional
# EMPTY=

# true or false; optional; default false
# DEBUG=false

# whole number, at least 1, at most 20; optional; default 5
# POOL=5

# number; optional; default 0.5
# RATIO=0.5

# list, separated by commas; optional; default a.example,b.example
# HOSTS=a.example,b.example

# list, separated by commas, each: whole number; optional
# PORTS=

# list, separated by commas; optional
# COMMAS=

# one of blue, green; optional; default blue
# STAGE=blue

# one of red, blue; optional; default red
# COLOUR=red

# duration such as 30s, 15m or 2h; optional; default 900s
# TIMEOUT=900s

# size such as 16MiB; optional; default 16777216
# UPLOAD=16777216

# path; optional; default /srv/data
# DATA=/srv/data

# date such as 2026-01-31; optional; default 2026-01-31
# DAY=2026-01-31

# JSON object; optional
# EXTRA=

# whole number; optional; also read as WORKERS
# WEB_CONCURRENCY=

# text; required
MAIL__HOST=

# secret; required
MAIL__PASSWORD=

# whole number; optional; default 25
# MAIL__PORT=25

# text; optional
# BACKUP_MAIL__HOST=

# secret; optional
# BACKUP_MAIL__PASSWORD=

# whole number; optional; default 25
# BACKUP_MAIL__PORT=25

# number; optional
# STAMP=
"""


def test_the_whole_text():
    """Every setting with its words, in the model's order."""
    text = example(Everything, "app:Everything", command="envkit example --out .env.example")
    assert text == EXPECTED


def test_a_type_that_holds_itself():
    """Its words end where it begins anew."""
    json: Any = TypeAliasType("Json", str)
    if sys.version_info >= (3, 12):
        scope: dict[str, Any] = {}
        exec("type Json = dict[str, Json] | list[Json] | str", scope)  # noqa: S102  a line that 3.11 cannot read
        json = scope["Json"]
    else:
        object.__setattr__(json, "__value__", dict[str, json] | list[json] | str)
    text = example(create_model("App", several=list[json]), "app:App")
    assert "# list, separated by commas, each: JSON object or list, separated by commas or text; required\n" in text


def test_no_default_of_a_secret_is_shown():
    """Neither a secret's default nor its development default."""
    assert "canary" not in EXPECTED


@pytest.mark.parametrize("reader", [name for name in names() if name in {"dotenv", "docker", "podman", "compose",
    "compose-v1", "compose-raw", "systemd", "shell", "node", "npm-dotenv"}])  # fmt: skip
def test_every_reader_reads_it_alike(reader):
    """The text as it is, and with every optional line uncommented, gives the same to every reader of such files."""
    try:
        consumer = channel(reader)
    except ModuleNotFoundError:
        pytest.skip("this channel is not there yet")
    uncommented = "".join(
        line.removeprefix("# ") if line.startswith("# ") and line[2:3].isupper() and "=" in line.split()[1] else line
        for line in EXPECTED.splitlines(keepends=True)
    )
    for text in (EXPECTED, uncommented):
        wanted = {
            line.partition("=")[0]: line.partition("=")[2]
            for line in text.splitlines()
            if line and not line.startswith("#")
        }
        reading = consumer.read(text, {})
        assert not reading.fatal, reading.findings
        assert {name: value or "" for name, value in reading.values().items()} == wanted


def test_the_defaults_it_shows_load_to_the_defaults(tmp_path):
    """Each uncommented default is read back as the default it stands for."""

    class Defaults(Settings):
        pool: int = 5
        hosts: list[str] = ["a.example", "b.example"]
        stage: Literal["blue", "green"] = "blue"
        colour: Colour = Colour.RED
        timeout: Duration = dt.timedelta(minutes=15)
        session: Duration | None = dt.timedelta(days=30)
        delay: Duration = dt.timedelta(milliseconds=1)
        interval: dt.timedelta = dt.timedelta(days=30)  # pydantic's own is read otherwise
        offset: dt.timedelta = dt.timedelta(hours=-1.5)
        upload: ByteSize = ByteSize(16 * 1024 * 1024)
        data: Path = Path("/srv/data")
        day: dt.date = dt.date(2026, 1, 31)
        debug: bool = True

    lines = example(Defaults, "x").splitlines()
    given = [line.removeprefix("# ") for line in lines if line.startswith("# ") and line[2].isupper() and "=" in line]
    path = tmp_path / "given.env"
    path.write_text("\n".join(given))
    assert len(given) == len(Defaults.model_fields)
    assert load_settings(Defaults, env_files=path, environ={}) == load_settings(Defaults, env_files=(), environ={})


def test_long_descriptions_are_wrapped_and_cannot_leave_the_comment():
    """Whatever a description holds, every line of it is a comment."""

    class Wordy(Settings):
        name: str = Field(description="word " * 60 + "\rINJECTED=1\x0bOTHER=2\u2028THIRD=3\\")

    lines = example(Wordy, "x").splitlines()
    assert all(line.startswith("#") or not line or line == "NAME=" for line in lines)
    assert max(map(len, lines)) <= 115
    assert not any(line.endswith("\\") for line in lines)
