"""pydantic-settings."""

from typing import Annotated

from pydantic import BeforeValidator, create_model
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from benchmarks.loading.case import kinds

CommaList = Annotated[list[str], NoDecode, BeforeValidator(lambda text: text.split(","))]
TYPES = {"str": str, "int": int, "bool": bool, "float": float, "list": CommaList}


class Base(BaseSettings):
    """Reads `.env`."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore")


App: type[Base] = create_model(
    "App", __base__=Base, **{name: (TYPES[kind], ...) for name, kind in kinds().items()}, github_key=(str, ...)
)  # type: ignore[call-overload]


def load() -> object:
    """One call; the file is read again each time."""
    return App()
