"""What a settings class is made of: the `Settings` base and the markers for its fields."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

DEVELOPMENT = "development"
ENVIRONMENT_VARIABLE = "ENVKIT_ENV"


class Settings(BaseModel):
    """The base of settings classes: immutable, comparable, and silent about secrets.

    A field `github_key` reads the setting `GITHUB_KEY`; a class keyword puts a prefix in front:

        class AmySettings(Settings, prefix="AMY_"):
            debug: bool = False  # reads AMY_DEBUG

    For Flask, `app.config.from_object(settings)` sees every field in upper case, secrets revealed.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        use_attribute_docstrings=False,
    )

    settings_prefix: ClassVar[str] = ""

    def __init_subclass__(cls, *, prefix: str | None = None, **keywords: Any) -> None:
        """Takes the class keyword `prefix`."""
        super().__init_subclass__(**keywords)
        if prefix is not None:
            cls.settings_prefix = prefix

    if not TYPE_CHECKING:  # an attribute that type checkers should not see: it would make every misspelling valid

        def __getattr__(self, name: str) -> Any:
            if name.isupper() and name.lower() in type(self).model_fields:
                return revealed(getattr(self, name.lower()))
            return super().__getattr__(name)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *(name.upper() for name in type(self).model_fields)]


class ReadsByItselfError(TypeError):
    """A class of pydantic-settings, where every making of an instance reads the environment in its own way.

    Attributes:
        problem: the class's name and what is wrong with it.
        hint: what to do.
    """

    def __init__(self, model: type) -> None:
        """Says so of a class."""
        self.problem = f"{model.__name__} is a class of pydantic-settings, which reads the environment by itself"
        self.hint = 'derive it from envkit.Settings, with prefix="…" in place of env_prefix'
        super().__init__(f"{self.problem}. {self.hint}")


def reads_by_itself(model: type) -> bool:
    """Whether it is of pydantic-settings."""
    return any(base.__module__.startswith("pydantic_settings.") for base in model.__mro__)


def revealed(value: Any) -> Any:
    """The plain text of a secret, anything else as it is."""
    get = getattr(value, "get_secret_value", None)
    return value if get is None else get()


class AllowEmpty:
    """Marks a field for which an empty value is a value: ``banner: Annotated[str, AllowEmpty()] = "hello"``.

    For every other field `''` counts as unset, as Compose turns an unset variable into an empty one.
    """

    __slots__ = ()


class NotDevelopmentError(ValueError):
    """A default fit only for development was asked for elsewhere."""

    def __init__(self) -> None:
        """Says what the class says."""
        super().__init__("a default fit only for development was asked for outside development")


in_development: ContextVar[bool] = ContextVar("in_development", default=False)
"""Whether what is being loaded says so: a `.env` file may, and the mapping that stands for the environment."""


class DevelopmentOnly:
    """The default factory behind `development_only`; the loader asks whether this is development."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Keeps the development default."""
        self.value = value

    def __call__(self) -> Any:
        """Gives the default where the process environment says that this is development.

        Raises:
            NotDevelopmentError: elsewhere. (`load_settings` reports this as one of its problems.)
        """
        import os

        if in_development.get() or os.environ.get(ENVIRONMENT_VARIABLE) == DEVELOPMENT:
            return self.value
        raise NotDevelopmentError


def development_only(value: T) -> T:
    """A default that is refused outside development, where the setting must be given.

    Development is where ``ENVKIT_ENV=development`` is set, in the process environment or in a `.env` file; anything
    else, and nothing at all, counts as production.

    Args:
        value: what the field gets in development; it is checked like a given value.

    Returns:
        What stands as the field's default: `secret_key: Secret = development_only(Secret("dev"))`. Outside development
        `load_settings` raises a `SettingsError` that names the setting.
    """
    field: T = Field(default_factory=DevelopmentOnly(value), validate_default=True)
    return field
