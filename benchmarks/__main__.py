"""Runs the benchmarks: `python -m benchmarks`, or some by name, such as `images`, which needs a Docker engine."""

import importlib
import sys

_WITHOUT_AN_ENGINE = ("dotenv", "loading", "render", "channels")
_NAMES = (*_WITHOUT_AN_ENGINE, "images")

wanted = sys.argv[1:] or _WITHOUT_AN_ENGINE
if not set(wanted) <= set(_NAMES):
    sys.exit(f"usage: python -m benchmarks [{'|'.join(_NAMES)}]…")
for name in wanted:
    importlib.import_module(f"benchmarks.run_{name}").main()
