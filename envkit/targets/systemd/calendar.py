"""Schedules as `OnCalendar=` of systemd.timer(5): unlike its intervals, they catch up a missed run (`Persistent=`)."""

from __future__ import annotations

from envkit.deployment.schedules import Cron, Interval, parse_schedule

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NIGHT = "04:00:00"
"""When whole days are counted from: at night, and in no time zone inside the hour that summer time leaves out."""


def on_calendar(schedule: str) -> list[str]:
    """The calendar expressions of a schedule (systemd.time(7)); each of them starts the process.

    An interval of several days is counted from the first of each month: runs are never further apart, and nearer at
    the end of a month.

    Raises:
        ValueError: it is no schedule.
    """
    parsed = parse_schedule(schedule)
    if isinstance(parsed, Interval):
        return [_interval(parsed.seconds)]
    return _cron(parsed)


def _interval(seconds: int) -> str:
    if seconds < _HOUR:
        return f"*-*-* *:00/{seconds // _MINUTE}:00"
    if seconds < _DAY:
        return f"*-*-* 00/{seconds // _HOUR}:00:00"
    # Written out: 252 jumps over the first of January after 01/7 (seen by systemd-analyze calendar).
    days = _numbers(tuple(range(1, 32, seconds // _DAY)), 31)
    return f"*-*-{days} {_NIGHT}"


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
