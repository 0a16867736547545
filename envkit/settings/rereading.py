"""What else a text may stand for that pydantic refused as it is: a choice that is no text, a list, a JSON object."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from envkit.settings.annotations import meant
from envkit.settings.assembling import decode
from envkit.settings.rejections import slot_at
from envkit.settings.sources import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.settings.plan import Plan, Slot

_NO_CHOICE = frozenset({"literal_error", "enum"})
_NO_LIST = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
_NO_OBJECT = frozenset({"dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"})
_SPELT = (bool, int, float, bytes)
"""Kinds of choices that text can name; pydantic reads text as one of them outside of a Literal or Enum."""


def reread(plan: Plan, rejected: list[Any], data: dict[str, Any]) -> bool:
    """Puts what it may stand for in place of each refused text.

    pydantic compares what it is given with each choice of a Literal or Enum as it is, and no text equals a number. And
    of a union such as ``bool | list[str]`` some member may take text, so that only now it is split or read as JSON.

    Args:
        plan: of the model.
        rejected: entries of `ValidationError.errors()`.
        data: what pydantic validated, which is changed.

    Returns:
        Whether anything was put there, so that validating again may end otherwise.
    """
    changed = False
    for details in sorted(rejected, key=lambda details: details["type"] not in _NO_CHOICE):
        index = slot_at(plan, details["loc"])
        slot = None if index is None else plan.slots[index]
        if slot is None or slot.path[0] not in data:
            continue
        first = slot.path[0]
        value = data[first]
        if details["type"] in _NO_CHOICE:
            inside = (*slot.path[1:], *details["loc"][len(slot.path) :])
            data[first] = _with_choice(value, inside, slot.annotation)
        elif details["type"] in _NO_LIST | _NO_OBJECT and slot.shape == "text":
            data[first] = _with_structure(value, slot.path[1:], slot, as_list=details["type"] in _NO_LIST)
        changed = changed or data[first] is not value
    return changed


def _with_structure(value: Any, path: tuple[str, ...], slot: Slot, *, as_list: bool) -> Any:
    """`value` with the text at the end of the path decoded, or itself where that is no list or JSON."""
    if path and isinstance(value, dict):
        inner = _with_structure(value.get(path[0]), path[1:], slot, as_list=as_list)
        return value if inner is value.get(path[0]) else {**value, path[0]: inner}
    if path or not isinstance(value, str):
        return value
    decoded, problem = decode(slot._replace(shape="list" if as_list else "json"), (slot.name, value, Origin(""), ""))
    return value if problem or (as_list and value.lstrip().startswith("{")) else decoded


def _with_choice(value: Any, path: tuple[str | int, ...], annotation: Any) -> Any:
    """`value` with the choice at the end of the path, or itself; it may be the caller's own, and is not changed.

    In a path through a union there is the name of one of its members.
    """
    if isinstance(value, str):
        return _named(value, annotation)
    if not path:
        return value
    if isinstance(value, dict) and path[0] in value:
        inner = _with_choice(value[path[0]], path[1:], annotation)
        return value if inner is value[path[0]] else {**value, path[0]: inner}
    if isinstance(value, list) and isinstance(path[0], int):
        inner = _with_choice(value[path[0]], path[1:], annotation)
        return value if inner is value[path[0]] else [*value[: path[0]], inner, *value[path[0] + 1 :]]
    return _with_choice(value, path[1:], annotation)


def _named(text: str, annotation: Any) -> Any:
    for choice in _choices(annotation):
        value = choice.value if isinstance(choice, Enum) else choice
        if isinstance(value, _SPELT) and _reads(text, type(value)) == value:
            return choice
    return text


def _reads(text: str, kind: type[Any]) -> Any:
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return None


def _choices(annotation: Any, within: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Every choice anywhere inside `annotation`."""
    annotation = meant(annotation)
    if annotation in within:
        return
    inner = list(get_args(annotation))
    if get_origin(annotation) is Literal:
        yield from inner
        return
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            yield from annotation
        elif issubclass(annotation, BaseModel):
            inner = [field.annotation for field in annotation.model_fields.values()]
    for part in inner:
        yield from _choices(part, (*within, annotation))
