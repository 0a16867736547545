"""Schedules as `OnCalendar=` of systemd.timer(5): unlike its intervals, they catch up a missed run (`Persistent=`)."""

from __future__ import annotations

from datetime import date
from math import gcd
from typing import TYPE_CHECKING

from envkit.deployment.schedules import Cron, Interval, parse_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NIGHT = "04:00:00"
"""When whole days are counted from: at night, and in no time zone inside the hour that summer time leaves out."""


def on_calendar(schedule: str) -> list[str]:
    """The calendar expressions of a schedule (systemd.time(7)); each of them starts the process.

    An interval of several days goes on through the ends of months and years, for which it takes several expressions.

    Raises:
        ValueError: it is no schedule.
    """
    parsed = parse_schedule(schedule)
    return list(_interval(parsed.seconds)) if isinstance(parsed, Interval) else _cron(parsed)


def _interval(seconds: int) -> Iterator[str]:
    if seconds < _HOUR:
        yield f"*-*-* *:00/{seconds // _MINUTE}:00"
    elif seconds < _DAY:
        yield f"*-*-* 00/{seconds // _HOUR}:00:00"
    elif seconds == _DAY:
        yield f"*-*-* {_NIGHT}"
    elif seconds == len(_WEEKDAYS) * _DAY:
        yield f"{_WEEKDAYS[0]} *-*-* {_NIGHT}"
    else:
        yield from _days(seconds // _DAY)


def _days(step: int) -> Iterator[str]:
    """Each so many days, up to 2099, which is as far as every fourth year is a leap year.

    The days of the months are the same again after some times four years; the years in between of which each month
    begins alike share their expressions.
    """
    period = 4 * step // gcd(4 * 365 + 1, step)
    alike: dict[tuple[int, ...], list[int]] = {}
    for year in range(2000, 2000 + period):
        firsts = tuple(1 + -date(year, month, 1).toordinal() % step for month in range(1, 13))
        alike.setdefault(firsts, []).append(year)
    for firsts, in_years in alike.items():
        years = ",".join(f"{year}/{period}" for year in in_years)
        for first in sorted({*firsts}):
            months = _numbers(tuple(month for month, day in enumerate(firsts, start=1) if day == first), 12)
            # Written out: 252 jumps over the first of January after 01/7 (seen by systemd-analyze calendar).
            yield f"{years}-{months}-{_numbers(tuple(range(first, 32, step)), 31)} {_NIGHT}"


def _cron(cron: Cron) -> list[str]:
    time = f"{_numbers(cron.hours, 24)}:{_numbers(cron.minutes, 60)}:00"
    months = _numbers(cron.months, 12)
    days = f"*-{months}-{_numbers(cron.days, 31)} {time}"
    weekdays = "" if len(cron.weekdays) == len(_WEEKDAYS) else ",".join(_WEEKDAYS[day] for day in cron.weekdays) + " "
    if cron.either_day:
        return [days, f"{weekdays}*-{months}-* {time}"]
    return [f"{weekdays}{days}"]


def _numbers(numbers: tuple[int, ...], count: int) -> str:
    return "*" if len(numbers) == count else ",".join(f"{number:02}" for number in numbers)
