"""Cold start (a fresh process that imports, loads and validates) and warm loads (the file read again each time)."""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.loading import case
from benchmarks.ratios import medians, report

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
        warm = {peer: importlib.import_module(f"benchmarks.loading.{module}").load for peer, module in PEERS.items()}
        report(
            "Warm load of 50 settings, the file read again each time",
            medians(warm, rounds=100, repeats=5),
            to="hand-written pydantic",
            bars={"envkit": 2.0},
        )


def _fresh_process(code: str, environ: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


if __name__ == "__main__":
    main()
