"""What pydantic refused, said in envkit's words: origin, setting, problem, hint, and no part of any value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from envkit.findings import Finding, did_you_mean
from envkit.settings.assembling import OUTSIDE, Problems
from envkit.settings.model import DEVELOPMENT, ENVIRONMENT_VARIABLE, NotDevelopmentError
from envkit.settings.sources import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.settings.plan import Plan, Slot
    from envkit.settings.sources import Found, Gathered


def add_rejection(
    plan: Plan,
    details: Any,
    gathered: Gathered,
    data: dict[str, Any],
    problems: Problems,
) -> None:
    """Adds what pydantic says of one place, unless a better message stands there already.

    Args:
        plan: the plan that was loaded.
        details: one entry of `ValidationError.errors(include_input=False)`.
        gathered: what the sources had, for origins and for names that may have been misspelt.
        data: what pydantic validated, so that no message shows any of it.
        problems: where the finding is put.
    """
    index = slot_at(plan, details["loc"])
    if index in gathered.failed:
        return
    if any(failed in gathered.failed for failed in _inside(plan, index)):
        return
    finding = _rejection(plan, index, details, gathered, data)
    known = problems.setdefault(OUTSIDE if index is None else index, [])
    if finding not in known:
        known.append(finding)


def add_broken_check(plan: Plan, error: Exception, problems: Problems) -> None:
    """Adds that a check of the class raised what it was not meant to; its message may hold a value."""
    problems.setdefault(OUTSIDE, []).append(_broken_check(plan, error))


def slot_at(plan: Plan, location: tuple[str | int, ...]) -> int | None:
    """The slot of the innermost field that `location` passes through."""
    best = None
    for length in range(1, len(location) + 1):
        best = plan.by_location.get(tuple(map(str, location[:length])), best)
    return best


def _inside(plan: Plan, index: int | None) -> list[int]:
    if index is None:
        return []
    path = plan.slots[index].path
    return [i for i, slot in enumerate(plan.slots) if slot.path[: len(path)] == path and i != index]


def _rejection(
    plan: Plan,
    index: int | None,
    details: dict[str, Any],
    gathered: Gathered,
    data: dict[str, Any],
) -> Finding:
    """The finding for one entry at a slot, or of a check of the whole class where there is none."""
    class_name = plan.model.__name__
    if index is None:
        return Finding(class_name, "", _own_words(details, list(_texts(data)), _secrets(plan, data), secret=True))
    slot = plan.slots[index]
    if details["type"] == "missing" and len(details["loc"]) == len(slot.path) and index not in gathered.found:
        return _missing(plan, index, gathered)
    found = _nearest(plan, slot, gathered)
    name = gathered.found[index][0] if index in gathered.found else slot.name
    problem, hint = _in_words(slot, details, data, _secrets(plan, data))
    place = _place_inside(slot, details["loc"])
    return Finding(str(origin_of(found)) if found else class_name, name, f"{place}{problem}", hint)


def _broken_check(plan: Plan, error: Exception) -> Finding:
    if isinstance(error, NotDevelopmentError):
        return Finding(
            plan.model.__name__, "", str(error), f"set every such setting, or say {ENVIRONMENT_VARIABLE}={DEVELOPMENT}"
        )
    place, trace = "", error.__traceback__
    while trace is not None:
        if not (file := trace.tb_frame.f_code.co_filename).startswith("<"):  # such as <frozen os>
            place = f" at {file}:{trace.tb_lineno}"
        trace = trace.tb_next
    problem = f"the class's own check raised {type(error).__name__}{place}; its message is withheld"
    return Finding(plan.model.__name__, "", problem, "a check refuses a value by ValueError")


def _missing(plan: Plan, index: int, gathered: Gathered) -> Finding:
    """Says where the setting stands empty, names a misspelt candidate, or tells the ways to set it."""
    from envkit.settings.blanks import blank_of

    slot = plan.slots[index]
    meant = _misspelt(plan, slot, gathered)
    blank = blank_of(plan, index, gathered)
    if blank is not None:
        return Finding(blank.origin, blank.name, blank.problem, meant or blank.hint)
    broken = next(
        (
            f"{file.path}:{file.parsed.broken[slot.name]}"
            for file in gathered.env_files
            if slot.name in file.parsed.broken
        ),
        "",
    )
    hint = f"mend its line, {broken}" if broken else meant
    hint = hint or f"set {slot.name} in the environment or a .env file, or name its file in {slot.name}_FILE"
    return Finding(plan.model.__name__, slot.name, "is not set", hint)


def _misspelt(plan: Plan, slot: Slot, gathered: Gathered) -> str:
    """Asks for a name near the slot's that a `.env` file or the environment has; empty where there is none."""
    in_files = {
        name: f"at {file.path}:{line}"
        for file in gathered.env_files
        for name, line in {**file.parsed.broken, **file.parsed.lines}.items()
    }
    # The environment holds much that is nobody's mistake: on GitHub a GITHUB_ENV, which is no misspelt GITHUB_KEY.
    for places, closeness in (in_files, 0.75), (dict.fromkeys(sorted(gathered.exported), "in the environment"), 0.85):
        # By the name in upper case: setting names are case-sensitive, and people forget it.
        unknown = {
            name.upper(): f"{name} {place}"
            for name, place in places.items()
            if name not in plan.by_name and name not in plan.by_file_name
        }
        meant = did_you_mean(slot.name, tuple(unknown), closeness=closeness)
        if meant:
            return f"did you mean {unknown[meant.removeprefix('did you mean ').removesuffix('?')]}?"
    return ""


