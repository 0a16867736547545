"""Jinja environments that quote for the language of the file being written: `environments.py` and `quoting.py`."""
