"""Schedules as calendar expressions: what systemd says of the times at which they elapse."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit.deployment.schedules import parse_schedule
from envkit.targets.systemd.calendar import on_calendar

START = dt.datetime(2027, 1, 28, 12, 30, tzinfo=dt.UTC)


def elapses(expressions, count):
    """The first `count` times after START at which systemd lets any of the expressions elapse."""
    times = set()
    for expression in expressions:
        command = ["systemd-analyze", "calendar", "--base-time=2027-01-28 12:30:00 UTC", f"--iterations={count}"]
        done = subprocess.run(
            [*command, expression],
            capture_output=True,
            text=True,
            check=True,
            env={"TZ": "UTC", "PATH": "/usr/bin:/bin"},
        )
        for text in re.findall(r"(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w+ ([-0-9]+ [0-9:]+) UTC", done.stdout):
            times.add(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC))
    return sorted(times)[:count]


def cron_times(cron, count):
    """The first `count` minutes after START that a cron line names, found by trying each."""
    time, found = START, []
    while len(found) < count and time < START + dt.timedelta(days=366 * 60):
        time += dt.timedelta(minutes=1)
        month, weekday = time.day in cron.days, time.isoweekday() % 7 in cron.weekdays
        if time.month not in cron.months or not (month or weekday if cron.either_day else month and weekday):
            time = time.replace(hour=23, minute=59)
        elif time.hour in cron.hours and time.minute in cron.minutes:
            found.append(time)
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("every 1w", ["Sun *-*-* 04:00:00"]),
        ("every 1d", ["*-*-* 04:00:00"]),
        ("every 6h", ["*-*-* 00/6:00:00"]),
        ("every 15m", ["*-*-* *:00/15:00"]),
        ("30 4 * * mon-fri", ["Mon,Tue,Wed,Thu,Fri *-*-* 04:30:00"]),
        ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
        ("*/30 * 1 1,7 *", ["*-01,07-01 *:00,30:00"]),
    ],
)
def test_expressions(schedule, expected):
    """Each schedule gives these expressions."""
    assert on_calendar(schedule) == expected


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize(
    ("schedule", "hours"), [("every 48h", 48), ("every 72h", 72), ("every 1w", 168), ("every 6h", 6)]
)
def test_so_far_apart(schedule, hours):
    """Runs of an interval are as far apart as it says, through the ends of months, of years and of a February."""
    times = elapses(on_calendar(schedule), 250)
    assert len(times) == 250
    assert {b - a for a, b in pairwise(times)} == {dt.timedelta(hours=hours)}


@pytest.mark.parametrize("days", [2, 3])
def test_every_year(days):
    """Of several days, one of the expressions names each day so many days after another, until the century ends."""
    named = set()
    for expression in on_calendar(f"every {days}d"):
        first, months, of_month = ([*part.split(",")] for part in expression.split(" ")[0].split("-"))
        years = {year for part in first for year in range(int(part[:4]), 2100, int(part[5:]))}
        named |= {(year, int(month), int(day)) for year in years for month in months for day in of_month}
    start = dt.date(2000, 1, 1)
    dates = [start + dt.timedelta(days=number) for number in range((dt.date(2100, 1, 1) - start).days)]
    found = [date for date in dates if (date.year, date.month, date.day) in named]
    assert {b - a for a, b in pairwise(found)} == {dt.timedelta(days=days)}
    assert found[-1] + dt.timedelta(days=days) >= dt.date(2100, 1, 1)


def field(first, last):
    """A field of a cron line."""
    number = st.integers(first, last)
    span = st.tuples(number, number).map(sorted).map(lambda pair: f"{pair[0]}-{pair[1]}")
    part = st.one_of(number.map(str), span, st.tuples(span, st.integers(1, 9)).map(lambda t: f"{t[0]}/{t[1]}"))
    stepped = st.integers(1, 20).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), stepped, st.lists(part, min_size=1, max_size=3).map(",".join))


@pytest.mark.needs("systemd-analyze")
@settings(max_examples=40)
@given(st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join))
def test_cron_lines(line):
    """A cron line elapses when cron would run it."""
    assert elapses(on_calendar(line), 5) == cron_times(parse_schedule(line), 5)
