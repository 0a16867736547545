"""Runs an operation in a process that kills itself at its n-th sign of life: a step, or progress within one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from envkit.deployment.model import Backup, Deployment, Keep

_CHILD = """
import json, os, signal, sys
from pathlib import Path
from envkit.operations.backing_up import back_up
from envkit.operations.restoring import restore
from envkit.operations.steps import Steps
from tests.operations.kill_points import described

folder, action, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
signs = []

def sign(*what):
    signs.append(what)
    if len(signs) == last:
        os.kill(os.getpid(), signal.SIGKILL)

steps = Steps(lambda words: sign(words), show=sign)
if action == "back up":
    back_up(described(folder), steps)
else:
    restore(described(folder), "latest", steps)
print(len(signs))
"""


def described(folder, **keep):
    """A shop whose SQLite database and backups lie in a folder."""
    backup = Backup(database=str(folder / "shop.db"), folder=str(folder / "backups"))
    return Deployment(name="shop", app="shop:app", backup=replace(backup, keep=Keep(**keep)))


def killed_at(folder, action, last):
    """Whether the operation was killed at sign number `last`; False: it had come to its end before."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, folder, action, str(last)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL)
    if done.returncode == 0:
        assert json.loads(done.stdout) < last
    return done.returncode != 0
