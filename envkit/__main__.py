"""The command `envkit`, and `python -m envkit`."""

import os
import signal
import sys


def main() -> int:
    """Runs the command that the process's arguments name; returns the exit code."""
    if os.getpid() == 1:  # of a container: it would not get a signal that it has no handler for (pid_namespaces(7))
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    from envkit.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
