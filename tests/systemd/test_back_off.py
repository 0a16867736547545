"""Restarts on a booted server: at once after a few crashes, ever more rarely after many, at once again by hand."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

STARTS = "/var/lib/shop/starts"
SOON = 5
"""Seconds within which a killed process has to be back."""


@pytest.fixture
def failing(machine):
    """The worker ends as soon as it has noted its start; put right at the end."""
    settings = machine.path("/etc/systemd/system/shop-worker.service.d")
    settings.mkdir()
    command = f"/bin/sh -c 'date +%%s.%%N >>{STARTS}; exit 1'"
    (settings / "failing.conf").write_text(f"[Service]\nExecStart=\nExecStart={command}\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "shop-worker.service")
    yield machine
    (settings / "failing.conf").unlink()
    settings.rmdir()
    machine.path(STARTS).unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "shop-worker.service")
    machine.settle("shop-worker.service")


def test_always_failing(failing):
    """A process that always fails is started ever more rarely; by hand it is started at once, also while it waits."""

    def starts():
        return [float(line) for line in failing.path(STARTS).read_text().splitlines()]

    failing.wait(lambda: failing.path(STARTS).exists() and len(starts()) >= 7, "it is not started again")
    pauses = [after - before for before, after in pairwise(starts())]
    for pause, least in zip(pauses[3:], (1, 2, 4), strict=False):
        assert pause >= least, pauses
    said = failing.run("journalctl", "-u", "shop-worker", "-o", "cat", "--no-pager")
    assert "waits 4 s: each of its last 6 lives was short" in said
    failing.settle("shop-worker.service", "activating")
    before = len(starts())
    failing.run("systemctl", "restart", "shop-worker.service")
    failing.wait(lambda: len(starts()) > before, "it is not started")
    assert int(failing.path("/run/shop/worker/back-off").read_text().split()[0]) <= 3


def test_stopped_while_it_waits(failing):
    """A process that is stopped while it waits has not failed, and is not started."""
    pause = failing.path("/run/shop/worker/back-off")
    failing.wait(lambda: pause.exists() and int(pause.read_text().split()[0]) >= 5, "it does not wait")
    failing.settle("shop-worker.service", "activating")
    failing.run("systemctl", "stop", "shop-worker.service")
    assert failing.show("shop-worker.service", "ActiveState") == ["inactive"]


def test_killed_again_and_again(machine):
    """Gunicorn is back soon each time, though it was killed three times in a row."""
    machine.run("systemctl", "restart", "shop-web.service")
    for _ in range(3):
        (master,) = machine.show("shop-web.service", "MainPID")
        began = time.monotonic()
        machine.run("sh", "-c", f"kill -KILL {master}")
        machine.wait(
            lambda killed=master: machine.show("shop-web.service", "MainPID")[0] not in {"0", killed}, "it is not back"
        )
        assert machine.get() == (200, "version 1")
        assert time.monotonic() - began < SOON
        machine.settle("shop-web.service")
