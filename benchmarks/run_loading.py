"""Cold start (a fresh process that imports, loads and validates) and warm loads (the file read again each time)."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.loading import case
from benchmarks.ratios import medians, report

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS, LOADS = 60, 10
ROOT = Path(__file__).resolve().parent.parent
PEERS = {
    "hand-written pydantic": "hand_written",
    "envkit": "with_envkit",
    "pydantic-settings": "with_pydantic_settings",
    "environs": "with_environs",
    "python-decouple": "with_decouple",
    "django-environ": "with_django_environ",
}


def main() -> None:
    """Runs both benchmarks in one folder with one `.env`."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        exported = case.write(Path(name))
        os.environ.update(exported)
        environ = {**exported, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        cold = {
            peer: partial(_fresh_process, f"from benchmarks.loading.{module} import load; load()", environ)
            for peer, module in PEERS.items()
        }
        cold["empty Python"] = partial(_fresh_process, "pass", environ)
        report(
            "Cold start: a fresh process loads 50 settings",
            medians(cold, rounds=15),
            to="hand-written pydantic",
            bars={"envkit": 1.1},
        )
        with contextlib.ExitStack() as stack:
            workers = {peer: stack.enter_context(_worker(module, environ)) for peer, module in PEERS.items()}
            report(
                "Warm load of 50 settings, the file read again each time",
                {peer: statistics.median(times) for peer, times in _in_turns(workers).items()},
                to="hand-written pydantic",
                bars={"envkit": 2.0},
            )


@contextlib.contextmanager
def _worker(module: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.loading.worker", module]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _in_turns(workers: dict[str, subprocess.Popen[str]]) -> dict[str, list[float]]:
    """Seconds a load, for each peer and round; the first round warms up and is not kept."""
    taken: dict[str, list[float]] = {peer: [] for peer in workers}
    for number in range(ROUNDS + 1):
        for peer, process in workers.items():
            assert process.stdin is not None
            assert process.stdout is not None
            print(LOADS, file=process.stdin, flush=True)
            seconds = float(process.stdout.readline()) / LOADS
            if number:
                taken[peer].append(seconds)
    return taken


def _fresh_process(code: str, environ: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


if __name__ == "__main__":
    main()
