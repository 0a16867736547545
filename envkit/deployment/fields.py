"""The model's tables and keys as data: what the reader, the JSON Schema and the documented example all walk over."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from envkit.deployment.model import Deployment

Shape = Literal["text", "whole", "number", "boolean", "choice", "list", "command", "table", "tables"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    shape: Shape
    """`tables` is a table of tables under names of the user's choice."""
    kind: str
    """Syntax of the value, of a list's items, or of the names of `tables`; see `kinds.py`."""
    doc: str
    required: bool
    default: Any
    """None where nothing is assumed, or the key is required."""
    choices: tuple[str, ...] = ()
    table: type[Any] | None = None
    """The dataclass of `table` and `tables`."""


def keys_of(table: type[Any]) -> dict[str, Key]:
    """The keys of one of the model's dataclasses, by name, in order."""
    if table not in _KEYS:
        hints = get_type_hints(table)
        described = [field for field in fields(table) if field.metadata]
        _KEYS[table] = {field.name: _key(field, hints[field.name]) for field in described}
    return _KEYS[table]


_KEYS: dict[type[Any], dict[str, Key]] = {}


def all_tables() -> dict[tuple[str, ...], type[Any]]:
    """Every table by its path; the free names of `tables` are `*`."""
    found: dict[tuple[str, ...], type[Any]] = {}

    def visit(path: tuple[str, ...], table: type[Any]) -> None:
        found[path] = table
        for key in keys_of(table).values():
            if key.table is not None:
                visit((*path, key.name, "*") if key.shape == "tables" else (*path, key.name), key.table)

    visit((), Deployment)
    return found


def _key(field: Any, hint: Any) -> Key:
    if get_origin(hint) is UnionType:
        (hint,) = (member for member in get_args(hint) if member is not NoneType)
    kind = field.metadata["kind"]
    origin = get_origin(hint)
    table = get_args(hint)[1] if origin is dict else hint if hasattr(hint, "__dataclass_fields__") else None
    default = None if field.default is MISSING else field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    return Key(
        name=field.name,
        shape=_shape(hint, origin, kind),
        kind=kind,
        doc=field.metadata["doc"],
        required=field.default is MISSING and field.default_factory is MISSING,
        default=default,
        choices=get_args(hint) if origin is Literal else (),
        table=table,
    )


def _shape(hint: Any, origin: Any, kind: str) -> Shape:
    if origin is Literal:
        return "choice"
    if origin is dict:
        return "tables"
    if origin is tuple:
        return "command" if kind == "command" else "list"
    plain: dict[Any, Shape] = {str: "text", bool: "boolean", int: "whole", float: "number"}
    return plain.get(hint, "table")
