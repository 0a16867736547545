"""Timers on a booted server that elapse by themselves."""

from __future__ import annotations

import pytest

RUNS = "/var/lib/shop/runs"


@pytest.fixture
def hasty(machine):
    """The scheduled process is due every second and takes two; put right at the end."""
    text = {
        "timer": "[Timer]\nOnCalendar=\nOnCalendar=*:*:*\n",
        "service": f"[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo from >>{RUNS}; sleep 2; echo to >>{RUNS}'\n",
    }
    files = []
    for kind, lines in text.items():
        folder = machine.path(f"/etc/systemd/system/shop-report.{kind}.d")
        folder.mkdir()
        files.append(folder / "hasty.conf")
        files[-1].write_text(lines)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "shop-report.timer")
    yield machine
    for file in files:
        file.unlink()
        file.parent.rmdir()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "shop-report.timer")
    machine.settle("shop-report.service", "inactive")
    machine.path(RUNS).unlink()


def test_never_two_at_once(hasty):
    """The timer starts its process again and again, and never while it runs, though it is due twice in that time."""
    runs = hasty.path(RUNS)
    hasty.wait(lambda: runs.exists() and runs.read_text().count("to") >= 3, "the timer does not elapse")
    lines = runs.read_text().split()
    assert lines == ["from", "to"] * (len(lines) // 2) + ["from"] * (len(lines) % 2)
