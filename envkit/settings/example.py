"""The `.env.example` of a settings class: every setting with its description, type, default and whether it is required.

It is written so that every reader of `.env`-like files takes it alike: comments on lines of their own, values without
quotes, and nothing in them that any of these readers expands, cuts or refuses.
"""

from __future__ import annotations

import datetime as dt
import re
import types
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import PurePath
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ByteSize, SecretBytes, SecretStr

from envkit.generated import head
from envkit.settings.annotations import meant
from envkit.settings.model import DevelopmentOnly
from envkit.settings.plan import Slot, plan_of
from envkit.settings.types import DatabaseUrl, Duration, PrivateKey, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 110


def example(model: type[BaseModel], source: str, *, command: str = "envkit example") -> str:
    """The text of a `.env.example`.

    A required setting stands there with nothing behind its `=`, which counts as unset; an optional one is commented
    out, with its default. No default of a secret is shown.

    Args:
        model: the settings class.
        source: what the header names as the file's origin, such as `teams_app.settings:AppSettings`.
        command: how the file is made again, for the header.
    """
    plan = plan_of(model)
    lines = [
        head(command, source),
        "#",
        "# Copy this to .env, which git must ignore, and fill it in. NAME_FILE may name a file that holds the value.",
    ]
    for slot in plan.slots:
        if not slot.children:  # a nested model is given by the settings of its fields
            lines += ["", *_entry(model, slot)]
    return "\n".join(lines) + "\n"


def _entry(model: type[BaseModel], slot: Slot) -> Iterator[str]:
    for paragraph in (slot.field.description or "").splitlines():
        yield from _comment(paragraph)
    optional = _is_optional(model, slot)
    words = _in_words(slot.annotation)
    facts = [(words if _has_units(slot) else words.replace(_DURATION, _PLAIN_DURATION)) + _limits(slot)]
    if slot.development:
        facts.append("required outside development")
    else:
        facts.append("optional" if optional else "required")
    default = _default(slot)
    written = default is not None and _PORTABLE.fullmatch(default) is not None
    if default:
        facts.append(f"default {default if written else _quoted(default)}")
    if len(slot.names) > 1:
        facts.append(f"also read as {', '.join(slot.names[1:])}")
    yield from _comment("; ".join(facts))
    mark = "# " if optional else ""
    yield f"{mark}{slot.name}={default if written and not slot.development else ''}"


def _comment(text: str) -> Iterator[str]:
    # A backslash at the end of a comment continues it for systemd: the next line would be part of it.
    for line in wrap(" ".join(text.split()), _WIDTH - 2, break_long_words=False, break_on_hyphens=False):
        yield f"# {line}".rstrip("\\")


def _is_optional(model: type[BaseModel], slot: Slot) -> bool:
    """Whether the app starts without it: it has a default, or stands inside a nested model that has one."""
    if slot.development:
        return False
    if not slot.required:
        return True
    inside: Any = model
    for part in slot.path[:-1]:
        field = inside.model_fields[part]
        if not field.is_required():
            return True
        inside = next((kind for kind in _members(field.annotation) if isinstance(kind, type)), inside)
    return False


_PORTABLE = re.compile(r"[A-Za-z0-9_./:@%+,-]*")
"""What every reader of `.env`-like files takes as it stands, without quotes."""


def _default(slot: Slot) -> str | None:
    """The default as text, or None where there is none or it must not be shown."""
    factory = slot.field.default_factory
    if slot.secret or slot.required or (factory is not None and not isinstance(factory, DevelopmentOnly)):
        return None
    value = factory.value if isinstance(factory, DevelopmentOnly) else slot.field.default
    if isinstance(value, dt.timedelta) and not _has_units(slot):
        return f"{'-' * (value < dt.timedelta())}PT{_plain(abs(value.total_seconds()))}S"
    return None if hasattr(value, "get_secret_value") else _as_text(value)


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return _as_text(value.value)
    if isinstance(value, dt.timedelta):
        return f"{_plain(value.total_seconds())}s"
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (int, float, str, PurePath)):
        return str(value)
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int)) for item in value):
        items = [_as_text(item) or "" for item in value]
        return None if any("," in item for item in items) else ",".join(items)
    return None


