"""Choices that are no text, such as those of ``Literal[1, 2]``, found by the text that a source has for one."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from envkit.settings.annotations import meant
from envkit.settings.rejections import slot_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.settings.plan import Plan

_REFUSED = frozenset({"literal_error", "enum"})
_SPELT = (bool, int, float, bytes)
"""Kinds of choices that text can name; pydantic reads text as one of them outside of a Literal or Enum."""


def take_choices(plan: Plan, rejected: list[Any], data: dict[str, Any]) -> bool:
    """Puts the choice itself in place of each refused text that names one.

    pydantic compares what it is given with each choice as it is, and no text equals a number.

    Args:
        plan: of the model.
        rejected: entries of `ValidationError.errors()`.
        data: what pydantic validated, which is changed.

    Returns:
        Whether anything was put there, so that validating again may end otherwise.
    """
    changed = False
    for details in rejected:
        index = slot_at(plan, details["loc"]) if details["type"] in _REFUSED else None
        if index is None:
            continue
        slot = plan.slots[index]
        first = slot.path[0]
        inside = (*slot.path[1:], *details["loc"][len(slot.path) :])
        value = data.get(first)
        data[first] = _with_choice(value, inside, slot.annotation)
        changed = changed or data[first] is not value
    return changed


def _with_choice(value: Any, path: tuple[str | int, ...], annotation: Any) -> Any:
    """`value` with the choice at the end of the path, or itself; it may be the caller's own, and is not changed.

    A path through a union ends with the name of one of its members.
    """
    if isinstance(value, str):
        return _named(value, annotation)
    if path and isinstance(value, dict) and path[0] in value:
        inner = _with_choice(value[path[0]], path[1:], annotation)
        return value if inner is value[path[0]] else {**value, path[0]: inner}
    if path and isinstance(value, list) and isinstance(path[0], int):
        inner = _with_choice(value[path[0]], path[1:], annotation)
        return value if inner is value[path[0]] else [*value[: path[0]], inner, *value[path[0] + 1 :]]
    return value


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
