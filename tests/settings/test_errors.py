"""The one error: its words, its order, and that it holds no value."""

from __future__ import annotations

import json
import pickle
import traceback
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

import envkit
from envkit import (
    ByteSize,
    DatabaseUrl,
    Duration,
    PrivateKey,
    Secret,
    Settings,
    SettingsError,
    development_only,
    explain,
    load_settings,
)

pytestmark = pytest.mark.usefixtures("folder")


def problems(model: type[BaseModel], environ: dict[str, str], **options: Any) -> list[str]:
    """What loading says is wrong, line by line."""
    with pytest.raises(SettingsError) as caught:
        load_settings(model, environ=environ, **options)
    return [str(problem) for problem in caught.value.problems]


class Colour(Enum):
    RED = "red"


class Hosts(Settings):
    hosts: list[str]


class Many(Settings):
    token: Secret
    debug: bool = False
    port: Annotated[int, Field(ge=1, le=65535)] = 1
    level: Literal["info", "debug"] = "info"
    colour: Colour = Colour.RED
    timeout: Duration = 30  # type: ignore[assignment]
    size: ByteSize = ByteSize(1)
    hosts: list[str] = []
    ports: list[int] = []
    limits: dict[str, int] = {}
    database: DatabaseUrl | None = None


def test_every_problem_at_once_in_the_order_of_the_model(folder: Path) -> None:
    """One error names every setting that is missing or malformed, each with its origin and a hint."""
    (folder / ".env").write_text("DEBUG=yep\nPORT=70000\n\nSIZE=many\n")
    environ = {
        "LEVEL": "loud", "COLOUR": "blue", "TIMEOUT": "soon", "PORTS": "1,x,3", "LIMITS": "{", "HOSTS": "[a]",
        "DATABASE": "postgres://u:p/q@host/db",
    }  # fmt: skip
    assert problems(Many, environ) == [
        "Many: TOKEN: is not set. set TOKEN in the environment or a .env file, or name its file in TOKEN_FILE",
        ".env:1: DEBUG: is not a boolean. write true or false",
        ".env:2: PORT: should be less than or equal to 65535",
        "environment: LEVEL: should be 'info' or 'debug'",
        "environment: COLOUR: should be 'red'",
        "environment: TIMEOUT: is not a duration. write it as 30s, 15m, 2h, 7d or a plain number of seconds",
        ".env:4: SIZE: is not a size. write it as 16 MiB, 1.5GB or a plain number of bytes",
        (
            "environment: HOSTS: is not valid JSON at line 1, column 2. "
            'write it with commas, or as JSON such as ["a", "b"]'
        ),
        "environment: PORTS: item 2 is not a whole number",
        "environment: LIMITS: is not valid JSON at line 1, column 2. write it as JSON",
        (
            "environment: DATABASE: is not a URL; percent-encode the special characters of the password. "
            "write it as scheme://user:password@host:port/name"
        ),
    ]


@pytest.mark.parametrize("cut", ["[", '["a"', '["a", "b"] c', '[ "a",'])
def test_a_list_that_lost_its_end_is_no_list_of_commas(cut: str) -> None:
    """JSON over several lines, of which a reader took the first, is refused; hosts in brackets are not JSON."""
    assert len(problems(Hosts, {"HOSTS": cut})) == 1
    assert load_settings(Hosts, environ={"HOSTS": "[::1], b.example"}).hosts == ["[::1]", "b.example"]


def test_numbers_of_too_many_digits_are_problems_like_others() -> None:
    """Python reads whole numbers of at most 4300 digits; a longer one within JSON is refused with its origin."""
    digits = "1" * 5000
    environ = {"TOKEN": "t", "PORT": digits, "PORTS": f"[{digits}]", "LIMITS": f'{{"a": {digits}}}'}
    assert problems(Many, environ) == [
        "environment: PORT: is a number with too many digits",
        "environment: PORTS: holds a number with too many digits",
        "environment: LIMITS: holds a number with too many digits",
    ]