def _nearest(plan: Plan, slot: Slot, gathered: Gathered) -> Found | None:
    """What was found for the field, or for the nearest model around it, whose JSON may have held the field."""
    for length in range(len(slot.path), 0, -1):
        index = plan.by_path[slot.path[:length]]
        if index in gathered.found:
            return gathered.found[index]
    return None


def _place_inside(slot: Slot, location: tuple[str | int, ...]) -> str:
    """Which item of a list is meant; keys of a mapping are the user's text and are not shown."""
    if slot.shape != "list":
        return ""
    items = [part for part in location[len(slot.path) :] if isinstance(part, int)]
    return f"item {items[0] + 1} " if items else ""


_KNOWN: dict[str, tuple[str, str]] = {
    "bool_parsing": ("is not a boolean", "write true or false"),
    "bool_type": ("is not a boolean", "write true or false"),
    "int_parsing": ("is not a whole number", ""),
    "int_parsing_size": ("is a number with too many digits", ""),
    "int_from_float": ("is not a whole number", ""),
    "int_type": ("is not a whole number", ""),
    "float_parsing": ("is not a number", ""),
    "float_type": ("is not a number", ""),
    "finite_number": ("is not a finite number", ""),
    "decimal_parsing": ("is not a number", ""),
    "string_type": ("is not text", ""),
    "string_unicode": ("is not valid UTF-8", "write it in UTF-8, or base64 if it is binary"),
    "string_pattern_mismatch": ("does not have the required form", ""),
    "list_type": ("is not a list", 'write it with commas, or as JSON such as ["a", "b"]'),
    "tuple_type": ("is not a list", 'write it with commas, or as JSON such as ["a", "b"]'),
    "set_type": ("is not a list", 'write it with commas, or as JSON such as ["a", "b"]'),
    "dict_type": ("is not a JSON object", 'write it as JSON such as {"name": "value"}'),
    "model_type": ("is not a JSON object", 'write it as JSON such as {"name": "value"}'),
    "json_invalid": ("is not valid JSON", ""),
    "extra_forbidden": ("holds a key that the settings class does not have", ""),
    "missing": ("lacks a required part", ""),
    "uuid_parsing": ("is not a UUID", ""),
    "url_parsing": ("is not a URL", "write it as https://example.org/path"),
    "url_syntax_violation": ("is not a URL", "write it as https://example.org/path"),
    "date_parsing": ("is not a date", "write it as 2026-01-31"),
    "date_from_datetime_parsing": ("is not a date", "write it as 2026-01-31"),
    "datetime_parsing": ("is not a date and time", "write it as 2026-01-31T12:00:00Z"),
    "datetime_from_date_parsing": ("is not a date and time", "write it as 2026-01-31T12:00:00Z"),
    "time_parsing": ("is not a time", "write it as 12:30:00"),
    "time_delta_parsing": ("is not a duration", "write it as ISO 8601 such as PT30S"),
    "import_error": ("names nothing that can be imported", "write it as package.module:name"),
    "byte_size": ("is not a size", "write it as 16 MiB, 1.5GB or a plain number of bytes"),
    "byte_size_unit": ("is not a size", "write it as 16 MiB, 1.5GB or a plain number of bytes"),
}

