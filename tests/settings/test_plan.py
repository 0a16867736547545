"""Unusual pydantic models: their settings are found and read as pydantic itself would take them."""

from __future__ import annotations

import dataclasses
from enum import Enum, Flag, IntFlag
from typing import TYPE_CHECKING, Any, Literal, NewType, TypeVar

import pytest
from pydantic import AliasChoices, BaseModel, Field, Json, SecretStr
from pydantic.alias_generators import to_camel
from typing_extensions import TypeAliasType

from envkit import Duration, PrivateKey, Secret, Settings, SettingsError, explain, load_settings
from envkit.settings.example import example
from envkit.settings.plan import plan_of

if TYPE_CHECKING:
    from pathlib import Path


def test_json_types_are_read_once() -> None:
    """`Json[...]` takes the text: pydantic reads it as JSON itself."""

    class App(BaseModel):
        ports: Json[list[int]]
        limits: Json[dict[str, int]] | None = None

    settings = load_settings(App, environ={"PORTS": "[1, 2]", "LIMITS": '{"a": 1}'})
    assert (settings.ports, settings.limits) == ([1, 2], {"a": 1})


def test_json_names_the_fields_of_models_by_alias_or_name() -> None:
    """JSON in a setting is written as for the model anywhere else, also within lists."""

    class Hook(BaseModel, alias_generator=to_camel):
        app_id: int

    class App(Settings):
        hook: Hook
        hooks: list[Hook] = []

    environ = {"HOOK": '{"appId": 1}', "HOOKS": '[{"appId": 2}, {"app_id": 3}]'}
    settings = load_settings(App, environ=environ)
    assert [hook.app_id for hook in (settings.hook, *settings.hooks)] == [1, 2, 3]
    assert load_settings(App, environ={"HOOK__APP_ID": "4"}).hook.app_id == 4


def test_an_alias_that_is_another_fields_name_changes_nothing() -> None:
    """The setting PORT is not given to the field whose alias is `port`."""

    class App(BaseModel):
        number: int = Field(alias="port")
        port: int = 5

    settings = load_settings(App, environ={"port": "1", "PORT": "2"})
    assert (settings.number, settings.port) == (1, 2)


def test_an_alias_in_a_nested_model_has_the_names_around_it() -> None:
    """A model may be there twice, so an alias within it cannot be one global name."""

    class Database(BaseModel):
        host: str = Field(alias="hostName")

    class App(Settings):
        primary: Database
        replica: Database

    settings = load_settings(App, environ={"PRIMARY__HOSTNAME": "a", "REPLICA__HOST": "b"})
    assert (settings.primary.host, settings.replica.host) == ("a", "b")


def test_two_fields_may_read_one_setting() -> None:
    """By the same alias, by names that differ in case only, or because a nested field's name is another's."""

    class Inner(BaseModel):
        port: int

    class App(BaseModel):
        public: int = Field(alias="PORT")
        private: int = Field(alias="PORT")
        inner: Inner
        inner__port: int

    settings = load_settings(App, environ={"PORT": "1", "INNER__PORT": "2"})
    assert (settings.public, settings.private, settings.inner.port, settings.inner__port) == (1, 1, 2, 2)
    assert [entry.origin for entry in explain(settings).settings] == ["environment"] * 4


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"P": "1"}, (1, 1, 1)),
        ({"P": "1", "B1": "2"}, (1, 2, 1)),
        ({"P": "1", "A1": "2"}, (2, 1, 1)),
        ({"P": "1", "A1": "2", "B1": "3", "C1": "4"}, (2, 3, 1)),
    ],
)
def test_a_shared_name_is_as_strong_as_each_field_says(environ: dict[str, str], expected: tuple[int, ...]) -> None:
    """One field's stronger alias takes the shared setting from no other field."""

    class App(BaseModel):
        a: int = Field(validation_alias=AliasChoices("A1", "P"))
        b: int = Field(validation_alias=AliasChoices("B1", "P"))
        c: int = Field(validation_alias=AliasChoices("P", "C1"))

    settings = load_settings(App, environ=environ)
    assert (settings.a, settings.b, settings.c) == expected


def test_a_shared_name_of_another_source(tmp_path: Path) -> None:
    """What is exported under the shared name beats each field's own name in a file; a missing file is one problem."""

    class App(BaseModel):
        a: int = Field(validation_alias=AliasChoices("A1", "P"))
        b: int = Field(validation_alias=AliasChoices("B1", "P"))

    file = tmp_path / "env"
    file.write_text("A1=1\nB1=2\n")
    settings = load_settings(App, environ={"P": "3"}, env_files=file)
    assert (settings.a, settings.b) == (3, 3)
    with pytest.raises(SettingsError) as caught:
        load_settings(App, environ={"P_FILE": f"{tmp_path}/none"})
    assert [problem.problem for problem in caught.value.problems] == ["no such file"] * 2  # A1 and B1


