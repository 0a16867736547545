"""The answer to whatever goes wrong: a page for people, JSON for scripts, the details for the log."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from flask import current_app, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

_PLAIN_WORDS = {
    404: "There is nothing at this address.",
    405: "This address does not take requests of that kind.",
    413: "What was sent is too large.",
    500: "Something went wrong here. It has been logged.",
    503: "The list of teams cannot be reached right now. Please try again in a minute.",
}


def init_app(app: Flask) -> None:
    """Answers every exception that a view raises."""
    app.register_error_handler(Exception, answer_problem)


def answer_problem(error: Exception) -> ResponseReturnValue:
    """The problem as a response, with the headers that HTTP wants for it (Allow, WWW-Authenticate)."""
    if not isinstance(error, HTTPException):
        current_app.logger.error("unexpected error", exc_info=error)
        error = ServiceUnavailable() if isinstance(error, sqlite3.OperationalError) else InternalServerError()
    if error.code is None or error.response is not None:
        return error  # made by hand, and complete
    response: Response = error.get_response()
    if request.path.startswith("/github/"):
        response.mimetype = "application/json"
        response.set_data(json.dumps({"error": error.description}))
    else:
        text = _PLAIN_WORDS.get(error.code, error.description)
        response.mimetype = "text/html"
        response.set_data(render_template("problem.html", title=error.name, text=text))
    return response
