"""A process of its own for one peer, since some of them change the process environment: loads on demand, and times it.

Reads a number of loads from each line of standard input, and answers with the seconds that they took.
"""

import importlib
import sys
import time

load = importlib.import_module(f"benchmarks.loading.{sys.argv[1]}").load
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        load()
    print(time.perf_counter() - start, flush=True)
