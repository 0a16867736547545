"""Whether the module of the description's app can be found, without running any of its code."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.deployment.overrides import origin_and_name
from envkit.findings import Finding

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment


def find_no_module(deployment: Deployment) -> list[Finding]:
    """A finding where the web process is gunicorn and there is no module for it to import.

    The current folder can be imported from, as gunicorn does it. Whether the module has the callable is seen only by
    importing it.
    """
    if derived.web(deployment).command:
        return []
    missing = _first_missing(deployment.app.partition(":")[0])
    if missing is None:
        return []
    problem = f"there is no module {missing}"
    return [Finding(*origin_and_name(deployment, "app"), problem, remedy_for_missing(missing))]


def remedy_for_missing(module: str) -> str:
    """What to do about a module that is not there: one of Python's own may stand before a folder of its name."""
    package = module.partition(".")[0]
    taken = sys.modules.get(package)
    if package in sys.stdlib_module_names and taken is not None and Path(package).is_dir():
        folders = [Path(folder).resolve() for folder in getattr(taken, "__path__", ())]
        if Path(package).resolve() not in folders:
            return f"Python has taken a module {package} of its own for it: give the folder {package} another name"
    return "run envkit in the app's folder, with the app's packages installed"


def _first_missing(module: str) -> str | None:
    """The module, or the package around it, that is not there; None where all are, or where only importing can tell."""
    name, *rest = module.split(".")
    here = os.getcwd()  # noqa: PTH109  sys.path holds strings
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        spec = find_spec(name)
    except ValueError:  # __main__
        return None
    for part in rest:
        if spec is None:
            break
        name = f"{name}.{part}"
        try:
            spec = PathFinder.find_spec(name, spec.submodule_search_locations or ())
        except KeyError:  # a namespace package inside another package, whose path is known once that is imported
            return None
    return None if spec else name
