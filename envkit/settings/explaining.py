"""Explaining: for each loaded setting its origin, what it overrode, what was repaired; values stay masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from envkit.settings.blanks import blank_of
from envkit.settings.histories import history_of
from envkit.settings.plan import value_at
from envkit.settings.sources import origin_of
from envkit.settings.types import PrivateKey, Secret, characters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from envkit.settings.plan import Plan
    from envkit.settings.sources import Found, Gathered


class Explained(NamedTuple):
    """One setting's history."""

    name: str
    origin: str
    """Where the value was found: `environment`, `.env:12`, a path, `keyword` or `default`."""
    overrode: tuple[str, ...]
    """Weaker origins that had a value too, the strongest first."""
    repairs: tuple[str, ...]
    """What was done to get the value back, in words."""
    shape: str
    """The kind and size of the value, never the value."""


class Explanation(NamedTuple):
    """The history of all settings of one instance; it holds no value, so it may be printed and logged.

    `str` gives a table of SETTING, ORIGIN, VALUE (kind and size alone) and NOTES, a line for each setting.

    Attributes:
        settings: one entry for each setting, in the model's order, with `name`, such as ``DATABASE_URL``; `origin`:
            ``environment``, ``.env:12``, a path, ``keyword`` or ``default``; `overrode`: weaker origins that had a
            value too, the strongest first; `repairs`: what was done to get the value back, in words; `shape`: kind and
            size, such as ``text, 12 characters`` or ``not set``.
    """

    settings: tuple[Explained, ...]

    def __str__(self) -> str:
        rows = [("SETTING", "ORIGIN", "VALUE", "NOTES")]
        for entry in self.settings:
            notes = [f"overrode {', '.join(entry.overrode)}"] if entry.overrode else []
            rows.append((entry.name, entry.origin, entry.shape, "; ".join([*notes, *entry.repairs])))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(_line(row, widths) for row in rows)


def _line(row: tuple[str, str, str, str], widths: list[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
    return "  ".join([*cells, row[3]]).rstrip()


def explain(settings: BaseModel) -> Explanation:
    """Tells where each setting of `settings` came from.

    Args:
        settings: what `load_settings` returned.

    Returns:
        The history, which prints as a table.

    Raises:
        ValueError: the instance was not made by `load_settings` (a copy, or built by hand).
    """
    plan, gathered = history_of(settings)
    found = gathered.found
    return Explanation(
        tuple(
            Explained(
                name=slot.name,
                origin=str(origin_of(found[index])) if index in found else "default",
                overrode=tuple(str(origin) for origin in gathered.overrode.get(index, ())),
                repairs=(*_repairs(value_at(settings, slot)), *_note(found.get(index)), *_blank(plan, index, gathered)),
                shape=_shape(value_at(settings, slot)),
            )
            for index, slot in enumerate(plan.slots)
            if not slot.children or index in found
        )
    )


def _note(found: Found | None) -> Iterator[str]:
    if found is not None and found[3]:
        yield found[3]


def _blank(plan: Plan, index: int, gathered: Gathered) -> Iterator[str]:
    """Where a setting that has its default stands empty, as the error of one without a default would say."""
    blank = blank_of(plan, index, gathered)
    if blank is not None:
        yield f"{blank.origin}: {blank.name} {blank.problem}"


def _repairs(value: Any) -> Iterator[str]:
    if isinstance(value, PrivateKey):
        yield from value.repairs


def _shape(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, PrivateKey):
        return f"{value.kind}, {characters(value.get_secret_value())}"
    if isinstance(value, Secret):
        return str(value) if not hasattr(value, "scheme") else f"database URL, {characters(value.get_secret_value())}"
    if isinstance(value, str):
        return f"text, {characters(value)}"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__
