"""Scanning an app's code without running it: where its WSGI application is, and which variables it reads."""

from __future__ import annotations

import ast
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.findings import Finding, FindingsError
from envkit.operations.variables import Variable, both, last_name, loads_env_file, names_given, variables_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

_LARGEST = 1024 * 1024
_MOST_FILES = 5000
_NOT_THE_APP = frozenset(
    {
        "__pycache__", "build", "dist", "doc", "docs", "examples", "migrations", "node_modules", "site-packages",
        "test", "tests", "venv",
    }
)  # fmt: skip
_APP_CLASSES = frozenset({"APIFlask", "ASGIMiddleware", "Bottle", "Flask", "OpenAPI"})
_FACTORIES = frozenset({"create_app", "make_app", "app_factory", "default_app", "get_wsgi_application"})
_ASGI_CALLABLES = frozenset({"FastAPI", "Litestar", "Quart", "Starlette", "get_asgi_application"})
_HEALTH_PATHS = ("/health", "/healthz", "/_health", "/health/", "/healthcheck", "/ping", "/status")


class Scan(NamedTuple):
    """What the code of a folder shows."""

    apps: tuple[str, ...]
    """WSGI applications as `module:callable`, the likeliest first."""
    settings_classes: tuple[str, ...]
    """Classes derived from envkit's `Settings`, as `module:Class`."""
    variables: tuple[Variable, ...]
    """In the order of the files' names and of their lines."""
    health_path: str | None
    asgi_apps: tuple[str, ...]
    """What looks like an ASGI application, as `module:callable`; `apps` has none of them."""
    loads_env_file: bool
    """Whether the code has `.env` read by a library, such as python-dotenv."""


class NoAppError(FindingsError):
    """No WSGI application was found; `findings` says how to name one."""

    def __init__(self, folder: Path, asgi_apps: tuple[str, ...]) -> None:
        """Says what was found instead."""
        problem = "no WSGI application was found"
        hint = "name it: envkit init --app module:callable, or module:create_app() for a factory"
        if asgi_apps:
            problem += f", and {asgi_apps[0]} is an ASGI one, which envkit does not serve"
            hint = "wrap it, as a2wsgi.ASGIMiddleware(app) does, and name that: envkit init --app module:callable"
        super().__init__((Finding(str(folder), "", problem, hint),))


def scan(folder: Path) -> Scan:
    """Reads all Python files below `folder`, but for tests, virtual environments and the like.

    Files that do not parse are passed over.
    """
    apps: list[tuple[int, int, str]] = []
    classes: list[str] = []
    variables: dict[str, Variable] = {}
    health: set[str] = set()
    asgi_apps: list[str] = []
    reads_env_file = False
    for path in _python_files(folder):
        tree = _parsed(path)
        module = _module_name(path.relative_to(folder))
        if tree is None or module is None:
            continue
        depth = module.count(".")
        found = [(rank, depth, f"{module}:{name}") for rank, name in _apps_in(tree)]
        if _calls(tree, _ASGI_CALLABLES) and not _calls(tree, _APP_CLASSES):
            asgi_apps += [f"{module}:{name}" for name in _made_by(tree, _ASGI_CALLABLES)]
            asgi_apps += [app for _, _, app in sorted(found)]  # factories
        else:
            apps += found
        classes += [f"{module}:{name}" for name in _settings_classes_in(tree)]
        for variable in variables_in(tree):
            known = variables.get(variable.name)
            variables[variable.name] = variable if known is None else both(known, variable)
        health.update(_health_paths_in(tree))
        reads_env_file = reads_env_file or loads_env_file(tree)
    return Scan(
        apps=tuple(dict.fromkeys(app for _, _, app in sorted(apps))),
        settings_classes=tuple(classes),
        variables=tuple(variables.values()),
        health_path=next((path for path in _HEALTH_PATHS if path in health), None),
        asgi_apps=tuple(asgi_apps),
        loads_env_file=reads_env_file,
    )


# --- files ----------------------------------------------------------------------------------------------------------


def _python_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_part_of_the_app(Path(parent, name)))
        found += [Path(parent, name) for name in sorted(files) if name.endswith(".py")]
        if len(found) > _MOST_FILES:
            break
    return found[:_MOST_FILES]


def _is_part_of_the_app(folder: Path) -> bool:
    name = folder.name
    if name.startswith(".") or name in _NOT_THE_APP or name.endswith(".egg-info"):
        return False
    # pathlib raises where the folder may not be searched, such as a database's that lies in the project.
    return not os.path.exists(folder / "pyvenv.cfg")  # noqa: PTH110


def _parsed(path: Path) -> ast.Module | None:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the app's code, such as an unknown escape
            return ast.parse(path.read_bytes(), filename=str(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _module_name(path: Path) -> str | None:
    parts = list(path.with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if not parts or parts[-1].startswith(("test_", "conftest")) or parts == ["setup"]:
        return None
    return ".".join(parts) if all(part.isidentifier() and part.isascii() for part in parts) else None


# --- the application ------------------------------------------------------------------------------------------------


def _apps_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names of WSGI applications, and of factories as a call, each with a rank: what is made already comes first."""
    yield from ((0, name) for name in _made_by(tree, _FACTORIES))
    yield from ((1, name) for name in _made_by(tree, _APP_CLASSES))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            if node.name in _FACTORIES and not _required_arguments(node):
                yield 2, f"{node.name}()"
            elif [argument.arg for argument in node.args.args] == ["environ", "start_response"]:
                yield 3, node.name


def _made_by(tree: ast.Module, callables: AbstractSet[str]) -> Iterator[str]:
    """Names at the module's top that hold what one of these callables returned."""
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
            continue
        if last_name(node.value.func) in callables:
            yield from names_given(node)


def _calls(tree: ast.Module, callables: AbstractSet[str]) -> bool:
    return any(isinstance(node, ast.Call) and last_name(node.func) in callables for node in ast.walk(tree))


def _required_arguments(function: ast.FunctionDef) -> bool:
    positional = len(function.args.posonlyargs) + len(function.args.args) - len(function.args.defaults)
    return positional > 0 or any(default is None for default in function.args.kw_defaults)


def _settings_classes_in(tree: ast.Module) -> list[str]:
    bases = {"Settings", "WebSettings"}
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "envkit"
        for alias in node.names
        if alias.name in bases
    }
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(
            last_name(base) in (imported if isinstance(base, ast.Name) else bases & {last_name(base)})
            for base in node.bases
        )
    ]


def _health_paths_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        function, path = last_name(node.func), node.args[0].value
        if function == "path" and isinstance(path, str):  # Django's, without the first slash
            path = f"/{path}"
        elif function not in {"route", "get", "add_url_rule"}:
            continue
        if path in _HEALTH_PATHS:
            yield str(path)
