"""Schedules: intervals and cron lines, and every way in which a text is none."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.deployment.reading import DescriptionError, read_description
from envkit.deployment.schedules import Cron, Interval, last_due, parse_schedule

EVERY = {
    "minutes": tuple(range(60)),
    "hours": tuple(range(24)),
    "days": tuple(range(1, 32)),
    "months": tuple(range(1, 13)),
    "weekdays": tuple(range(7)),
}


def cron(either_day=False, **fields):
    """A cron line's form in which all but `fields` is unrestricted."""
    return Cron(**{**EVERY, **fields}, either_day=either_day)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 48h", Interval(48 * 3600)),
        ("Every 15 min", Interval(900)),
        ("every 1w", Interval(7 * 86400)),
        ("* * * * *", cron()),
        ("30 4 * * mon-fri", cron(minutes=(30,), hours=(4,), weekdays=(1, 2, 3, 4, 5))),
        ("*/20 0-6/3,12 * JAN,7 *", cron(minutes=(0, 20, 40), hours=(0, 3, 6, 12), months=(1, 7))),
        ("0 0 13 * 5", cron(minutes=(0,), hours=(0,), days=(13,), weekdays=(5,), either_day=True)),
        ("0 0 */2 * 5", cron(minutes=(0,), hours=(0,), days=tuple(range(1, 32, 2)), weekdays=(5,))),
        ("0 0 * * 6-7", cron(minutes=(0,), hours=(0,), weekdays=(0, 6))),
        ("@daily", cron(minutes=(0,), hours=(0,))),
    ],
)
def test_meaning(text, expected):
    """A schedule means what crontab(5) says of it."""
    assert parse_schedule(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every",
        "every 0h",
        "every 90m",
        "every 7h",
        "every 36h",
        "every 5d",
        "every 14d",
        "every day",
        "48h",
        "@reboot",
        "@daily 5",
        "0 4 * *",
        "0 0 4 * * *",
        "60 4 * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "5/10 * * * *",
        "*-5 * * * *",
        "0 0 30 2 *",
        "0 0 * * monday",
        "² * * * *",
    ],
)
def test_no_schedule(text):
    """What is no schedule is refused with a reason that goes on from the name of its key."""
    with pytest.raises(ValueError, match=r"^(must|has|names) "):
        parse_schedule(text)


@given(st.text(alphabet="0123456789*/-, everyhmdonjaf@", max_size=30))
def test_any_text(text):
    """Any text is a schedule or refused by a ValueError, and no field of a schedule is empty."""
    try:
        schedule = parse_schedule(text)
    except ValueError:
        return
    assert isinstance(schedule, Interval) or all(
        (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
    )


def test_web_has_none():
    """The web process cannot be scheduled."""
    with pytest.raises(DescriptionError) as caught:
        read_description('name = "a"\napp = "a:b"\n[processes.web]\nschedule = "every 1h"\n', {})
    assert [str(finding) for finding in caught.value.findings] == [
        "envkit.toml:4: processes.web.schedule: is for other processes: web runs all the time"
    ]


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("every 48h", "2026-03-13 12:30"),
        ("every 15m", "2026-03-15 12:15"),
        ("30 12 * * *", "2026-03-15 12:30"),
        ("31 12 * * *", "2026-03-14 12:31"),
        ("*/20 2-4 * * *", "2026-03-15 04:40"),
        ("0 4 * * mon", "2026-03-09 04:00"),
        ("0 4 31 * *", "2026-01-31 04:00"),
        ("0 4 1 * fri", "2026-03-13 04:00"),
        ("0 4 29 2 *", "2024-02-29 04:00"),
        ("0 4 */2 * mon", "2026-03-09 04:00"),
    ],
)
def test_when_a_run_was_due(schedule, due):
    """The last minute that a cron line names, or an interval ago; on a Sunday at half past noon."""
    now = datetime.fromisoformat("2026-03-15 12:30")
    assert str(last_due(parse_schedule(schedule), now)) == f"{due}:00"
