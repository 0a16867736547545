"""How an operation is followed: its steps on standard error, and a bar for a long one on a terminal."""

from __future__ import annotations

import sys
import time

from envkit.cli.output import echo_aside, printable
from envkit.operations.steps import Steps

_WIDTH = 30
_BETWEEN = 0.1
"""Seconds between two drawings of the bar."""


def told(*, rehearse: bool) -> Steps:
    """Steps that are printed; a rehearsal says so at each."""
    bar = _Bar() if sys.stderr.isatty() and not rehearse else None
    before = "dry run: " if rehearse else ""

    def tell(words: str) -> None:
        if bar:
            bar.clear()
        echo_aside(before + printable(words))

    return Steps(tell, show=bar.show, rehearse=rehearse) if bar else Steps(tell, rehearse=rehearse)


class _Bar:
    """One line at the end of a terminal; gone when the next step is told."""

    def __init__(self) -> None:
        self._drawn = 0.0

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._drawn < _BETWEEN and done < total:
            return
        self._drawn = now
        if total:
            share = min(done / total, 1)
            text = f"{'█' * round(share * _WIDTH):░<{_WIDTH}} {share:4.0%}"
        else:
            text = f"{done / 1e6:.0f} MB"
        sys.stderr.write(f"\r\x1b[K  {text}\r" if not total or done < total else "\r\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._drawn:
            self._drawn = 0.0
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
