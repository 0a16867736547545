"""The app of the tests on a booted system: says its version, echoes what is posted, and can be told to be unwell."""

from __future__ import annotations

import os
from pathlib import Path

VERSION = "1"
UNWELL = Path("/var/lib/shop/unwell")


def app(environ, start_response):
    """Answers every request."""
    path, status = environ["PATH_INFO"], "200 OK"
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    elif path == "/health":
        status = "503 Service Unavailable" if UNWELL.exists() else "200 OK"
        body = b"unwell" if UNWELL.exists() else b"well"
    elif path == "/pid":
        body = f"{os.getpid()} {os.getppid()}".encode()
    elif path == "/secret":
        body = (Path(os.environ["CREDENTIALS_DIRECTORY"]) / "TOKEN").read_bytes() + os.environ["COLOUR"].encode()
    else:
        body = f"version {VERSION}".encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