def test_strict_models_read_text_too() -> None:
    """Strictness is about the values of Python programs; every source of settings has text alone."""

    class Inner(BaseModel, strict=True):
        debug: bool

    class App(BaseModel, strict=True):
        port: int
        hosts: list[int]
        timeout: Duration
        inner: Inner

    environ = {"PORT": "1", "HOSTS": "1,2", "TIMEOUT": "30s", "INNER__DEBUG": "on"}
    settings = load_settings(App, environ=environ)
    assert (settings.port, settings.hosts, settings.timeout.seconds, settings.inner.debug) == (1, [1, 2], 30, True)


class Early(BaseModel):
    inner: Late


class Late(BaseModel):
    token: Secret


def test_a_class_may_be_written_before_the_ones_it_names() -> None:
    """The nested model's settings are known although pydantic has not seen that class yet."""
    assert load_settings(Early, environ={"INNER__TOKEN": "x"}).inner.token == Secret("x")


@dataclasses.dataclass
class NoModel:
    port: int


@pytest.mark.parametrize("model", [NoModel, "App", Late(token=Secret("x"))])
def test_what_is_no_settings_class_is_refused(model: object) -> None:
    """A dataclass, a name or an instance: the error says what is taken."""
    with pytest.raises(TypeError, match="load_settings takes a settings class"):
        load_settings(model)  # type: ignore[call-overload]


def test_a_class_that_reads_by_itself_is_refused() -> None:
    """pydantic-settings would read the environment once more, under other names, and `explain` would not know of it."""

    class BaseSettings(BaseModel):
        __module__ = "pydantic_settings.main"

    class App(BaseSettings):
        port: int = 1

    class Outer(Settings):
        app: App = App()

    class Several(Settings):
        apps: dict[str, list[App]] | None = None

    for model in (App, Outer, Several):
        with pytest.raises(TypeError, match=r"^App is a class of pydantic-settings, .* derive it from envkit.Settings"):
            load_settings(model)


class Hook(BaseModel):
    """A nested model for the names below."""

    app_id: int


Item = TypeVar("Item")
Token = NewType("Token", SecretStr)
Hosts = NewType("Hosts", list[str])
Key = TypeAliasType("Key", PrivateKey)
Limits = TypeAliasType("Limits", dict[str, int])
Named = TypeAliasType("Named", Hook)
Several = TypeAliasType("Several", list[Item], type_params=(Item,))
Perhaps = TypeAliasType("Perhaps", Item | None, type_params=(Item,))
Itself = TypeAliasType("Itself", Item, type_params=(Item,))


class WithNamedTypes(Settings):
    """Types under the names that code gives them, as by `type Limits = dict[str, int]`."""

    token: Token
    hosts: Hosts
    key: Key | None = None
    limits: Limits = {}
    named: Named
    several: Several[int] = []
    perhaps: Perhaps[list[int]] = None
    itself: Itself[Secret] | None = None


def test_a_named_type_is_the_type_behind_it() -> None:
    """A list takes commas, a nested model has settings of its own, and a secret is known for one."""
    environ = {
        "TOKEN": "s3cret", "HOSTS": "a, b", "LIMITS": '{"a": 1}', "NAMED__APP_ID": "2", "SEVERAL": "3, 4",
        "PERHAPS": "5,6", "ITSELF": "hush",
    }  # fmt: skip
    settings = load_settings(WithNamedTypes, environ=environ)
    assert (settings.hosts, settings.limits, settings.named.app_id) == (["a", "b"], {"a": 1}, 2)
    assert (settings.several, settings.perhaps) == ([3, 4], [5, 6])
    slots = plan_of(WithNamedTypes).slots
    assert [slot.name for slot in slots if slot.secret] == ["TOKEN", "KEY", "ITSELF"]
    assert [slot.name for slot in slots if slot.key] == ["KEY"]
    text = example(WithNamedTypes, "app:WithNamedTypes")
    assert [text.count(words) for words in ("secret", "private key", "list, separated by commas")] == [2, 1, 3]


class Level(Enum):
    """Choices that are numbers."""

    LOW = 1
    HIGH = 2.5


class Bits(Flag):
    """A collection of bits, which is no list."""

    A = 1
    B = 2


