"""Where settings come from, and which source wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import AliasChoices, BaseModel, Field

from envkit import AllowEmpty, Secret, Settings, SettingsError, development_only, explain, load_settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("folder")


class Token(Settings):
    token: Secret = Secret("the default")
    level: str = "info"


def origin(settings: BaseModel, name: str) -> str:
    """Where `explain` says that a setting came from."""
    return next(entry.origin for entry in explain(settings).settings if entry.name == name)


def test_an_exported_variable_beats_the_env_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is exported always beats `.env`."""
    (folder / ".env").write_text("LEVEL=from-file\n")
    monkeypatch.setenv("LEVEL", "exported")
    assert load_settings(Token).level == "exported"


def test_the_sources_in_order_of_strength(folder: Path) -> None:
    """Keyword, environment, NAME_FILE, secrets directory, `.env` files from the last, default: each beats the next."""
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "level").write_text("secrets directory\n")
    (folder / "level.txt").write_text("named file\n")
    (folder / "1.env").write_text("LEVEL=first\n")
    (folder / "2.env").write_text("LEVEL=second\n")
    environ = {"LEVEL": "environment", "LEVEL_FILE": str(folder / "level.txt")}
    sources = {"env_files": ["1.env", "2.env"], "secrets_dir": secrets, "environ": environ}

    settings = load_settings(Token, **sources, level="keyword")
    assert settings.level == "keyword"
    assert explain(settings).settings[1].overrode == (
        "environment",
        str(folder / "level.txt"),
        f"{secrets}/level",
        "2.env:1",
        "1.env:1",
    )
    assert load_settings(Token, **sources).level == "environment"
    del environ["LEVEL"]
    assert load_settings(Token, **sources).level == "named file"
    del environ["LEVEL_FILE"]
    assert load_settings(Token, **sources).level == "secrets directory"
    (secrets / "level").unlink()
    assert load_settings(Token, **sources).level == "second"
    (folder / "2.env").write_text("")
    assert load_settings(Token, **sources).level == "first"
    (folder / "1.env").write_text("")
    assert load_settings(Token, **sources).level == "info"


def test_an_empty_value_counts_as_unset_in_every_source(folder: Path) -> None:
    """Compose turns an unset variable into an empty one: the next source is asked."""
    (folder / ".env").write_text("LEVEL=file\n")
    assert load_settings(Token, environ={"LEVEL": ""}).level == "file"
    (folder / ".env").write_text("LEVEL=\nTOKEN\n")
    assert load_settings(Token, environ={"LEVEL": ""}).level == "info"


def test_a_field_may_say_that_empty_is_a_value() -> None:
    """A field marked AllowEmpty takes '' from a stronger source, also where the mark is at a member of a union."""

    class Banner(Settings):
        banner: Annotated[str, AllowEmpty()] = "hello"
        footer: Annotated[str, AllowEmpty()] | None = "hello"
        plain: str | None = "hello"

    settings = load_settings(Banner, environ={"BANNER": "", "FOOTER": "", "PLAIN": ""})
    assert (settings.banner, settings.footer, settings.plain) == ("", "", "hello")
    assert load_settings(Banner, environ={}).banner == "hello"


class Needs(Settings):
    name: str


def missing(model: type[BaseModel] = Needs, **sources: Any) -> list[str]:
    """What is wrong with settings that cannot be loaded."""
    with pytest.raises(SettingsError) as caught:
        load_settings(model, **{"environ": {}, **sources})
    return [str(problem) for problem in caught.value.problems]


def test_a_required_setting_that_is_empty_is_told_with_its_place(folder: Path) -> None:
    """A required setting given as '' is missing, and the message leads to where it stands empty."""
    give = "is empty, which counts as not set. give it a value, or name its file in NAME_FILE"
    point = "is empty, which counts as not set. name the file there, or set NAME"
    assert missing(environ={"NAME": ""}) == [f"environment: NAME: {give}"]
    assert missing(environ={"NAME_FILE": ""}) == [f"environment: NAME_FILE: {point}"]
    (folder / ".env").write_text("# mine\n\nNAME=\n")
    assert missing() == [f".env:3: NAME: {give}"]
    assert missing(environ={"NAME": ""}) == [f"environment: NAME: {give}"]
    (folder / "later.env").write_text("A=1\nNAME=''\n")
    assert missing(env_files=[".env", "later.env"]) == [f"later.env:2: NAME: {give}"]
    (folder / ".env").write_text("NAME_FILE=\n")
    assert missing() == [f".env:1: NAME_FILE: {point}"]
    (folder / ".env").write_text("NAME\n")
    assert missing() == [
        ".env:1: NAME: stands without a value, which counts as not set. give it a value, or name its file in NAME_FILE"
    ]


