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


def history_of(settings: BaseModel) -> tuple[Plan, Gathered] | None:
    """The history of an instance that `load_settings` made; None for a copy, or one built by hand."""
    known = _histories.get(id(settings))
    return known[1] if known is not None and known[0]() is settings else None


_histories: dict[int, tuple[weakref.ref[Any], tuple[Plan, Gathered]]] = {}
"""By identity, as settings with lists in them cannot be hashed; an entry goes when its settings go."""
