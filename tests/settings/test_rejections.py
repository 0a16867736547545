"""What is said of the checks a settings class brings along: their words, unless they show any part of a secret."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ImportString,
    SecretStr,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic import Secret as AnySecret
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from envkit import PrivateKey, Secret, Settings, SettingsError, load_settings
from tests.settings.made_keys import made_key
from tests.settings.test_errors import everything_printed

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "c4n4ry-XYZ-7f3b9 \\n\"quoted'"


def refuse_by(message: Callable[[str], str], kind: Callable[[str], Exception] = ValueError) -> Callable[[Any], Any]:
    """A check that refuses every value by an error with this message."""

    def check(value: Any) -> NoReturn:
        raise kind(message(value.get_secret_value()))

    return check


def refuse_by_quoting(value: Any) -> NoReturn:
    """A check that shows what it refuses."""
    raise ValueError(f"bad: {value}")


def error_of(model: type[BaseModel], **environ: str) -> SettingsError:
    """The error that loading raises."""
    with pytest.raises(SettingsError) as caught:
        load_settings(model, environ=environ, env_files=())
    return caught.value


QUOTATIONS: list[Callable[[str], str]] = [
    lambda text: f"bad token {text}",
    lambda text: f"bad token {text[:4]}…",
    lambda text: f"bad token …{text[-8:]}",
    lambda text: f"bad token {text.upper()}",
    lambda text: f"bad token {text!r}",
    lambda text: f"bad token {text.split('-')}",
]


@pytest.mark.parametrize("message", QUOTATIONS)
@pytest.mark.parametrize("by", ["its own check", "another field's check", "the class's check"])
def test_no_part_of_a_secret_is_in_the_words_of_a_check(message: Callable[[str], str], by: str) -> None:
    """Cut, in another case or quoted, in a check of the field, of another field or of the class: it is withheld."""
    quote = refuse_by(message)

    class Own(Settings):
        token: Annotated[Secret, AfterValidator(quote)]

    class Other(Settings):
        token: Secret
        plain: str = ""

        @field_validator("plain")
        @classmethod
        def checked(cls, value: str, info: ValidationInfo) -> str:
            quote(info.data["token"])
            return value

    class Whole(Settings):
        token: Secret

        @model_validator(mode="after")
        def checked(self) -> Whole:
            quote(self.token)
            return self

    model = {"its own check": Own, "another field's check": Other, "the class's check": Whole}[by]
    error = error_of(model, TOKEN=SECRET, PLAIN="hello")
    assert "its message is withheld, it shows a value" in str(error)
    printed = everything_printed(error).casefold()
    assert not any(part in printed for part in ("c4n4", "7f3b9", "quoted"))


@pytest.mark.parametrize("pin", ["1", "904", "31415", "!?"])
@pytest.mark.parametrize("kind", [Secret, AnySecret[str], Annotated[AnySecret[str] | None, "a mark"]])
def test_a_short_secret_of_any_kind_is_in_no_words_of_a_check(kind: Any, pin: str) -> None:
    """Pydantic has a generic secret, too, and what is short is looked for as a word of its own."""

    class App(Settings):
        pin: kind
        plain: str = ""

        @field_validator("plain")
        @classmethod
        def checked(cls, value: str, info: ValidationInfo) -> str:  # noqa: ARG003
            raise ValueError(f"{info.data['pin'].get_secret_value()}, that is no good")

    problem = "is refused by the class's own check (value_error); its message is withheld, it shows a value"
    assert str(error_of(App, PIN=pin, PLAIN="hello")) == f"App: 1 problem\nenvironment: PLAIN: {problem}"


def test_a_check_that_shows_nothing_is_quoted() -> None:
    """The author's own words are the best, also in the form of an assertion; a secret without a text is in none."""
    words = "must be at least 32 characters, made by `openssl rand -hex 32`"
    checked = Annotated[Secret, AfterValidator(refuse_by(lambda _: words))]
    model = create_model("App", token=checked, pin=Secret, proxy=(SecretStr, SecretStr("")), gap=(SecretStr, " "))
    assert str(error_of(model, TOKEN="short", PIN="op")) == f"App: 1 problem\nenvironment: TOKEN: {words}"


@pytest.mark.parametrize(
    "spell", [str, lambda key: key.replace("\n", "\\n"), lambda key: base64.b64encode(key.encode()).decode()]
)
@pytest.mark.needs("openssl")
def test_no_line_of_a_key_is_in_the_words_of_a_check(spell: Callable[[str], str]) -> None:
    """A check sees the key decoded; it is recognised whatever the key's spelling was."""
    key = made_key("ed25519-pkcs8").text
    model = create_model("App", key=(Annotated[PrivateKey, AfterValidator(refuse_by(lambda text: f"no: {text}"))], ...))
    error = error_of(model, KEY=spell(key))
    assert "its message is withheld, it shows a value" in str(error)
    assert not any(line in everything_printed(error) for line in key.splitlines()[1:-1])


