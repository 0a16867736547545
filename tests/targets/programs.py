"""Stand-ins for programs that rendered scripts call: each writes down its arguments, so that tests can read them."""

from __future__ import annotations

import os
import subprocess
import time

_END = "end of a call"
HELD = '[ -e "$0.first" ] || { touch "$0.first"; until [ -e "$0.go" ]; do sleep 0.05; done; }\n'
"""What a program does first, so that its first call ends when `run_two` says."""


class Recorder:
    """A folder of programs that write their arguments to one file; `run` runs a script with them first in PATH."""

    def __init__(self, folder):
        self.folder = folder / "programs"
        self.folder.mkdir()
        self.file = folder / "calls"
        self.file.touch()

    def program(self, name, body=""):
        """Makes a program; `body` is what it does after writing down its arguments."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nprintf "%s\\0" {name} "$@" "{_END}" >>"{self.file}"\n{body}\n')
        path.chmod(0o755)

    @property
    def calls(self):
        """The calls in their order, each a list of the program and its arguments."""
        found = [[]]
        for word in self.file.read_bytes().decode().split("\0")[:-1]:
            if word == _END:
                found.append([])
            else:
                found[-1].append(word)
        return found[:-1]

    def environ(self, **more):
        """The environment of a script."""
        return {"PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder), **more}

    def run(self, *command, **more):
        """Runs a script to its end, with standard input empty unless given."""
        options = {"stdin": subprocess.DEVNULL} if "input" not in more else {}
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=self.environ(), **options, **more
        )

    def run_two(self, name, *command, **more):
        """Starts a script while another run of it is held in the first call of a program `name`, whose body is `HELD`.

        Returns what each of the two said to standard error, and the calls that were made until the second said it.
        """
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "env": self.environ(), **more}
        with subprocess.Popen(command, **options) as first:
            held, deadline = self.folder / f"{name}.first", time.monotonic() + 30
            while not held.exists():
                assert time.monotonic() < deadline, "the first one calls nothing"
                time.sleep(0.02)
            with subprocess.Popen(command, **options) as second:
                said = second.stderr.readline()
                until_then = self.calls
                (self.folder / f"{name}.go").touch()
                said_then = [said + second.communicate(timeout=60)[1], first.communicate(timeout=60)[1]]
        assert (first.returncode, second.returncode) == (0, 0)
        return said_then[1], said_then[0], until_then
