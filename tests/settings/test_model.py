"""What loaded settings are: immutable, comparable, explained, and usable in Flask in one line."""

from __future__ import annotations

import copy
import gc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from envkit import ByteSize, DatabaseUrl, Duration, Secret, Settings, explain, flask_config, load_settings
from envkit.settings import histories

if TYPE_CHECKING:
    from pathlib import Path


class App(Settings):
    secret_key: Secret
    database_url: DatabaseUrl | None = None
    timeout: Duration = timedelta(seconds=1)
    upload: ByteSize = ByteSize(0)
    hosts: list[str] = []


ENVIRON = {"SECRET_KEY": "s", "DATABASE_URL": "postgresql://u:p%40ss@[::1]:5/n", "HOSTS": "a,b"}


def load(**environ: str) -> App:
    """The app's settings, with some of them changed."""
    return load_settings(App, environ={**ENVIRON, **environ}, env_files=())


def test_settings_are_immutable_and_comparable() -> None:
    """Two loads of the same values are equal, other values are not, and nothing can be assigned."""
    assert load() == load()
    assert load() != load(SECRET_KEY="t")
    assert copy.deepcopy(load()) == load()
    with pytest.raises(ValidationError, match="frozen"):
        load().hosts = []  # type: ignore[misc]


def test_a_secret_is_text_and_a_refused_url_can_be_shown() -> None:
    """A number would break every print of it later; a debugger shows the variables of a failed call."""
    with pytest.raises(TypeError, match="a Secret is made of text"):
        Secret(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not a URL") as caught:
        DatabaseUrl("s3cret")
    shown = [repr(frame.frame.f_locals["self"]) for frame in caught.traceback if "self" in frame.frame.f_locals]
    assert shown == ["DatabaseUrl('<database URL>')"]


def test_flask_takes_settings_in_one_line() -> None:
    """`from_object` and `from_mapping` see upper-case names with secrets revealed."""
    app = Flask("one")
    app.config.from_object(load())
    assert app.config["SECRET_KEY"] == "s"
    assert app.config["HOSTS"] == ["a", "b"]
    other = Flask("two")
    other.config.from_mapping(flask_config(load()))
    assert {name: other.config[name] for name in ("SECRET_KEY", "DATABASE_URL", "TIMEOUT")} == {
        "SECRET_KEY": "s",
        "DATABASE_URL": ENVIRON["DATABASE_URL"],
        "TIMEOUT": timedelta(seconds=1),
    }


def test_a_database_url_comes_apart() -> None:
    """Its parts are there, decoded, with the password as a Secret."""
    url = load().database_url
    assert url is not None
    assert (url.scheme, url.username, url.password, url.host, url.port, url.name) == (
        "postgresql", "u", Secret("p@ss"), "::1", 5, "n"
    )  # fmt: skip
    assert str(url) == "postgresql://u:***@[::1]:5/n"
    assert str(DatabaseUrl("sqlite:////data/a@b.db")) == "sqlite:////data/a@b.db"


@given(password=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=6))
def test_no_spelling_of_a_database_url_shows_its_password(password: str) -> None:
    """Whatever stands where the password belongs, the URL is refused or printed without it."""
    try:
        url = DatabaseUrl(f"postgresql://user:{password}@host/name")
    except ValueError as error:
        shown = str(error)
    else:
        shown = str(url)
        assert shown in {"postgresql://user:***@host/name", "postgresql://user:***@host/name?…"}
    assert password not in shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("30s", 30),
        ("1.5h", 5400),
        ("15m", 900),
        ("1h30m", 5400),
        ("2 d", 172800),
        ("250ms", 0.25),
        ("PT5S", 5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations take the usual units, sums of them, and plain seconds."""
    assert load(TIMEOUT=text).timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "size"), [("16 MiB", 16 << 20), ("1kB", 1000), ("5", 5)])
def test_byte_sizes(text: str, size: int) -> None:
    """Sizes take decimal and binary units, and plain bytes."""
    assert load(UPLOAD=text).upload == size


def test_explain_prints_a_table(folder: Path) -> None:
    """Each setting with its origin, what it overrode, and the shape of its value."""
    (folder / ".env").write_text("SECRET_KEY=from the file\n")
    settings = load_settings(App, environ=ENVIRON)
    assert str(explain(settings)).splitlines() == [
        "SETTING       ORIGIN       VALUE                        NOTES",
        "SECRET_KEY    environment  <secret, 1 character>        overrode .env:1",
        "DATABASE_URL  environment  database URL, 31 characters",
        "TIMEOUT       default      timedelta",
        "UPLOAD        default      ByteSize",
        "HOSTS         environment  list of 2",
    ]


def test_explain_knows_only_what_was_loaded() -> None:
    """Settings built by hand have no history, and a history ends with its settings."""
    with pytest.raises(ValueError, match="was not made by load_settings"):
        explain(App(secret_key=Secret("s")))
    settings = load()
    before = len(histories._histories)
    del settings
    gc.collect()
    assert len(histories._histories) == before - 1
