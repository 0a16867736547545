"""The script that lets a process wait which keeps ending, as it is rendered, with a systemd of the test's own."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.systemd import render

NOW = 1_800_000_000


@pytest.fixture
def start(tmp_path):
    """Runs the script before a start of `web`; returns for how long it waits, and what it notes."""
    (tmp_path / "web").mkdir()
    state = tmp_path / "web/back-off"
    programs = tmp_path / "bin"
    programs.mkdir()

    def run(restarts, noted=None, *, sleep="true"):
        said = {"systemctl": f"test $# = 4 -a $4 = shop-web.service && echo {restarts}", "date": f"echo {NOW}"}
        for name, line in {**said, "sleep": sleep}.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        if noted is not None:
            state.write_text(noted)
        artifacts = render(read_description('name = "shop"\napp = "shop:app"\n', {})).artifacts
        (script,) = (artifact.text for artifact in artifacts if artifact.path.endswith("/back-off"))
        (tmp_path / "back-off").write_text(script.replace("/run/shop/", f"{tmp_path}/"))
        process = subprocess.Popen(
            ["sh", tmp_path / "back-off", "web"],
            env={"PATH": f"{programs}:/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun = ""
        if sleep != "true":
            begun = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
        printed, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
        waited = re.fullmatch(r"waits (\d+) s: each of its last \d+ lives was short\n|", begun + printed)
        return int(waited[1] or 0), state.read_text()

    return run


def test_ever_longer(start):
    """Life after short life, it waits longer, up to half a minute."""
    pauses, (_, noted) = [], start(0)
    for restart in range(1, 12):
        pause, noted = start(restart, noted)
        pauses.append(pause)
    assert pauses == [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert noted == f"11 {NOW} 11\n"


def test_a_long_life(start):
    """After a life of 30 seconds everything before it is forgotten."""
    assert start(9, f"8 {NOW - 29} 8\n") == (30, f"9 {NOW} 9\n")
    assert start(9, f"8 {NOW - 30} 8\n") == (0, f"0 {NOW} 9\n")


@pytest.mark.parametrize("restarts", ["0", "8"])
def test_by_hand(start, restarts):
    """Started by hand it does not wait: systemd counts from nothing, or not at all when it was about to restart it."""
    assert start(restarts, f"8 {NOW - 1} 8\n") == (0, f"0 {NOW} {restarts}\n")


def test_without_an_answer(start):
    """Where systemctl says nothing, it waits as after any short life."""
    assert start("", f"5 {NOW - 1} 5\n") == (4, f"6 {NOW} \n")


@pytest.mark.parametrize("noted", ["", "\n", "x y z\n", "3\n", "3 -1 2\n"])
def test_a_broken_note(start, noted):
    """What cannot be read counts as a long life."""
    assert start("4", noted) == (0, f"0 {NOW} 4\n")


def test_stopped_while_it_waits(start):
    """Stopped while it waits, it ends at once and has not failed."""
    assert start("9", f"8 {NOW - 1} 8\n", sleep="exec /usr/bin/sleep 3") == (30, f"8 {NOW - 1} 8\n")
