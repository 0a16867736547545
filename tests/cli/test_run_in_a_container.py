"""`envkit run` as the first process of a container, which gets no signal that it has no handler for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.needs("unshare"),
    pytest.mark.skipif(os.geteuid() != 0 and "ENVKIT_TESTS_REQUIRE" not in os.environ, reason="needs root"),
]
HANG = """
import pathlib, time
pathlib.Path("is-here").touch()
time.sleep(300)
"""


@pytest.fixture
def described(project):
    """The project, whose web process listens as in a container."""
    file = project / "envkit.toml"
    file.write_text(file.read_text().replace("[http]", '[http]\nupstream = "web:8000"'))
    return project


@contextmanager
def _first(project, *arguments, **environ):
    """`envkit run web` in a namespace of processes of its own, where it has the number 1."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
    with subprocess.Popen(
        [*unshare, sys.executable, "-m", "envkit", "run", "web", *arguments],
        cwd=project,
        env={**os.environ, "API_TOKEN": "a", **environ},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("place", ["shop_settings.py", "deploy/gunicorn.local.py"])
def test_whoever_stops_it_while_it_starts_need_not_wait(described, place):
    """SIGTERM ends it while it checks the settings, and while gunicorn reads its file: not the kill does, later."""
    file = described / place
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.write(HANG)
    with _first(described) as unshare:
        deadline = time.monotonic() + 60
        while not (described / "is-here").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (first,) = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        assert unshare.wait(timeout=60) == 128 + signal.SIGTERM


FILE = """
import signal
print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True)
raise SystemExit(0)
"""


@pytest.mark.parametrize(
    ("comment", "arguments", "environ", "blocked"),
    [
        ("# signal.SIG_UNBLOCK", [], {}, "True\n"),
        ("", [], {}, "False\n"),
        ("# signal.SIG_UNBLOCK", ["--workers", "2"], {}, "False\n"),
        ("# signal.SIG_UNBLOCK", [], {"GUNICORN_CMD_ARGS": "--workers 2"}, "False\n"),
    ],
)
def test_what_comes_while_gunicorn_begins_is_kept(described, comment, arguments, environ, blocked):
    """The signal is blocked for a file that unblocks it, and never where an option may name another file."""
    (described / "deploy").mkdir()
    (described / "deploy/gunicorn.conf.py").write_text(comment + FILE)
    with _first(described, *arguments, **environ) as unshare:
        assert unshare.communicate(timeout=60)[0] == blocked