def test_an_empty_file_of_a_required_setting_is_told_with_its_path(folder: Path) -> None:
    """A file that NAME_FILE names, and one of the secrets directory, is named where it is empty."""
    empty = folder / "name"
    empty.write_text("\n")
    problem = "NAME: is empty, which counts as not set. write the value into it"
    assert missing(environ={"NAME_FILE": str(empty)}) == [f"{empty}: {problem}"]
    assert missing(secrets_dir=folder) == [f"{empty}: {problem}"]


def test_a_blank_beside_a_misspelt_name_asks_for_the_misspelt_one(folder: Path) -> None:
    """Where the value stands under a name close by, that is what the hint is about."""
    (folder / ".env").write_text("NAME=\nNAMEE=x\n")
    assert missing() == [".env:1: NAME: is empty, which counts as not set. did you mean NAMEE at .env:2?"]


def test_a_blank_in_place_of_a_development_default_is_told_with_its_place(folder: Path) -> None:
    """In production the empty line of a `.env` is named, and not the class."""

    class Signed(Settings):
        secret_key: Secret = development_only(Secret("development"))

    (folder / ".env").write_text("SECRET_KEY=\n")
    assert missing(Signed) == [
        (
            ".env:1: SECRET_KEY: is empty, which counts as not set, and its default is fit only for development. set "
            "SECRET_KEY in the environment, name its file in SECRET_KEY_FILE, or say ENVKIT_ENV=development"
        )
    ]


def test_explain_tells_where_a_default_has_an_empty_value_beside_it(folder: Path) -> None:
    """`explain` has the words of the error; what a source has is told without what stands empty elsewhere."""
    (folder / ".env").write_text("TOKEN=\nLEVEL=\n")
    token, level = explain(load_settings(Token, environ={"LEVEL": "high"})).settings
    assert (token.origin, token.repairs) == ("default", (".env:1: TOKEN is empty, which counts as not set",))
    assert (level.origin, level.repairs) == ("environment", ())


@pytest.mark.parametrize(
    ("content", "value", "noted"),
    [
        (b"s3cret", "s3cret", False),
        (b"s3cret\n", "s3cret", True),
        (b"s3cret\r\n", "s3cret", True),
        (b"s3cret\n\n", "s3cret\n", True),
        (b" s3cret \t", " s3cret \t", False),
        (b"\xef\xbb\xbfs3cret", "\ufeffs3cret", False),
        ("pä\u2028ss".encode(), "pä\u2028ss", False),
    ],
)
def test_a_secret_file_loses_one_final_newline_and_nothing_else(
    folder: Path, content: bytes, value: str, noted: bool
) -> None:
    """The newline that editors and `echo` leave is dropped and `explain` says so; every other byte is kept."""
    (folder / "token").write_bytes(content)
    settings = load_settings(Token, environ={"TOKEN_FILE": "token"})
    assert settings.token.get_secret_value() == value
    assert explain(settings).settings[0].repairs == (("the file's final newline dropped",) if noted else ())


def test_names_in_the_secrets_directory_match_in_any_case(folder: Path) -> None:
    """Docker's secrets are lower-case by custom, systemd's credentials often upper-case."""
    for name in ("TOKEN", "token", "Token"):
        secrets = folder / f"secrets-{name}"
        secrets.mkdir()
        (secrets / name).write_text("x")
        settings = load_settings(Token, environ={}, secrets_dir=secrets)
        assert settings.token == Secret("x")
        assert origin(settings, "TOKEN") == f"{secrets}/{name}"


def test_a_declared_setting_that_ends_in_file_is_itself() -> None:
    """Where the class declares LOG_FILE, LOG_FILE is a setting and no pointer to LOG's file."""

    class Logs(Settings):
        log: str = "stderr"
        log_file: str = ""

    settings = load_settings(Logs, environ={"LOG_FILE": "/var/log/app.log"})
    assert (settings.log, settings.log_file) == ("stderr", "/var/log/app.log")


def test_a_name_file_in_an_env_file(folder: Path) -> None:
    """`.env` may name the file as well."""
    (folder / "token").write_text("x\n")
    (folder / ".env").write_text("TOKEN_FILE=token\n")
    assert load_settings(Token, environ={}).token == Secret("x")


