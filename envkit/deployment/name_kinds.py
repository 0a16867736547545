"""The kinds of names: of apps, processes, accounts, settings, targets, versions, and of what Python imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment.kind import of_form
from envkit.deployment.versions import PATTERN

if TYPE_CHECKING:
    from envkit.deployment.kind import Kind

_NAME = r"[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?"
_PYTHON_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_MODULE = rf"{_PYTHON_NAME}(?:\.{_PYTHON_NAME})*"
SETTING = r"[A-Za-z_][A-Za-z0-9_]{0,127}"


# A dash at the end is none of an image's name: docker build refuses shop-:latest.
_OF_APP = of_form(_NAME, "must be 1 to 31 lower-case letters, digits and dashes, a letter first and no dash last")

NAME_KINDS: dict[str, Kind] = {
    "name": _OF_APP,
    "process": _OF_APP,
    "target": of_form(_NAME, "must be the name of a target, as `envkit render` takes it"),
    "account": of_form(
        r"[A-Za-z_][A-Za-z0-9_-]{0,31}",
        "must be the name of a user or group: letters, digits, _ and -, with a letter or _ first",
    ),
    "app": of_form(
        rf"{_MODULE}:{_PYTHON_NAME}(?:\(\))?",
        "must name a callable as module:callable, or a factory as module:create_app()",
    ),
    "class": of_form(rf"{_MODULE}:{_PYTHON_NAME}", "must name a class as module:Class"),
    "setting": of_form(SETTING, "must be the name of a setting: letters, digits and _, with no digit first"),
    "version": of_form(
        PATTERN,
        "must be a version of numbers and dots, such as 1.29.7",
        "leave out what a distribution appends",
    ),
}
