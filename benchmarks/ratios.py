"""Measuring: interleaved rounds of all candidates, medians, and ratios to one of them."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def medians(candidates: Mapping[str, Callable[[], object]], *, rounds: int, repeats: int = 1) -> dict[str, float]:
    """Seconds a call, the median of `rounds`; in each round every candidate runs `repeats` times in turn."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for call in candidates.values():
        call()
    for _ in range(rounds):
        for name, call in candidates.items():
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            taken[name].append((time.perf_counter() - start) / repeats)
    return {name: statistics.median(times) for name, times in taken.items()}


def report(title: str, times: dict[str, float], *, to: str, bars: dict[str, float] | None = None) -> None:
    """Prints each candidate's ratio to the candidate `to`; `bars` are the ratios that are promised."""
    print(f"\n{title}")
    width = max(map(len, times))
    for name, seconds in sorted(times.items(), key=lambda item: item[1]):
        bar = (bars or {}).get(name)
        promise = (
            "" if bar is None else f"   promised: at most {bar:g}×" + ("" if seconds <= bar * times[to] else "  MISSED")
        )
        print(f"  {name:<{width}}  {seconds / times[to]:8.2f}×   {_human(seconds)}{promise}")


def _human(seconds: float) -> str:
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
