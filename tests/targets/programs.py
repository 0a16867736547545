"""Stand-ins for programs that rendered scripts call: each writes down its arguments, so that tests can read them."""

from __future__ import annotations

import os
import subprocess

_END = "end of a call"


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
