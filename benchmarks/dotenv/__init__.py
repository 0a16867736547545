"""One file per way to read a `.env` file; each has `NAME` and `read(path)`."""
