"""The number of workers that the rendered file finds when it is started, in containers of all sizes."""

from __future__ import annotations

import os

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.gunicorn import render

MB = 1024 * 1024
UNLIMITED_V1 = str(2**63 - 4096)
"""What version 1 of cgroups says where there is no limit."""


@pytest.fixture
def workers(tmp_path, monkeypatch):
    """Runs the file on a machine of so many CPUs and bytes, with these files below /sys/fs/cgroup."""

    def find(description="", *, cpus=8, memory=64 * 1024 * MB, group="/", concurrency="", **files):
        monkeypatch.setenv("WEB_CONCURRENCY", concurrency)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)))
        monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": memory}.__getitem__)
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/").replace("_max", ".max").replace("cpu_", "cpu.", 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
        own = tmp_path / "own"
        own.write_text(f"12:pids:/elsewhere\n0::{group}\n")
        text = render(read_description('name = "shop"\napp = "shop:app"\n' + description, {})).artifacts[0].text
        text = text.replace('"/sys/fs/cgroup"', repr(str(tmp_path))).replace("/proc/self/cgroup", str(own))
        found = {"__file__": str(tmp_path / "gunicorn.conf.py")}
        exec(compile(text, "gunicorn.conf.py", "exec"), found)  # noqa: S102 - the file rendered above
        return found["workers"]

    return find


def test_as_many_as_cores(workers):
    """Without a limit there is a worker for each core, and never one alone."""
    assert workers(cpus=8) == 8
    assert workers(cpus=1) == 2


def test_sync(workers):
    """The sync worker class gets twice the cores and one."""
    assert workers('[processes.web]\nworker_class = "sync"\n', cpus=4) == 9


@pytest.mark.parametrize(
    ("limit", "expected"), [("max 100000", 8), ("150000 100000", 2), ("350000 100000", 4), ("50000 100000", 2)]
)
def test_cpu_limit(workers, limit, expected):
    """A container's CPU quota counts, rounded up, not the cores of the machine below it."""
    assert workers(cpu_max=limit) == expected


def test_limit_of_the_unit(workers):
    """The limits of the process's own group and of those above it count."""
    assert workers(group="/system.slice/shop.service", **{"system.slice__shop.service__cpu_max": "300000 100000"}) == 3
    assert workers(group="/system.slice/shop.service", **{"system.slice__memory_max": str(321 * MB)}) == 2


@pytest.mark.parametrize(("limit", "expected"), [("max", 8), (str(512 * MB), 3), (str(100 * MB), 1), ("", 8)])
def test_memory_limit(workers, limit, expected):
    """Each worker needs 160 MiB of the container's memory; one always starts."""
    assert workers(memory_max=limit) == expected


def test_little_machine(workers):
    """A machine's own memory counts too."""
    assert workers(memory=400 * MB) == 2


def test_declared_memory(workers):
    """Declared memory counts where the CPUs are found at start."""
    assert workers('[processes.web]\nmemory = "512 MiB"\n') == 3


def test_version_1(workers):
    """The older cgroups' files count, and their ways to say that there is no limit."""
    v1 = {"cpu__cpu.cfs_period_us": "100000", "memory__memory.limit_in_bytes": UNLIMITED_V1}
    assert workers(**v1, **{"cpu__cpu.cfs_quota_us": "-1"}) == 8
    assert workers(**v1, **{"cpu__cpu.cfs_quota_us": "250000"}) == 3
    assert workers(**{**v1, "memory__memory.limit_in_bytes": str(330 * MB)}) == 2


@pytest.mark.parametrize("description", ["", "[processes.web]\nworkers = 3\n"])
@pytest.mark.parametrize(("asked", "expected"), [("5", 5), ("0", 1)])
def test_asked_at_start(workers, description, asked, expected):
    """WEB_CONCURRENCY beats what was declared or found, and none at all is still one."""
    assert workers(description, concurrency=asked) == expected
