"""Puts jobs into the queue at their time. Two of these would put each of them there twice: it is a singleton."""

from __future__ import annotations

import time

from envkit import load_settings

from .queue import enqueue
from .settings import AppSettings

EVERY = 300
"""Seconds."""


def main() -> None:
    """Goes on until it is ended."""
    settings = load_settings(AppSettings)
    while True:
        enqueue(settings, "amy.jobs.announce_all")
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
