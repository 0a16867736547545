"""The kinds of numbers: counts, sizes in bytes, times in seconds, and masks; and when something is done again."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

from envkit.deployment.kind import Kind, Wrong, of_form
from envkit.deployment.schedules import parse_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_PORT = 65535
_LEAST_CPUS, _MOST_CPUS = 0.01, 4096
_DIGITS_OF_CPUS = 9
"""Docker counts billionths, and docker-compose 1.29 refuses a tenth digit; the least is Docker's own."""
_YEARS_10 = 10 * 365 * 86400.0
_PETABYTE = 1024**5
_LONGEST_NUMBER = 64

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION_PIECE = r"([0-9]+(?:\.[0-9]+)?)\s*(ms|min|s|m|h|d|w)"
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?\s*(?:ms|min|s|m|h|d|w)\s*)+|[0-9]+(?:\.[0-9]+)?"
_BYTES = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)},
}
_SIZE = r"([0-9]+(?:\.[0-9]+)?)\s*([KkMmGgTt]?[Ii]?[Bb])?"


def _whole(minimum: int, maximum: int) -> Callable[[int], int]:
    def read(number: int) -> int:
        if not minimum <= number <= maximum:
            raise Wrong(f"must be from {minimum} to {maximum}")
        return number

    return read


def _cpus(number: float) -> float:
    if not (isfinite(number) and _LEAST_CPUS <= number <= _MOST_CPUS):
        raise Wrong(f"must be from {_LEAST_CPUS} to {_MOST_CPUS}")
    return round(float(number), _DIGITS_OF_CPUS)


def _duration(value: str | float) -> float:
    if isinstance(value, str):
        text = value.strip().lower()
        if len(text) > _LONGEST_NUMBER or not re.fullmatch(_DURATION, text):
            raise Wrong("must be a duration such as 30s, 15m, 2h, 90d or a number of seconds")
        pieces = re.findall(_DURATION_PIECE, text)
        seconds = sum(float(n) * _SECONDS[unit] for n, unit in pieces) if pieces else float(text)
    else:
        seconds = float(value)
    if not (isfinite(seconds) and 0 <= seconds <= _YEARS_10):
        raise Wrong("must be a duration from 0 to ten years")
    return seconds


def _size(value: str | int) -> int:
    if isinstance(value, str):
        found = re.fullmatch(_SIZE, value.strip()) if len(value) <= _LONGEST_NUMBER else None
        if not found or (found[2] or "").lower() not in _BYTES:
            raise Wrong("must be a size such as 16 MiB, 1MB or a number of bytes")
        value = int(float(found[1]) * _BYTES[(found[2] or "").lower()]) if found[2] else _bytes(found[1])
    if not 1 <= value <= _PETABYTE:
        raise Wrong("must be a size from 1 byte to 1024 TiB")
    return value


def _bytes(text: str) -> int:
    if "." in text:
        raise Wrong("must be a whole number of bytes", "give the unit: 1.5 MiB")
    return int(text)


def _schedule(text: str) -> str:
    try:
        parse_schedule(text)
    except ValueError as error:
        problem = str(error)
    else:
        return " ".join(text.lower().split())
    raise Wrong(problem)


NUMBER_KINDS: dict[str, Kind] = {
    "count": Kind(_whole(1, 10_000), minimum=1, maximum=10_000),
    "whole": Kind(_whole(0, 2**31 - 1), minimum=0, maximum=2**31 - 1),
    "port": Kind(_whole(1, LAST_PORT), minimum=1, maximum=LAST_PORT),
    "cpus": Kind(_cpus, minimum=_LEAST_CPUS, maximum=_MOST_CPUS),
    "duration": Kind(_duration, rf"\s*(?:{_DURATION})\s*", minimum=0, maximum=_YEARS_10, units=True),
    "size": Kind(_size, rf"\s*{_SIZE}\s*", minimum=1, maximum=_PETABYTE, units=True),
    "umask": of_form(r"0?[0-7]{3}", "must be a file mode mask of three octal digits, such as 007"),
    "schedule": Kind(_schedule),
}
