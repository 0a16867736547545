"""Loading 50 mixed settings, half from `.env`, one of them a 4096-bit key: one file per peer, each with `load()`."""