def test_aliases_prefix_and_nested_models() -> None:
    """A field's aliases, a class's prefix and `__` for nested models name the settings."""

    class Database(BaseModel):
        host: str
        port: int = 5432

    class App(Settings, prefix="AMY_"):
        debug: bool = False
        workers: int = Field(default=1, validation_alias=AliasChoices("WEB_CONCURRENCY", "WORKERS"))
        database: Database
        replica: Database | None = None

    environ = {"AMY_DEBUG": "on", "DEBUG": "off", "WORKERS": "2", "AMY_DATABASE__HOST": "db"}
    settings = load_settings(App, environ=environ)
    assert (settings.debug, settings.workers, settings.database) == (True, 2, Database(host="db"))
    assert settings.replica is None
    assert load_settings(App, environ={**environ, "WEB_CONCURRENCY": "3"}).workers == 3

    environ["AMY_REPLICA"] = '{"host": "replica", "port": 1}'
    environ["AMY_REPLICA__PORT"] = "2"
    assert load_settings(App, environ=environ).replica == Database(host="replica", port=2)

    with pytest.raises(SettingsError, match=r"^App: 1 problem\nApp: AMY_DATABASE__HOST: is not set"):
        load_settings(App, environ={})


def test_any_pydantic_model_can_be_loaded() -> None:
    """A plain model, with no base of ours, loads as well; so does none at all."""

    class Plain(BaseModel):
        port: int
        hosts: list[str] = []

    assert load_settings(Plain, environ={"PORT": "1", "HOSTS": "a, b"}) == Plain(port=1, hosts=["a", "b"])
    web = load_settings(environ={"SECRET_KEY": "k", "WEB_CONCURRENCY": "3", "DATABASE_URL": "sqlite:///app.db"})
    assert (web.secret_key, web.workers, web.port, web.debug) == (Secret("k"), 3, 8000, False)


def test_variables_of_the_environment_and_of_earlier_files_are_interpolated(folder: Path) -> None:
    """`${NAME}` sees the environment first, then the file, then earlier files; or nothing is replaced when asked."""
    (folder / "1.env").write_text("HOST=one\nUSER_NAME=u\n")
    (folder / "2.env").write_text("LEVEL=${USER_NAME}@${HOST}:${PORT:-1}\n")
    files = ["1.env", "2.env"]
    assert load_settings(Token, environ={"HOST": "exported"}, env_files=files).level == "u@exported:1"
    assert load_settings(Token, environ={}, env_files=files).level == "u@one:1"
    raw = load_settings(Token, environ={}, env_files=files, interpolate=False)
    assert raw.level == "${USER_NAME}@${HOST}:${PORT:-1}"


def test_an_env_file_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    """Windows editors leave a BOM; it is no part of the first name."""
    (folder / ".env").write_bytes(b"\xef\xbb\xbfLEVEL=x\r\nTOKEN=y\r\n")
    assert load_settings(Token, environ={}).level == "x"


def test_systemd_credentials(folder: Path) -> None:
    """The folder that systemd names is a secrets directory, unless another one is given or it is not there."""
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "LEVEL").write_text("from systemd")
    environ = {"CREDENTIALS_DIRECTORY": str(credentials)}
    settings = load_settings(Token, environ=environ)
    assert (settings.level, origin(settings, "LEVEL")) == ("from systemd", f"{credentials}/LEVEL")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "LEVEL").write_text("given")
    assert load_settings(Token, environ=environ, secrets_dir=folder / "secrets").level == "given"
    assert load_settings(Token, environ={"CREDENTIALS_DIRECTORY": str(folder / "none")}).level == "info"


def test_a_folder_in_the_secrets_directory_is_a_clear_error(folder: Path) -> None:
    """A directory where a secret's file should be is named by its path."""
    (folder / "secrets" / "token").mkdir(parents=True)
    with pytest.raises(SettingsError, match="/secrets/token: TOKEN: is a directory"):
        load_settings(Token, environ={}, secrets_dir=folder / "secrets")


def test_secret_files_whose_names_differ_in_case_alone(folder: Path) -> None:
    """Each setting has the file that is named as it is to the letter; any other case is good for want of one."""

    class App(Settings):
        first: str = Field(alias="Token")
        second: str = Field(alias="TOKEN")

    for name in ("TOKEN", "Token", "token"):
        (folder / name).write_text(name)
    settings = load_settings(App, env_files=(), environ={}, secrets_dir=folder)
    assert (settings.first, settings.second) == ("Token", "TOKEN")
