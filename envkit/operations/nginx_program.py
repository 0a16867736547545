"""The nginx of this machine: where it is, which version, and how it is called by users who may not write its log."""

from __future__ import annotations

import re
import subprocess
from typing import NamedTuple

from envkit.deployment.versions import knows
from envkit.operations.programs import find_program


class Nginx(NamedTuple):
    """An nginx that is installed."""

    program: str
    version: str

    @property
    def quietly(self) -> tuple[str, ...]:
        """Arguments by which it does not open its compiled-in error log first; none where it has no such option."""
        return ("-e", "stderr") if knows(self.version, "error_log_option") else ()


def find_nginx(name: str = "nginx") -> Nginx | None:
    """The nginx of this name or path, or None where there is none."""
    program = find_program(name)
    if program is None:
        return None
    done = subprocess.run([program, "-v"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    found = re.search(rb"nginx/([0-9]+\.[0-9]+\.[0-9]+)", done.stderr + done.stdout)
    return Nginx(program, found[1].decode()) if found else None
