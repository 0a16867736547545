"""Assembling: what the sources had, with keyword overrides over it, becomes the dictionaries that pydantic takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.findings import Finding, did_you_mean
from envkit.settings.sources import Found, Gathered, Origin, origin_of

if TYPE_CHECKING:
    from envkit.settings.plan import Plan, Slot

Problems = dict[int, list[Finding]]
"""What is wrong, by the index of the slot it concerns."""
OUTSIDE = -1
"""The index under which problems stand that belong to no slot: before all others."""
_KEYWORD = Origin("keyword")


def assemble(plan: Plan, gathered: Gathered, overrides: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """Nested dictionaries for pydantic, by field names.

    Args:
        plan: of the model.
        gathered: what the sources had; what is not decoded, or is overridden, is noted there.
        overrides: values by field name.
        problems: where findings are put.
    """
    data: dict[str, Any] = {}
    found, slots = gathered.found, plan.slots
    for index in plan.containers:
        if slots[index].required:  # so that each missing setting inside it is named
            put(data, slots[index].path, {})
    for index in sorted(found):
        item = found[index]
        slot = slots[index]
        value: Any = item[1]
        if slot.shape != "text":
            value, problem = decode(slot, item)
            if problem is not None:
                problems.setdefault(index, []).append(problem)
                gathered.failed.add(index)
                continue
        path = slot.path
        if len(path) == 1:
            data[path[0]] = value
        else:
            put(data, path, value)
    if overrides:
        _override(plan, gathered, overrides, data, problems)
    return data


def put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Puts one value into the dictionaries, which are made where they are missing."""
    for part in path[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def decode(slot: Slot, item: Found) -> tuple[Any, Finding | None]:
    """A list from commas or JSON, anything else structured from JSON."""
    name, text, _, _ = item
    text = text.strip()
    if slot.shape == "list" and not _is_json_list(text):
        return [part for part in map(str.strip, text.split(",")) if part], None
    import json

    try:
        return json.loads(text), None
    except json.JSONDecodeError as error:
        problem = f"is not valid JSON at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "is not valid JSON at its depth"
    except ValueError:  # int() reads 4300 digits at most (sys.set_int_max_str_digits)
        return None, Finding(str(origin_of(item)), name, "holds a number with too many digits")
    hint = 'write it with commas, or as JSON such as ["a", "b"]' if slot.shape == "list" else "write it as JSON"
    return None, Finding(str(origin_of(item)), name, problem, hint)


def _is_json_list(text: str) -> bool:
    """Also one that lost its end, with the line breaks of JSON over several lines; `[::1], b.example` is none."""
    return text.startswith("[") and (text.endswith("]") or text[1:].lstrip()[:1] in ("", '"', "[", "{"))


def _override(
    plan: Plan,
    gathered: Gathered,
    overrides: dict[str, Any],
    data: dict[str, Any],
    problems: Problems,
) -> None:
    """Puts keyword overrides over what the sources had."""
    for field_name, value in overrides.items():
        index = plan.by_path.get((field_name,))
        if index is None:
            fields = [slot.path[0] for slot in plan.slots if len(slot.path) == 1]
            problems.setdefault(OUTSIDE, []).append(
                Finding("keyword", field_name, "no such field", did_you_mean(field_name, fields))
            )
            continue
        slot = plan.slots[index]
        if isinstance(value, str) and slot.shape != "text":
            value, problem = decode(slot, (slot.name, value, _KEYWORD, ""))  # noqa: PLW2901  one value, decoded
            if problem is not None:
                problems.setdefault(index, []).append(problem)
                continue
        covered = [i for i, other in enumerate(plan.slots) if other.path[: len(slot.path)] == slot.path]
        for i in covered:
            if i in gathered.found:
                gathered.overrode.setdefault(i, []).insert(0, origin_of(gathered.found.pop(i)))
            gathered.failed.discard(i)
            problems.pop(i, None)
        gathered.found[index] = (slot.name, "", _KEYWORD, "")
        data[field_name] = value
