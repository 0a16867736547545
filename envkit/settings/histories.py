"""What is kept beside loaded settings for as long as they live, so that `explain` can tell their history."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from envkit.settings.plan import Plan
    from envkit.settings.sources import Gathered


def remember(settings: BaseModel, plan: Plan, gathered: Gathered) -> None:
    """Keeps the history outside the instance: nothing of it is in its comparison, copies or dumps."""
    key = id(settings)

    def forget(_: weakref.ref[Any], histories: dict[int, Any] = _histories) -> None:
        histories.pop(key, None)

    _histories[key] = (weakref.ref(settings, forget), (plan, gathered))


def history_of(settings: BaseModel) -> tuple[Plan, Gathered]:
    """The history of an instance that `load_settings` made.

    Raises:
        ValueError: another made it (it is a copy, or built by hand).
    """
    known = _histories.get(id(settings))
    if known is None or known[0]() is not settings:
        raise ValueError(f"this {type(settings).__name__} was not made by load_settings, so nothing is known of it")
    return known[1]


_histories: dict[int, tuple[weakref.ref[Any], tuple[Plan, Gathered]]] = {}
"""By identity, as settings with lists in them cannot be hashed; an entry goes when its settings go."""