class IntBits(IntFlag):
    """The same as whole numbers, which pydantic reads from text."""

    A = 1
    B = 2


class WithChoices(Settings):
    """Choices that are not text, at all places where they may stand."""

    number: Literal[1, 2] = 1
    level: Level = Level.LOW
    on: Literal[True] = True
    one_level: Literal[Level.HIGH] | None = None
    mixed: Literal[1, "auto"] = "auto"
    union: Literal[8, "x"] = "x"
    text_first: Literal["1", 1] = 1
    several: list[Literal[1, 2]] = []
    mapped: dict[str, Level] = {}
    bits: Bits = Bits.A
    int_bits: IntBits = IntBits.A
    data: Literal[b"x", b"y"] = b"x"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("number", "2", 2),
        ("level", "2.5", Level.HIGH),
        ("on", "yes", True),
        ("one_level", "2.5", Level.HIGH),
        ("mixed", "1", 1),
        ("mixed", "auto", "auto"),
        ("union", "8", 8),
        ("text_first", "1", "1"),
        ("several", "1, 2", [1, 2]),
        ("mapped", '{"a": "2.5", "b": 1}', {"a": Level.HIGH, "b": Level.LOW}),
        ("bits", "2", Bits.B),
        ("int_bits", "2", IntBits.B),
        ("data", "y", b"y"),
    ],
)
def test_text_names_a_choice_that_is_none(name: str, text: str, expected: Any) -> None:
    """All that sources have is text, and pydantic takes no text for a choice that is a number."""
    settings = load_settings(WithChoices, environ={name.upper(): text})
    assert (getattr(settings, name), type(getattr(settings, name))) == (expected, type(expected))


def test_what_names_no_choice_is_refused_and_left_as_it_is() -> None:
    """The error says the choices; a list that the caller handed over stays the caller's."""
    given = ["1", "3"]
    with pytest.raises(SettingsError) as caught:
        load_settings(WithChoices, environ={"LEVEL": "3", "NUMBER": "x"}, several=given)
    assert str(caught.value).splitlines()[1:] == [
        "environment: NUMBER: should be 1 or 2",
        "environment: LEVEL: should be 1 or 2.5",
        "keyword: SEVERAL: item 2 should be 1 or 2",
    ]
    assert given == ["1", "3"]


class Place(BaseModel):
    """A nested model with such a union."""

    hosts: list[str] | Literal["*"] = "*"


class WithUnions(Settings):
    """Members that take text beside such that need a list or an object."""

    hosts: Literal["*"] | list[str] = "*"
    origins: bool | list[str] = False
    number: list[int] | Literal[1] = 1
    limits: int | dict[str, int] = 0
    place: Place | bool = False
    inner: Place = Place()
    words: str | list[str] = ""
    levels: Literal["all"] | list[Literal[1, 2]] = "all"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOSTS": "*"}, "*"),
        ({"HOSTS": "a, b"}, ["a", "b"]),
        ({"HOSTS": '["a"]'}, ["a"]),
        ({"ORIGINS": "yes"}, True),
        ({"ORIGINS": "a"}, ["a"]),
        ({"NUMBER": "1"}, 1),
        ({"NUMBER": "2"}, [2]),
        ({"LIMITS": "5"}, 5),
        ({"LIMITS": '{"a": 1}'}, {"a": 1}),
        ({"PLACE": '{"hosts": ["a"]}'}, Place(hosts=["a"])),
        ({"INNER__HOSTS": "a,b"}, Place(hosts=["a", "b"])),
        ({"WORDS": "a,b"}, "a,b"),
        ({"LEVELS": "1,2"}, [1, 2]),
    ],
)
def test_a_union_takes_what_any_of_its_members_takes(environ: dict[str, str], expected: Any) -> None:
    """The text goes to the members that take text, and where all of these refuse it, it is a list or JSON."""
    settings = load_settings(WithUnions, environ=environ)
    (name,) = environ
    assert getattr(settings, name.lower().partition("__")[0]) == expected


def test_what_no_member_of_a_union_takes_is_said_of_each() -> None:
    """JSON that does not end is no object, and the number that was meant may be what is wrong."""
    with pytest.raises(SettingsError) as caught:
        load_settings(WithUnions, environ={"LIMITS": '{"a": 1', "LEVELS": "1,3"})
    assert str(caught.value).splitlines()[1:] == [
        "environment: LIMITS: is not a whole number",
        'environment: LIMITS: is not a JSON object. write it as JSON such as {"name": "value"}',
        "environment: LEVELS: should be 'all'",
        "environment: LEVELS: should be 1 or 2",
    ]
