"""Schedules of processes: an interval (`every 48h`) or a cron line (`30 4 * * mon-fri`), read into one form.

A cron line means what crontab(5) of Debian's cron says: where the day of the month and the day of the week are both
restricted, either is enough; a field that begins with `*` restricts nothing in this sense.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Interval:
    """Again and again, so many seconds apart: minutes below an hour, hours below a day, or 1, 2, 3 or 7 days."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes that a cron line names; each field sorted, and complete where nothing is restricted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""
    either_day: bool
    """A day of the month or a day of the week is enough; otherwise both must hold."""


def parse_schedule(text: str) -> Interval | Cron:
    """The schedule that a text means.

    Raises:
        ValueError: it means none; the message says what is wrong, without the text.
    """
    words = text.lower().split()
    if words[:1] == ["every"]:
        return _interval("".join(words[1:]))
    if words and words[0].startswith("@"):
        if len(words) > 1 or words[0] not in _NICKNAMES:
            raise ValueError(f"has an @ word that is not one of {', '.join(_NICKNAMES)}")
        words = _NICKNAMES[words[0]].split()
    if len(words) != len(_FIELDS):
        raise ValueError("must be an interval such as every 48h, or a cron line of 5 fields such as 30 4 * * mon-fri")
    minutes, hours, days, months, weekdays = (_field(word, *field) for word, field in zip(words, _FIELDS, strict=True))
    either = not words[2].startswith("*") and not words[4].startswith("*")
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    if not either and not any(min(days) <= _DAYS_IN[month - 1] for month in months):
        raise ValueError("names a day that its months do not have")
    return Cron(minutes, hours, days, months, weekdays, either)


def last_due(schedule: Interval | Cron, now: datetime) -> datetime | None:
    """Since when there should have been a run: the last minute that a cron line names, or an interval ago.

    Args:
        schedule: the schedule.
        now: in the time of the machine whose schedule it is, without a zone.

    Returns:
        In the same time; None where a cron line has named none for ten years.
    """
    if isinstance(schedule, Interval):
        return now - timedelta(seconds=schedule.seconds)
    for back in range(_TEN_YEARS):
        day = now.date() - timedelta(days=back)
        if _names(schedule, day):
            for hour in reversed(schedule.hours):
                for minute in reversed(schedule.minutes):
                    due = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001  as `now`
                    if due <= now:
                        return due
    return None


_TEN_YEARS = 3653
"""Days: from one leap day to the next there are eight years at most."""


def _names(cron: Cron, day: date) -> bool:
    of_month, of_week = day.day in cron.days, day.isoweekday() % 7 in cron.weekdays
    return day.month in cron.months and ((of_month or of_week) if cron.either_day else (of_month and of_week))


def _interval(text: str) -> Interval:
    found = re.fullmatch(r"([1-9][0-9]{0,4})(m|min|h|d|w)", text)
    if found is None:
        raise ValueError("must be every and a whole number with a unit: every 15m, every 48h, every 7d")
    seconds = int(found[1]) * {"m": _MINUTE, "min": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}[found[2]]
    even = (
        (seconds < _HOUR and _HOUR % seconds == 0)
        or (seconds % _HOUR == 0 and seconds < _DAY and _DAY % seconds == 0)
        or seconds in _DAYS
    )
    if not even:
        raise ValueError(
            "must be an interval that divides an hour or a day evenly, or 1, 2, 3 or 7 days: every 15m, every 6h, "
            "every 48h; days of the month are for a cron line such as 0 4 1,15 * *"
        )
    return Interval(seconds)


_DAYS = tuple(days * _DAY for days in (1, 2, 3, 7))
"""Others than these drift through the months, which takes a calendar dozens of lines to say."""

_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)


def _field(text: str, name: str, first: int, last: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """The numbers that one field of a cron line names."""
    numbers: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(\*|[a-z0-9]{1,3})(?:-([a-z0-9]{1,3}))?(?:/([0-9]{1,2}))?", part)
        if found is None:
            raise ValueError(f"has a {name} that is no number, range, list or step")
        start, end, step = found[1], found[2], int(found[3] or 1)
        if step == 0 or (start == "*" and end) or (start != "*" and found[3] and not end):
            raise ValueError(f"has a step for the {name} that needs * or a range before it, and a number above 0 after")
        if start == "*":
            low, high = first, last
        else:
            low = _number(start, name, first, last, names)
            high = _number(end, name, first, last, names) if end else low
        if low > high:
            raise ValueError(f"has a range for the {name} that ends before it begins")
        numbers.update(range(low, high + 1, step))
    return tuple(sorted(numbers))


def _number(text: str, name: str, first: int, last: int, names: tuple[str, ...]) -> int:
    if text in names:
        return names.index(text) + first
    if text.isascii() and text.isdigit() and first <= int(text) <= last:
        return int(text)
    raise ValueError(f"has a {name} that is not from {first} to {last}")