def test_the_error_is_text_attributes_and_can_cross_processes() -> None:
    """The message begins with the class and the count; the problems are there as data; pickling keeps both."""
    with pytest.raises(SettingsError) as caught:
        load_settings(Many, environ={})
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own pickle
    assert str(error).splitlines()[0] == "Many: 1 problem"
    assert error.problems == caught.value.problems
    assert error.problems[0].name == "TOKEN"


@pytest.mark.parametrize("word", ["true", "TRUE", "Yes", "on", "1", "t", "Y"])
def test_booleans_accept_the_usual_spellings_of_true(word: str) -> None:
    """The usual words for true, in any case."""
    assert load_settings(Many, environ={"TOKEN": "t", "DEBUG": word}).debug is True


@pytest.mark.parametrize("word", ["false", "False", "NO", "off", "0", "f", "n"])
def test_booleans_accept_the_usual_spellings_of_false(word: str) -> None:
    """The usual words for false, in any case."""
    assert load_settings(Many, environ={"TOKEN": "t", "DEBUG": word}).debug is False


@pytest.mark.parametrize("word", ["2", "truee", "enabled?", "'True'", "True # really", "None", "ja"])
def test_booleans_refuse_every_other_word(word: str) -> None:
    """No unknown word is read as false."""
    assert problems(Many, {"TOKEN": "t", "DEBUG": word}) == [
        "environment: DEBUG: is not a boolean. write true or false"
    ]


def test_a_misspelt_name_is_found(folder: Path) -> None:
    """A missing setting with a near miss in a `.env` file names the near miss and its line."""
    (folder / ".env").write_text("A=1\nTOKNE=x\n")
    assert problems(Many, {}) == ["Many: TOKEN: is not set. did you mean TOKNE at .env:2?"]
    assert problems(Many, {}, dbug=True)[0] == "keyword: dbug: no such field. did you mean debug?"


def test_a_misspelt_name_on_a_broken_line_is_found(folder: Path) -> None:
    """A quote that never closes hides neither a near miss nor, where the name is right, that this line is meant."""
    (folder / ".env").write_text('A=1\nTOKNE="abc\n')
    broken = 'the double quote before the value never closes. close it; write a quote inside the value as \\"'
    assert problems(Many, {}) == [f".env:2: {broken}", "Many: TOKEN: is not set. did you mean TOKNE at .env:2?"]
    (folder / ".env").write_text('export TOKEN="abc\n')
    assert problems(Many, {}) == [f".env:1: {broken}", "Many: TOKEN: is not set. mend its line, .env:1"]


def test_lines_that_python_dotenv_would_drop_are_errors(folder: Path) -> None:
    """A line that does not parse, and a quote that never closes, are errors with the line and no content."""
    (folder / ".env").write_text('TOKEN=x\nTOP secret\nNAME="never closed\n')
    found = problems(Many, {})
    assert [line.split(": ")[0] for line in found] == [".env:2", ".env:3"]
    assert not any("secret" in line or "never closed" in line for line in found)


def test_files_that_cannot_be_read_are_named(folder: Path) -> None:
    """A file that is missing though named, not UTF-8, or a directory: its path and what to do."""
    (folder / "latin1.env").write_bytes(b"TOKEN=\xe4\n")
    (folder / "directory").mkdir()
    found = problems(Many, {"TOKEN": "t"}, env_files=["latin1.env", "directory", "missing.env"])
    assert [line.split(": ")[0] for line in found] == ["latin1.env", "directory", "missing.env"]
    assert "UTF-8" in found[0]
    assert "directory" in found[1].removeprefix("directory: ")
    assert "not exist" in found[2] or "no such file" in found[2].lower()

    found = problems(Many, {"TOKEN_FILE": f"{folder}/none"})
    assert len(found) == 1
    assert found[0].startswith(f"{folder}/none: TOKEN: ")


