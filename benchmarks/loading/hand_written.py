"""The yardstick: a hand-written reader and `Model(**values)` on plain pydantic."""

import os

from pydantic import BaseModel, create_model

from benchmarks.loading.case import kinds

TYPES = {"str": str, "int": int, "bool": bool, "float": float, "list": list[str]}
App: type[BaseModel] = create_model(
    "App", **{name: (TYPES[kind], ...) for name, kind in kinds().items()}, github_key=(str, ...)
)  # type: ignore[call-overload]
LISTS = [name for name, kind in kinds().items() if kind == "list"]
NAMES = {name.upper(): name for name in App.model_fields}


def load() -> object:
    """Reads the file and the environment, splits the lists, decodes the key."""
    values = {}
    with open(".env", encoding="utf-8") as file:  # noqa: PTH123  as one writes it by hand, and the fastest
        for line in file:
            name, _, value = line.rstrip("\n").partition("=")
            if name in NAMES:
                values[NAMES[name]] = value
    for name, field in NAMES.items():
        exported = os.environ.get(name)
        if exported is not None:
            values[field] = exported
    data: dict[str, object] = dict(values)
    for name in LISTS:
        data[name] = values[name].split(",")
    data["github_key"] = values["github_key"].replace("\\n", "\n")
    return App(**data)
