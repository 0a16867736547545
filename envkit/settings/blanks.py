"""Where a setting that counts as not set stands empty; only asked when something is missing, or explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.settings.plan import Plan
    from envkit.settings.sources import Gathered


class Blank(NamedTuple):
    """One place where a setting, or the name of its file, is without a value."""

    origin: str
    name: str
    """The setting's name as it stands there, or its NAME_FILE."""
    problem: str
    hint: str


def blank_of(plan: Plan, index: int, gathered: Gathered) -> Blank | None:
    """The strongest of the places where a slot that no source has stands empty, or None.

    Args:
        plan: what was gathered for.
        index: the slot's.
        gathered: what the sources had; for this slot it is nothing.
    """
    if index in gathered.found or index in gathered.failed:
        return None
    return next(_blanks(plan, index, gathered), None)


def _blanks(plan: Plan, index: int, gathered: Gathered) -> Iterator[Blank]:
    names = plan.slots[index].names
    pointers = [f"{name}_FILE" for name in names if f"{name}_FILE" in plan.by_file_name]
    give = "give it a value"
    if pointers:
        give += f", or name its file in {pointers[0]}"
    point = f"name the file there, or set {names[0]}"
    # The environment's own values are not kept: what is there and was not taken is empty.
    for name in names:
        if name in gathered.exported:
            yield Blank("environment", name, _EMPTY, give)
    if index in gathered.emptied:
        yield Blank(str(gathered.emptied[index]), names[0], _EMPTY, "write the value into it")
    for name in pointers:
        if name in gathered.exported:
            yield Blank("environment", name, _EMPTY, point)
    for file in reversed(gathered.env_files):
        for name in (*names, *pointers):
            if name in file.parsed.values:
                problem = _BARE if file.parsed.values[name] is None else _EMPTY
                hint = point if name in pointers else give
                yield Blank(f"{file.path}:{file.parsed.lines[name]}", name, problem, hint)


_EMPTY = "is empty, which counts as not set"
_BARE = "stands without a value, which counts as not set"
