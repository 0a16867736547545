"""envkit beside its peers, one small file per peer; `python -m benchmarks` runs them."""