def test_a_secret_put_into_name_file_by_mistake_is_not_shown() -> None:
    """NAME_FILE takes a path; what is surely no path is not repeated."""
    assert problems(Many, {"TOKEN_FILE": "xoxb-4711-canary"}) == [
        "environment: TOKEN_FILE: names no file that exists. it takes a path; was the value itself put there?"
    ]


def test_a_development_default_is_refused_elsewhere(folder: Path) -> None:
    """A default fit only for development is taken in development only, and the message says how to set the value."""

    class App(Settings):
        secret_key: Secret = development_only(Secret("dev"))
        plain: Secret = development_only("dev")  # type: ignore[arg-type]

    assert load_settings(App, environ={"ENVKIT_ENV": "development"}).plain == Secret("dev")
    (folder / ".env").write_text("ENVKIT_ENV=development\n")
    assert load_settings(App, environ={}).secret_key == Secret("dev")
    for environ in ({}, {"ENVKIT_ENV": "production"}, {"ENVKIT_ENV": "Development "}):
        assert problems(App, environ, env_files=()) == [
            f"App: {name}: is not set, and its default is fit only for development. set {name} in the environment, "
            f"name its file in {name}_FILE, or say ENVKIT_ENV=development"
            for name in ("SECRET_KEY", "PLAIN")
        ]
    assert load_settings(App, environ={"SECRET_KEY": "s", "PLAIN": "p"}, env_files=()).plain == Secret("p")


def test_a_development_default_within_a_default_or_a_list() -> None:
    """Where the settings' own sources say development, no default of theirs asks the process environment instead."""

    class Database(BaseModel):
        host: str = "localhost"
        password: Secret = development_only(Secret("dev"))

    class App(Settings):
        database: Database = Field(default_factory=Database)
        replicas: list[Database] = []

    environ = {"REPLICAS": '[{"host": "r"}]'}
    settings = load_settings(App, environ={**environ, "ENVKIT_ENV": "development"})
    assert settings.database == settings.replicas[0].model_copy(update={"host": "localhost"})
    assert problems(App, {}) == [
        (
            "App: DATABASE__PASSWORD: is not set, and its default is fit only for development. "
            "set DATABASE__PASSWORD in the environment, name its file in DATABASE__PASSWORD_FILE, "
            "or say ENVKIT_ENV=development"
        )
    ]
    assert problems(App, {**environ, "DATABASE__PASSWORD": "p"}) == [
        (
            "App: a default fit only for development was asked for outside development. "
            "set every such setting, or say ENVKIT_ENV=development"
        )
    ]


CANARY = "cAnArY-7f3b9"


class Inner(BaseModel):
    password: Secret
    pin: Annotated[Secret, Field(min_length=100)]


class Canaries(Settings):
    token: Secret
    key: PrivateKey
    other_key: PrivateKey | None = None
    database: DatabaseUrl
    std: SecretStr
    inner: Inner
    several: list[Secret] = []
    by_name: dict[str, Secret] = {}
    number: int = 0
    checked: Secret
    plain: str = ""

    @field_validator("checked")
    @classmethod
    def quotes_its_value(cls, value: Secret) -> Secret:
        raise ValueError(f"I do not like {value.get_secret_value()}")

    @field_validator("plain")
    @classmethod
    def quotes_plainly(cls, value: str) -> str:
        assert value == "ok", f"{value} is not ok"
        return value

    @model_validator(mode="before")
    @classmethod
    def sees_all(cls, data: Any) -> Any:
        if "sees" in data.get("plain", ""):
            raise ValueError(f"{data}")
        return data


CANARY_ENVIRON = {
    "TOKEN": f"{CANARY}\ud800",
    "KEY": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
    "OTHER_KEY": CANARY,
    "DATABASE": f"postgresql://{CANARY}:{CANARY}/x@{CANARY}/db?{CANARY}",
    "STD": f"{CANARY}\udfff",
    "INNER": f'{{"password": ["{CANARY}"], "{CANARY}": 1}}',
    "INNER__PIN": CANARY,
    "SEVERAL": f'["{CANARY}", 1, ["{CANARY}"]]',
    "BY_NAME": f'{{"{CANARY}": 7, "b": {{"{CANARY}": "{CANARY}"}}}}',
    "NUMBER": CANARY,
    "CHECKED": CANARY,
    "PLAIN": CANARY,
}


