"""Which keys of the description hold the texts that a language refuses: quoting sees a text, but not its key."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from envkit.deployment.errors import DescriptionError, Place, dotted
from envkit.findings import Finding
from envkit.rendering.quoting import CannotQuote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envkit.deployment.model import Deployment
    from envkit.targets.artifacts import Rendering

_ODD = re.compile(r"[^A-Za-z0-9_./:-]")
"""What no language refuses is of other characters."""


def refusals(
    deployment: Deployment, name: str, render: Callable[[Deployment], Rendering], refused: CannotQuote
) -> list[Finding]:
    """A finding for each key, in the order of the model; one without a key where none holds the text.

    Rendering stops at the first text that is refused. So that text is made harmless, and the next one looked for.
    """
    found: dict[Place, Finding] = {}
    cured = deployment
    following: CannotQuote | None = refused
    while following is not None:
        odd = [(place, text) for place, text in _texts(cured) if _ODD.search(text) and place not in found]
        blamed = {place for place, text in odd if text == following.text}
        if not blamed and following.text:  # envkit joined it of several, or cut it out of one
            blamed = {place for place, text in odd if text in following.text or following.text in text}
        for place in blamed or {()}:
            found[place] = Finding(deployment.origin, dotted(place), f"target {name}: {following}")
        if not blamed:
            break
        cured = _cured(cured, blamed)
        following = _refused(render, cured)
    return [found[place] for place in ((), *(place for place, _ in _texts(deployment))) if place in found]


def _refused(render: Callable[[Deployment], Rendering], deployment: Deployment) -> CannotQuote | None:
    try:
        render(deployment)
    except CannotQuote as error:
        return error.with_traceback(None)
    except (DescriptionError, ValueError):
        pass  # what the harmless text alone brings about
    return None


def _cured(value: Any, places: set[Place], place: Place = ()) -> Any:
    """The description with harmless texts in these places."""
    if isinstance(value, str):
        return _ODD.sub("x", value) if place in places else value
    if isinstance(value, dict):
        return {name: _cured(item, places, (*place, name)) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_cured(item, places, (*place, index)) for index, item in enumerate(value))
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: _cured(getattr(value, field.name), places, (*place, field.name)) for field in fields(value)
        }
        return replace(value, **changed)
    return value


def _texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text in the description with its place; a name of the user's choice counts as a text of its own."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*place, name), name
            yield from _texts(item, (*place, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _texts(item, (*place, index))
    elif is_dataclass(value):
        for field in fields(value):
            if field.metadata:  # else it is no key: where the description was read from
                yield from _texts(getattr(value, field.name), (*place, field.name))