@pytest.mark.parametrize("kind", [ZoneInfo, Annotated[Path, AfterValidator(refuse_by_quoting)], list[ZoneInfo]])
def test_bytes_that_no_message_can_quote_are_told(kind: Any) -> None:
    """Pydantic cannot put an error into words that quotes what is not UTF-8; the setting that holds it is named."""
    model = create_model("App", place=(kind, ...), token=(Secret, ...), plain=(str, "hello"))
    error = error_of(model, PLACE=os.fsdecode(b"Europe/\xff"), TOKEN=SECRET)
    hint = "write it in UTF-8, or base64 if it is binary"
    assert str(error) == f"App: 1 problem\nenvironment: PLACE: is not valid UTF-8. {hint}"
    assert SECRET not in everything_printed(error)


def test_a_check_cannot_pass_off_a_quotation_as_pydantics_own_words() -> None:
    """The kind of an error is the check's choice, so it is no proof of what is in the message."""
    named = refuse_by(lambda text: text, lambda text: PydanticCustomError("too_short", "{v}", {"v": text}))  # type: ignore[misc]
    model = create_model("App", token=(Annotated[Secret, AfterValidator(named)], ...))
    assert SECRET not in str(error_of(model, TOKEN=SECRET))


def test_what_cannot_be_imported_is_not_named() -> None:
    """Pydantic's message for an ImportString names the module, which is a part of the value."""
    model = create_model("App", backend=(ImportString[Any], ...))
    assert str(error_of(model, BACKEND="c4n4ry:name")) == (
        "App: 1 problem\nenvironment: BACKEND: names nothing that can be imported. write it as package.module:name"
    )


@pytest.mark.parametrize("kind", [KeyError, TypeError, RuntimeError, UnicodeError])
def test_a_check_that_fails_otherwise_is_a_problem_without_its_words(kind: type[Exception]) -> None:
    """`LEVELS[value]` raises a KeyError that is the value: the message and the frames that hold it stay inside."""
    broken = refuse_by(str, kind)
    model = create_model("App", token=(Annotated[Secret, AfterValidator(broken)], ...))
    error = error_of(model, TOKEN=SECRET)
    assert "c4n4ry" not in everything_printed(error)
    assert "c4n4ry" not in str(pickle.dumps(error))
    if kind is not UnicodeError:
        assert f"App: the class's own check raised {kind.__name__} at {__file__}:" in str(error)


def test_a_default_that_fails_is_told_by_its_place_in_the_class() -> None:
    """Not by a line of Python's own `os`, which looks the variable up."""
    model = create_model("App", home=(str, Field(default_factory=lambda: os.environ["NOT_SET_ANYWHERE"])))
    assert f"App: the class's own check raised KeyError at {__file__}:" in str(error_of(model))


def test_a_misspelt_exported_name_is_found() -> None:
    """Also one in lower case, which no source reads."""
    model = create_model("App", github_key=(str, ...))
    said = "App: 1 problem\nApp: GITHUB_KEY: is not set. did you mean {} in the environment?"
    for name in ("GITHUB_KYE", "github_key"):
        assert str(error_of(model, **{name: "x"})) == said.format(name)
    assert "set GITHUB_KEY in the environment" in str(error_of(model, GITHUB_ENV="/tmp/x", GITHUB_SHA="1"))


def test_a_rejection_under_an_alias_is_said_of_its_setting() -> None:
    """Pydantic reports places by alias; the message has the setting's name and origin."""

    class Inner(BaseModel):
        port: int = Field(alias="portNumber")

    class App(BaseModel, alias_generator=to_camel):
        app_id: int
        inner: Inner

    assert str(error_of(App, APP_ID="x", INNER__PORT="y")).splitlines()[1:] == [
        "environment: APP_ID: is not a whole number",
        "environment: INNER__PORT: is not a whole number",
    ]
    assert [problem.name for problem in error_of(App).problems] == ["APP_ID", "INNER__PORTNUMBER"]


def test_a_default_is_in_no_words_either() -> None:
    """Where a class checks its defaults, a check may quote one that is a secret."""

    class App(Settings, validate_default=True):
        token: Annotated[Secret, AfterValidator(refuse_by(str))] = Secret(SECRET)

    assert "c4n4ry" not in everything_printed(error_of(App))


def test_a_secret_that_is_too_short_has_too_few_characters() -> None:
    """It is no list, and its length is all that is said of it."""
    model = create_model(
        "App", token=(Annotated[Secret, Field(min_length=32)], ...), tags=(list[str], Field(min_length=2))
    )
    assert str(error_of(model, TOKEN="short", TAGS="a")).splitlines()[1:] == [
        "environment: TOKEN: should have at least 32 characters, not 5",
        "environment: TAGS: List should have at least 2 items after validation, not 1",
    ]