def everything_printed(error: BaseException) -> str:
    """All that anything could print of an error: texts, arguments, attributes, causes, contexts, tracebacks."""
    seen: list[str] = []
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None:
            continue
        frames = traceback.TracebackException.from_exception(current, capture_locals=True)
        # This module's own frames hold the planted values; the library's must not.
        frames.stack = traceback.StackSummary.from_list(
            [frame for frame in frames.stack if Path(envkit.__file__).parent in Path(frame.filename).parents]
        )
        seen += [str(current), repr(current), repr(current.args), repr(vars(current)), *frames.format(chain=False)]
        pending += [current.__cause__, current.__context__]
    return "\n".join(seen)


@pytest.mark.parametrize("source", ["environment", "env file", "named files", "secrets directory", "keywords"])
@pytest.mark.parametrize("sees", [False, True])
def test_no_error_holds_a_value(folder: Path, source: str, sees: bool) -> None:
    """Distinctive secrets in every field and source appear in nothing that an error prints, causes included."""
    values = {name: text.encode("utf-8", "replace").decode() for name, text in CANARY_ENVIRON.items()}
    if sees:
        values["PLAIN"] += "sees"
    options: dict[str, Any] = {"environ": {}}
    match source:
        case "environment":
            options["environ"] = {**CANARY_ENVIRON, "PLAIN": values["PLAIN"]}
        case "env file":
            lines = [f"{name}={json.dumps(text)}\n" for name, text in values.items()]
            (folder / ".env").write_text("".join(lines) + f'BROKEN {CANARY}\nOPEN="{CANARY}\n')
        case "named files":
            for name, text in values.items():
                (folder / name).write_text(text)
            options["environ"] = {f"{name}_FILE": name for name in values} | {"TOKEN_FILE": CANARY}
        case "secrets directory":
            (folder / "s").mkdir()
            for name, text in values.items():
                (folder / "s" / name.lower()).write_text(text)
            options["secrets_dir"] = folder / "s"
        case "keywords":
            options |= {name.lower(): text for name, text in values.items() if "__" not in name}
    with pytest.raises(SettingsError) as caught:
        load_settings(Canaries, **options)
    printed = everything_printed(caught.value)
    assert len(caught.value.problems) >= (1 if sees else 7)
    assert CANARY not in printed
    assert CANARY[:6] not in printed


class Good(Settings):
    token: Secret
    database: DatabaseUrl
    several: list[Secret]


def test_nothing_that_prints_settings_shows_a_secret() -> None:
    """repr, str, formatting, dumps, explanations and logging mask every secret, first characters included."""
    environ = {
        "TOKEN": CANARY,
        "DATABASE": f"postgresql://user:{CANARY}@host:5432/name?sslpassword={CANARY}",
        "SEVERAL": f"{CANARY},{CANARY}",
    }
    settings = load_settings(Good, environ=environ)
    shown = [
        repr(settings), str(settings), f"{settings}", f"{settings.token:>40}", "%s" % settings.token,  # noqa: UP031
        f"{settings.database!r} {settings.database}", str(settings.model_dump()), settings.model_dump_json(),
        str(explain(settings)), repr(explain(settings)), str(settings.several), str(dict(settings)),
        str(settings.model_json_schema()),
    ]  # fmt: skip
    assert not any(CANARY[:6] in text for text in shown)
    assert str(settings.token) == "<secret, 12 characters>"
    assert str(settings.database) == "postgresql://user:***@host:5432/name?…"
    with pytest.raises(TypeError):
        json.dumps({"token": settings.token})