_FROM_THE_CLASS = frozenset(
    # Messages of these say only what the class demands ("should be greater than 5").
    {
        "enum", "greater_than", "greater_than_equal", "less_than", "less_than_equal", "literal_error", "multiple_of",
        "string_too_long", "string_too_short", "too_long", "too_short", "url_scheme", "url_too_long",
    }
)  # fmt: skip


def _in_words(slot: Slot, details: dict[str, Any], data: dict[str, Any], secrets: list[str]) -> tuple[str, str]:
    kind = details["type"]
    if kind == "envkit":
        context = details["ctx"]
        return context["problem"], context["hint"]
    if kind in _KNOWN:
        return _KNOWN[kind]
    if kind in _FROM_THE_CLASS and not _shows(details["msg"], secrets):
        words = details["msg"].removeprefix("Input ").replace("Value ", "", 1)
        # Of a Secret's length pydantic speaks as of a list's.
        return words.replace("items after validation", "characters") if slot.shape == "text" else words, ""
    return _own_words(details, list(_texts(value_in(data, slot.path))), secrets, secret=slot.secret), ""


def _own_words(details: dict[str, Any], texts: list[str], secrets: list[str], *, secret: bool) -> str:
    """The message of the class's own check, unless a part of the value, or of any secret, may be in it."""
    message: str = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    # In a message about a plain setting, a short value such as "1" is more likely a coincidence than a quotation.
    shortest = 1 if secret else 4
    if not message or any(text in message for text in texts if len(text) >= shortest) or _shows(message, secrets):
        return f"is refused by the class's own check ({details['type']}); its message is withheld, it shows a value"
    return message


def _shows(message: str, secrets: list[str]) -> bool:
    """Whether some letters of a secret in a row are in the message, in whatever case, spelling or quotes."""
    shown = _letters(message)
    for secret in secrets:
        text = _letters(secret)
        if secret.strip() and len(text) < _SHORT and re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", message):
            return True
        # Any four letters of a long text are somewhere in a message by coincidence.
        length = _SHORT if len(text) <= _LONG else 8
        if any(text[start : start + length] in shown for start in range(len(text) - length + 1)):
            return True
    return False


_SHORT = 4
"""Fewer letters than these are in many a word, so that they are looked for as a word of their own."""
_LONG = 100


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _secrets(plan: Plan, data: dict[str, Any]) -> list[str]:
    """Every secret that a check may have seen: checks of other fields and of the class see them all."""
    found: list[str] = []
    for slot in plan.slots:
        if slot.key:
            found += (line for text in _texts(value_in(data, slot.path)) for line in _body_lines(text))
        elif slot.secret and not slot.children:
            found += _texts(value_in(data, slot.path) or slot.field.default)
    return found


def _body_lines(text: str) -> list[str]:
    """The lines between those of the armour, of the key in its normal form: that is what checks see."""
    from envkit.settings.private_key import KeyProblem, read_private_key

    try:
        text = read_private_key(text).text
    except KeyProblem:
        return []
    return [line for line in text.splitlines() if not line.startswith("-----")]


def value_in(data: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path within dictionaries; None where nothing does."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _texts(value: Any) -> Iterator[str]:
    """Every text within `value`, and the parts of multi-line ones."""
    if isinstance(value, str):
        yield value
        if "\n" in value:
            yield from (line for line in value.splitlines() if len(line) >= 8)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _texts(inner)
    elif hasattr(value, "get_secret_value"):
        yield from _texts(value.get_secret_value())
