"""One JSON object a line on standard error, each with the id of the request that it is about.

nginx writes the line for each request and sends its id as X-Request-ID; the app's lines carry the same id, so
that one search finds both.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import g, has_request_context, request

if TYPE_CHECKING:
    from flask import Flask, Response

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
"""What is taken for an id; anything else, such as a client's attempt to write into the log, is replaced."""

_RECORD_KEYS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def init_app(app: Flask) -> None:
    """Sends the app's log through the formatter below, and each response back with its request's id."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    app.logger.handlers = [handler]
    app.logger.setLevel(app.config["LOG_LEVEL"].upper())
    app.logger.propagate = False
    app.after_request(_echo_request_id)


def request_id() -> str:
    """The id of the request that is being answered."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-ID", "")
        g.request_id = sent if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)
    identifier: str = g.request_id
    return identifier


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; what was passed as `extra` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; ASCII, so that no character in it can end it."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context():
            line |= {
                "request_id": request_id(),
                "method": request.method,
                "path": request.path,
                "client": request.remote_addr,
            }
        line |= {key: value for key, value in vars(record).items() if key not in _RECORD_KEYS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _echo_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response
