"""envkit, with the key checked."""

from pydantic import create_model

from benchmarks.loading.case import kinds
from envkit import PrivateKey, Settings, load_settings

TYPES = {"str": str, "int": int, "bool": bool, "float": float, "list": list[str]}
App: type[Settings] = create_model(
    "App",
    __base__=Settings,
    **{name: (TYPES[kind], ...) for name, kind in kinds().items()},
    github_key=(PrivateKey, ...),
)  # type: ignore[call-overload]


def load() -> object:
    """One call."""
    return load_settings(App)