def _plain(number: float) -> str:
    """The number without an exponent, which no duration has."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


# --- types in words -------------------------------------------------------------------------------------------------

_DURATION = "duration such as 30s, 15m or 2h"
_PLAIN_DURATION = "duration as ISO 8601 such as PT30S"
_WORDS: tuple[tuple[type[Any], str], ...] = (
    # Of a class and its parent, the class first.
    (PrivateKey, "private key, PEM or PGP, its newlines written as \\n"),
    (DatabaseUrl, "secret, database URL such as postgresql://user:password@host:5432/name"),
    (Secret, "secret"),
    (SecretStr, "secret"),
    (SecretBytes, "secret"),
    (bool, "true or false"),
    (ByteSize, "size such as 16MiB"),
    (int, "whole number"),
    (float, "number"),
    (str, "text"),
    (bytes, "text"),
    (PurePath, "path"),
    (dt.timedelta, _DURATION),
    (dt.datetime, "date and time such as 2026-01-31T12:00:00Z"),
    (dt.date, "date such as 2026-01-31"),
    (dt.time, "time such as 12:30:00"),
    (BaseModel, "JSON object"),
    (Mapping, "JSON object"),
)


def _in_words(annotation: Any, within: tuple[Any, ...] = ()) -> str:
    if annotation in within:  # such as of type Json = dict[str, Json] | list[Json] | str
        return "text"
    return " or ".join(
        dict.fromkeys(_member_in_words(member, (*within, annotation)) for member in _members(annotation))
    )


def _has_units(slot: Slot) -> bool:
    """Whether a duration is a `Duration`; pydantic's own is read otherwise."""
    (mark,) = Duration.__metadata__  # type: ignore[attr-defined]  # of every Annotated
    return mark in slot.field.metadata or mark in _marks(slot.annotation)


def _marks(annotation: Any, within: tuple[Any, ...] = ()) -> Iterator[Any]:
    if annotation in within:
        return
    yield from getattr(meant(annotation), "__metadata__", ())
    for argument in get_args(meant(annotation)):
        yield from _marks(argument, (*within, annotation))


def _members(annotation: Any) -> list[Any]:
    """The members of a union but None, without what Annotated adds."""
    annotation = meant(annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return [part for argument in get_args(annotation) if argument is not type(None) for part in _members(argument)]
    return [annotation]


def _member_in_words(member: Any, within: tuple[Any, ...]) -> str:
    kind = get_origin(member) or member
    if kind is Literal:
        return _one_of(get_args(member))
    if not isinstance(kind, type):
        return "text"
    if issubclass(kind, Enum):
        return _one_of([choice.value for choice in kind])
    for known, words in _WORDS:
        if issubclass(kind, known):
            return words
    if issubclass(kind, Collection):
        items = [_in_words(argument, within) for argument in get_args(member) if argument is not Ellipsis]
        return (
            f"list, separated by commas, each: {items[0]}"
            if items and items[0] != "text"
            else "list, separated by commas"
        )
    return kind.__name__.lower()


def _one_of(choices: Collection[Any]) -> str:
    texts = [_as_text(choice) or "" for choice in choices]
    return f"one of {', '.join(texts)}" if len(texts) > 1 else "".join(texts)


def _limits(slot: Slot) -> str:
    """The bounds that the field's metadata states, of numbers and lengths."""
    stated: dict[str, Any] = {}
    for mark in slot.field.metadata:
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            if getattr(mark, name, None) is not None:
                stated[name] = getattr(mark, name)
    words = {
        "ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}",
        "min_length": "at least {} long", "max_length": "at most {} long",
    }  # fmt: skip
    parts = [words[name].format(_as_text(limit) or limit) for name, limit in stated.items()]
    return "".join(f", {part}" for part in parts)
