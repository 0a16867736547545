"""Where readers disagree: every line of a text that two of them see differently, or that one of them refuses."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.channel import Binding
from envkit.channels.statements import normalised, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.channels.channel import Channel, Reading
    from envkit.findings import Finding

_LINE = re.compile(r"line (\d+)")
_LONE_CR = re.compile(r"\r(?!\n)")
_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")

Seen = tuple[tuple[str, str], ...]
"""Names and values that begin on one line."""


class View(NamedTuple):
    """What some readers see on one line; its `repr` may hold values."""

    readers: tuple[str, ...]
    seen: Seen
    problem: str = ""
    """What the reader does instead, in words without any value."""
    rule: str = ""
    refuses: bool = False
    """The reader stops here, with an error."""


class Difference(NamedTuple):
    """One line that not all readers see alike."""

    line: int
    views: tuple[View, ...]
    """At least two, or one that refuses; in the order of the readers."""


class Followed(NamedTuple):
    """What one reader makes of a whole text, read on behind every line at which it would stop."""

    bindings: list[Binding]
    notes: dict[int, Finding]
    """Line to what the reader has to say of it."""
    stops: frozenset[int]
    """Lines at which it refuses the text."""


def is_line_reader(channel: Channel) -> bool:
    """Whether the channel's program reads ``NAME=value`` lines, so that it can be compared with others."""
    return channel.read("NAME=x\n", {}).values() == {"NAME": "x"}


def compare(text: str, readers: Sequence[Channel]) -> list[Difference]:
    """Every line on which two of `readers` see different values, or which one of them refuses, in linear time.

    The readers' own environment counts as empty. Names without a value are not compared: what they mean depends on
    that environment.
    """
    followed = {reader.name: follow(reader, text) for reader in readers}
    first = next(iter(followed.values())).bindings
    disputed = stops = {line for one in followed.values() for line in one.stops}
    for one in followed.values():
        if one.bindings != first:
            disputed = disputed | {line for _, _, line in set(first).symmetric_difference(one.bindings)}
    if not disputed:
        return []
    by_line = {name: _by_line(one, disputed) for name, one in followed.items()}
    differences = []
    for line in sorted(disputed):
        seen = {name: one.get(line, ()) for name, one in by_line.items()}
        if len(set(seen.values())) > 1 or line in stops:
            differences.append(Difference(line, _views(line, seen, followed)))
    return differences


def follow(reader: Channel, text: str) -> Followed:
    """Reads `text`; where `reader` stops, goes on behind the statement at fault, so that later faults show too.

    Behind a stop the text is read in pieces that double in length, so that the work stays linear however many stops
    there are.
    """
    reading = reader.read(text, {})
    bindings, notes, stops = list(reading.bindings), _notes(reading, 0), set[int]()
    if not reading.fatal:
        return Followed(bindings, notes, frozenset())
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    firsts = [part.line for part in statements(normalised(text))]
    line, size = _stop(reading, 0, stops), 1
    if "\r" in text and _LONE_CR.search(text):  # readers count its lines differently
        return Followed(bindings, notes, frozenset(stops))
    known = {name: value for name, value, _ in bindings if value is not None}
    while (index := bisect_right(firsts, line)) < len(firsts):
        beyond = min(index + size, len(firsts))
        begin = firsts[index] - 1
        end = starts[firsts[beyond] - 1] if beyond < len(firsts) else len(text)
        piece = text[starts[begin] : end]
        reading = reader.read(piece, {name: known[name] for name in _REFERENCE.findall(piece) if name in known})
        bindings += [Binding(name, value, number + begin) for name, value, number in reading.bindings]
        known.update((name, value) for name, value, _ in reading.bindings if value is not None)
        notes.update(_notes(reading, begin))
        if reading.fatal:
            line, size = _stop(reading, begin, stops), 1
        else:
            line, size = firsts[beyond - 1], size * 2
    return Followed(bindings, notes, frozenset(stops))


def _stop(reading: Reading, before: int, stops: set[int]) -> int:
    """The line at which the reader stopped, which is added to `stops`."""
    places = [int(found[1]) for finding in reading.findings if (found := _LINE.fullmatch(finding.origin))]
    line = before + (places[-1] if places else 1)
    stops.add(line)
    return line


def _notes(reading: Reading, before: int) -> dict[int, Finding]:
    return {
        int(found[1]) + before: finding for finding in reading.findings if (found := _LINE.fullmatch(finding.origin))
    }


def _by_line(followed: Followed, wanted: set[int]) -> dict[int, Seen]:
    found: dict[int, list[tuple[str, str]]] = {}
    for name, value, line in followed.bindings:
        if line in wanted and value is not None:
            found.setdefault(line, []).append((name, value))
    return {line: tuple(seen) for line, seen in found.items()}


def _views(line: int, seen: dict[str, Seen], followed: dict[str, Followed]) -> tuple[View, ...]:
    views: dict[tuple[Seen, str, bool], View] = {}
    for name, values in seen.items():
        note = followed[name].notes.get(line)
        refuses = line in followed[name].stops
        # The words for an expansion name what is expanded, which may be a part of a password.
        problem = "" if note is None else "expands a $" if note.rule == "expands" else note.problem
        if not refuses and values:
            problem = ""
        key = (values, problem, refuses)
        known = views.get(key)
        rule = note.rule if note else ""
        views[key] = View((*known.readers, name) if known else (name,), values, problem, rule, refuses)
    return tuple(views.values())
