"""When a schedule fires, as the cron library reads it with which Watchtower is built (robfig/cron)."""

from __future__ import annotations

import subprocess

CRON_TIMES = "/opt/envkit-tests/cron-times"
"""Where tests/set-up.d/containers puts what it builds of tests/containers/cron_times."""
FIVE_SECONDS_AFTER_MIDNIGHT = "2026-01-01T00:00:05Z"


def times(grammar: str, schedule: str, count: int) -> list[str]:
    """The next times; the grammar is `current`, where seconds may be left out, or `older`, where they may not."""
    command = [CRON_TIMES, grammar, schedule, FIVE_SECONDS_AFTER_MIDNIGHT, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
