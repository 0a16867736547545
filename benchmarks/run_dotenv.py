"""Reading a `.env` file: every reader on the same two files, in one interleaved run, as ratios to envkit."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Protocol

from benchmarks.dotenv import django_environ_, envkit_, hand_split, python_decouple_, python_dotenv_


class Reader(Protocol):
    """A module of `benchmarks.dotenv`."""

    NAME: str

    def read(self, path: str) -> dict[str, str | None]:
        """The file's values."""
        ...


READERS: list[Reader] = [envkit_, hand_split, python_dotenv_, python_decouple_, django_environ_]

# Lines in the file, rounds, and how often a fast and a slow reader reads the file in one round.
SIZES = [(10_000, 7, 3, 1), (50, 15, 200, 5)]
SLOW = {python_dotenv_.NAME}

# What each line of ten is like. Every reader takes the same names from these, if not always the same values.
PATTERN = [
    "NAME_{0}=value-{0}",
    "NAME_{0}=https://example.com/{0}?a=b&c=d",
    "# what the next one is for",
    'NAME_{0}="two words {0}"',
    "NAME_{0}='single {0}'",
    "",
    "NAME_{0}=plain words without quotes",
    "NAME_{0}={0}",
    "NAME_{0}=true",
    "NAME_{0}=postgres://user:password@db:5432/app_{0}",
]


def main() -> None:
    """Measures and prints one table for each size."""
    with tempfile.TemporaryDirectory() as folder:
        for lines, rounds, often, seldom in SIZES:
            path = Path(folder, f"{lines}.env")
            path.write_text("".join(PATTERN[n % 10].format(n) + "\n" for n in range(lines)), encoding="utf-8")
            print_table(lines, measure(str(path), rounds, often, seldom))


def measure(path: str, rounds: int, often: int, seldom: int) -> dict[str, float]:
    """Seconds per reading, the median over the rounds; in each round every reader has its turn."""
    expected = python_dotenv_.read(path)
    assert envkit_.read(path) == expected, "envkit differs from python-dotenv"
    seconds: dict[str, list[float]] = {reader.NAME: [] for reader in READERS}
    for reader in READERS:
        assert reader.read(path).keys() == expected.keys(), f"{reader.NAME} misses names"
    for _ in range(rounds):
        for reader in READERS:
            times = seldom if reader.NAME in SLOW else often
            gc.collect()
            start = perf_counter()
            for _ in range(times):
                reader.read(path)
            seconds[reader.NAME].append((perf_counter() - start) / times)
    return {name: median(taken) for name, taken in seconds.items()}


def print_table(lines: int, seconds: dict[str, float]) -> None:
    """One row for each reader, with its time as a multiple of envkit's and of the hand-written split's."""
    ours, by_hand = seconds[envkit_.NAME], seconds[hand_split.NAME]
    print(f"\n.env of {lines:,} lines (Python {sys.version.split()[0]}, median)\n")
    print("| reader | time | to envkit | to a hand-written split |")
    print("|---|---:|---:|---:|")
    for name, taken in sorted(seconds.items(), key=lambda item: item[1]):
        print(f"| {name} | {taken * 1e6:,.0f} µs | {taken / ours:,.2f} | {taken / by_hand:,.2f} |")


if __name__ == "__main__":
    main()
