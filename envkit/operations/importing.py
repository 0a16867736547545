"""Finding the settings class of an app: the app's module is imported, and what it raises becomes one clear line."""

from __future__ import annotations

import os
import re
import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

from envkit.findings import Finding, FindingsError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel


class CannotImportError(FindingsError):
    """The settings class cannot be had; `findings` says why."""


def settings_class(name: str, *, let_errors_through: bool = False) -> type[BaseModel]:
    """The class that `name` names, as `teams_app.settings:AppSettings`.

    The current folder can be imported from, as for `python -m`. What the module prints goes to standard error.

    Args:
        name: module and class.
        let_errors_through: an error of the module itself is raised as it is, with its traceback.

    Raises:
        CannotImportError: there is no such class, or its module cannot be imported. When the module loads settings
            while it is imported and they are wrong, these are their problems.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not all(part.isidentifier() for part in (*module_name.split("."), *attribute.split("."))):
        raise CannotImportError([Finding("", name, "is no settings class", "write it as module:Class")])
    here = os.getcwd()  # noqa: PTH109  sys.path holds strings
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    module = _imported(module_name, name, let_errors_through=let_errors_through)
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    from pydantic import BaseModel

    if isinstance(found, type) and issubclass(found, BaseModel):
        from envkit.settings.model import ReadsByItselfError
        from envkit.settings.plan import plan_of

        _complete(found, name)
        try:
            plan_of(found)
        except ReadsByItselfError as error:
            finding = Finding("", name, error.problem, error.hint)
        else:
            return found
        raise CannotImportError([finding])
    problem = f"{module_name} has no {attribute}" if found is None else f"{attribute} is no pydantic model"
    classes = [key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, BaseModel)]
    raise CannotImportError([Finding("", name, problem, did_you_mean(attribute, classes))])


def _complete(model: type[BaseModel], name: str) -> None:
    """Has pydantic look up the types that the class names before they were there."""
    from pydantic.errors import PydanticUndefinedAnnotation

    missing = None
    try:
        if not model.__pydantic_complete__:
            model.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        missing = error.name
    if missing is not None:
        problem = f"the class names a type {missing} that is not there when it runs"
        raise CannotImportError([Finding("", name, problem, "import it outside of `if TYPE_CHECKING:`")])


def _imported(module_name: str, name: str, *, let_errors_through: bool) -> Any:
    findings: tuple[Finding, ...]
    try:
        with redirect_stdout(sys.stderr):
            return import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if let_errors_through:
            raise
        findings = _said_in_one_line(error, module_name, name)
    raise CannotImportError(findings)


def _said_in_one_line(error: BaseException, module_name: str, name: str) -> tuple[Finding, ...]:
    problems = getattr(error, "problems", None)
    if type(error).__name__ == "SettingsError" and problems:
        return tuple(problems)
    if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
        from envkit.operations.app_module import remedy_for_missing

        return (Finding("", name, f"there is no module {error.name}", remedy_for_missing(error.name)),)
    if isinstance(error, SyntaxError):
        place = f"{error.filename}:{error.lineno}" if error.filename else ""
        return (Finding(place, name, f"is not Python: {error.msg}"),)
    if isinstance(error, SystemExit):
        return (Finding(_place(error), name, "its module ends the program while it is imported"),)
    kind = type(error).__name__
    message = _message(error)
    problem = f"its module cannot be imported: {kind}"
    if message:
        return (Finding(_place(error), name, f"{problem}: {message}"),)
    hint = "its message is withheld, for it may show a value; `envkit --traceback …` shows it"
    return (Finding(_place(error), name, problem, hint),)


def _message(error: BaseException) -> str:
    """The exception's words where they surely are names of code, and else nothing."""
    if isinstance(error, (ImportError, NameError)):
        return str(error)
    if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
        key = error.args[0]
        # os.environ["DATABASE_URL"] is the usual one; some secrets are of capital letters and digits, too.
        if re.fullmatch(r"[A-Z][A-Z0-9_]*_[A-Z0-9_]*[A-Z]", key) and key not in os.environ.values():
            return f"{key} is not set"
    return ""


def _place(error: BaseException) -> str:
    """File and line of the app's own code that was running: below the import system, above the libraries."""
    place, trace = "", error.__traceback__
    here = os.getcwd()  # noqa: PTH109  compared as text
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(here) and "site-packages" not in file and file != __file__:
            place = f"{os.path.relpath(file, here)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
