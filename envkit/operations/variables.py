"""Which variables a module's code reads, by `os.environ` or by one of the libraries that do so for it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIBRARIES = frozenset({"decouple", "environ", "environs"})
"""python-decouple, django-environ and environs, by what is imported of them."""
_READY_MADE = frozenset({"config", "env"})
_CLASSES = frozenset({"AutoConfig", "Config", "Env", "FileAwareEnv"})
_METHODS = frozenset(
    {
        "bool", "bytes", "cache", "cache_url", "date", "datetime", "db", "db_url", "decimal", "dict", "dj_db_url",
        "email", "email_url", "float", "int", "json", "list", "log_level", "path", "str", "time", "timedelta", "tuple",
        "url", "uuid",
    }
)  # fmt: skip
_CASTS = {name: name for name in ("bool", "float", "int", "list")} | {"Csv": "list", "tuple": "list"}


class Variable(NamedTuple):
    """A variable that the code reads from its environment."""

    name: str
    required: bool
    default: str | None
    """The default, where the code has one as a constant text, or as a list of such."""
    cast: str
    """`int`, `float` or `bool` where the code makes one of it, `list` where it splits it at commas,
    `key` where `.env` holds a private key; else empty."""


def variables_in(tree: ast.Module) -> list[Variable]:
    """Every variable that the module reads by its name, as often as it does, in the order of the lines.

    That is `os.environ["X"]`, `os.environ.get("X", "default")`, `os.getenv("X")`, `config("X", cast=bool)` of
    python-decouple, and `env.int("X", 5)` of environs and django-environ. What stands below `env.prefixed` has another
    name, and is left out.
    """
    casts: dict[ast.AST, str] = {}
    found: list[tuple[int, int, Variable]] = []
    readers, prefixed = _readers_in(tree), set(_prefixed_in(tree))
    for node in ast.walk(tree):  # a parent comes before what is inside it
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"int", "float", "bool"}:
            casts.update((argument, node.func.id) for argument in node.args)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split":
            casts[node.func.value] = "list" if _is_comma(node.args) else ""
        variable = _by_environ(node, casts)
        if variable is None and isinstance(node, ast.Call) and node not in prefixed:
            variable = _by_library(node, readers)
        if variable is not None and isinstance(node, ast.expr):
            found.append((node.lineno, node.col_offset, variable))
    return [variable for _, _, variable in sorted(found, key=lambda entry: entry[:2])]


def both(first: Variable, second: Variable) -> Variable:
    """One variable that is read in two places."""
    return Variable(
        first.name,
        required=first.required and second.required,
        default=first.default if first.default is not None else second.default,
        cast=first.cast or second.cast,
    )


def loads_env_file(tree: ast.Module) -> bool:
    """Whether the code has `.env` read: python-dotenv and the others when they are told to, decouple by itself."""
    calls = {last_name(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return bool(calls & {"load_dotenv", "read_env"}) or any(
        isinstance(node, ast.ImportFrom) and node.module == "decouple" for node in ast.walk(tree)
    )


def last_name(node: ast.expr) -> str:
    """The name, or what stands behind the last dot; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def names_given(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """The plain names to which a statement assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


# --- os.environ -----------------------------------------------------------------------------------------------------


def _is_comma(arguments: list[ast.expr]) -> bool:
    """Whether `split` is given a comma: a `list[str]` splits at nothing else."""
    separator = arguments[0] if arguments else None
    return isinstance(separator, ast.Constant) and isinstance(text := separator.value, str) and text.strip() == ","


def _by_environ(node: ast.AST, casts: dict[ast.AST, str]) -> Variable | None:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_environ(node.value):
        name = _constant_name(node.slice)
        return Variable(name, required=True, default=None, cast=casts.get(node, "")) if name else None
    if not isinstance(node, ast.Call) or not node.args:
        return None
    is_getenv = last_name(node.func) == "getenv"
    is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get" and _is_environ(node.func.value)
    name = _constant_name(node.args[0])
    if not name or not (is_getenv or is_get):
        return None
    default = _text_of(node.args[1]) if len(node.args) > 1 else None
    return Variable(name, required=False, default=default, cast=casts.get(node, ""))


def _is_environ(node: ast.expr) -> bool:
    return last_name(node) == "environ" and not (isinstance(node, ast.Attribute) and last_name(node.value) == "request")


def _constant_name(node: ast.expr) -> str:
    text = node.value if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) else ""


def _text_of(node: ast.expr) -> str | None:
    """A constant as the text of a variable; None where it is none, or another value."""
    if isinstance(node, ast.List | ast.Tuple):
        items = [_text_of(item) for item in node.elts]
        return None if None in items else ",".join(filter(None, items))
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


# --- libraries ------------------------------------------------------------------------------------------------------


def _readers_in(tree: ast.Module) -> set[str]:
    """The names under which the module has a reader of one of the libraries, ready-made or made here."""
    modules: set[str] = set()
    readers: set[str] = set()
    classes: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name in _LIBRARIES}
        elif isinstance(node, ast.ImportFrom) and node.module in _LIBRARIES:
            readers |= {alias.asname or alias.name for alias in node.names if alias.name in _READY_MADE}
            classes |= {alias.asname or alias.name for alias in node.names if alias.name in _CLASSES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            made_by = node.value.func
            of_module = isinstance(made_by, ast.Attribute) and last_name(made_by.value) in modules
            if (of_module and last_name(made_by) in _CLASSES) or (
                isinstance(made_by, ast.Name) and made_by.id in classes
            ):
                readers.update(names_given(node))
    return readers


def _prefixed_in(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything below `with env.prefixed("SHOP_"):`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any(
            isinstance(item.context_expr, ast.Call) and last_name(item.context_expr.func) == "prefixed"
            for item in node.items
        ):
            yield from ast.walk(node)


def _by_library(node: ast.Call, readers: set[str]) -> Variable | None:
    method = ""
    reader: ast.expr = node.func
    if isinstance(reader, ast.Attribute):
        method, reader = reader.attr, reader.value
    name = _constant_name(node.args[0]) if node.args else ""
    if not name or not (isinstance(reader, ast.Name) and reader.id in readers) or method not in {"", *_METHODS}:
        return None
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    second = node.args[1] if len(node.args) > 1 else None
    cast = given.get("cast")
    if second is not None and last_name(second) in _CASTS:  # django-environ's order
        cast, second = second, node.args[2] if len(node.args) > 2 else None
    default = given.get("default", second)
    return Variable(
        name,
        required=default is None,
        default=None if default is None else _text_of(default),
        cast=_CASTS.get(method, "") if cast is None else _kind_of(cast),
    )


def _kind_of(cast: ast.expr) -> str:
    """What decouple's `cast` makes of the text: a type, `Csv()`, or a function that splits it at commas."""
    if isinstance(cast, ast.Lambda):
        calls = [node for node in ast.walk(cast) if isinstance(node, ast.Call)]
        return "list" if any(last_name(call.func) == "split" and _is_comma(call.args) for call in calls) else ""
    return _CASTS.get(last_name(cast.func if isinstance(cast, ast.Call) else cast), "")
