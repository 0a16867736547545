"""Asks the real Compose whether it accepts a rendered file: `python -m envkit.operations.compose_judge FILE`."""

from __future__ import annotations

import shutil
import subprocess
import sys

_PROGRAMS = (("docker", "compose"), ("docker-compose",))


def main(arguments: list[str]) -> int:
    """Judges FILE by Compose 2 or, where that is not installed, by docker-compose.

    Arguments are FILE and, where another program is to judge, its words. Its messages go to standard error. Returns 0
    when it accepts the file, 2 when there is no Compose, else Compose's own exit status.
    """
    file, *words = arguments
    compose: list[str] = words or _installed()
    if not compose:
        print("neither docker compose nor docker-compose is installed", file=sys.stderr)  # noqa: T201
        return 2
    command = [*compose, "-p", "judged", "-f", file, "config", "--quiet"]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode


def _installed() -> list[str]:
    return next((list(program) for program in _PROGRAMS if _works(program)), [])


def _works(program: tuple[str, ...]) -> bool:
    if shutil.which(program[0]) is None:
        return False
    return not subprocess.run([*program, "version"], check=False, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
