"""Texts that are not UTF-8, found where pydantic cannot put its errors into words because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.settings.rejections import value_in
from envkit.settings.types import is_undecodable

if TYPE_CHECKING:
    from envkit.settings.plan import Plan


def refuse_undecodable(plan: Plan, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries as of `ValidationError.errors()` for each setting whose text holds bytes that are not UTF-8.

    A message that quotes one cannot leave pydantic.
    """
    return [
        {"type": "string_unicode", "loc": slot.path, "msg": ""}
        for slot in plan.slots
        if not slot.children and _holds_undecodable(value_in(data, slot.path))
    ]


def _holds_undecodable(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_undecodable, (*value, *value.values())))
    if isinstance(value, (list, tuple)):
        return any(map(_holds_undecodable, value))
    return isinstance(value, str) and is_undecodable(value)
