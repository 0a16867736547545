"""Runs every benchmark: `python -m benchmarks`, or some of them by name: `python -m benchmarks loading`."""

import importlib
import sys

for name in sys.argv[1:] or ("dotenv", "loading", "render", "channels"):
    importlib.import_module(f"benchmarks.run_{name}").main()
