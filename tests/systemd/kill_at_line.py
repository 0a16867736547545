"""Runs a command and kills it (SIGKILL) once it has printed a line that begins so. As a program it needs Python alone.

    python kill_at_line.py "nginx -t" envkit install

Exit status 0 when it was killed, 1 when it came to its end before; then what it printed is printed.
"""

from __future__ import annotations

import subprocess
import sys


def main():
    """Runs the command that follows the line."""
    wanted, *command = sys.argv[1:]
    printed = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            printed.append(line)
            if line.startswith(wanted):
                process.kill()
                return 0
    print("".join(printed))  # noqa: T201  the result of this program
    return 1


if __name__ == "__main__":
    sys.exit(main())
