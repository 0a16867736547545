"""Defaults fit only for development: taken there, and a problem each elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.findings import Finding
from envkit.settings.assembling import Problems, put
from envkit.settings.blanks import blank_of
from envkit.settings.model import DEVELOPMENT, ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envkit.settings.plan import Plan, Slot
    from envkit.settings.sources import Gathered


def apply_development_defaults(
    plan: Plan,
    gathered: Gathered,
    environ: Mapping[str, str],
    data: dict[str, Any],
    problems: Problems,
) -> None:
    """Takes the defaults fit only for development in development; elsewhere each is a problem."""
    development = is_development(environ, gathered)
    for index, slot in enumerate(plan.slots):
        if not slot.development or index in gathered.found or index in gathered.failed:
            continue
        inside: Any = data
        for part in slot.path[:-1]:
            inside = inside.get(part, {}) if isinstance(inside, dict) else {}
        if isinstance(inside, dict) and slot.path[-1] in inside:  # given as part of a nested model's JSON
            continue
        if len(slot.path) > 1 and not inside and not _is_wanted(plan, slot, data):
            continue
        put(data, slot.path, slot.field.default_factory.value)  # type: ignore[union-attr]  # a DevelopmentOnly
        if not development:
            blank = blank_of(plan, index, gathered)
            gathered.failed.add(index)
            problems.setdefault(index, []).append(
                Finding(
                    blank.origin if blank else plan.model.__name__,
                    blank.name if blank else slot.name,
                    f"{blank.problem if blank else 'is not set'}, and its default is fit only for development",
                    f"set {slot.name} in the environment, name its file in {slot.name}_FILE, "
                    f"or say {ENVIRONMENT_VARIABLE}={DEVELOPMENT}",
                )
            )


def _is_wanted(plan: Plan, slot: Slot, data: dict[str, Any]) -> bool:
    """Whether the nested model around `slot` is going to be made: not an optional one that nobody set."""
    outer = plan.slots[plan.by_path[slot.path[:1]]]
    return outer.required or outer.path[0] in data or outer.field.default_factory is outer.annotation


def is_development(environ: Mapping[str, str], gathered: Gathered) -> bool:
    """Whether ENVKIT_ENV says so: in the environment, or else in the strongest `.env` file that has it."""
    word = environ.get(ENVIRONMENT_VARIABLE) or next(
        (value for file in reversed(gathered.env_files) if (value := file.parsed.values.get(ENVIRONMENT_VARIABLE))),
        "",
    )
    return word == DEVELOPMENT
