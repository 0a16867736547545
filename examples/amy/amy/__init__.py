"""Workshops: a Flask app with PostgreSQL, and a queue of jobs for which it does not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from flask import Flask, abort, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

from envkit import load_settings

from .database import connect
from .queue import enqueue
from .settings import AppSettings

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def create_app(settings: AppSettings | None = None) -> Flask:
    """The app.

    Raises:
        envkit.SettingsError: settings are missing or wrong; it names all of them.
    """
    loaded = load_settings(AppSettings) if settings is None else settings
    app = Flask(__name__)
    app.config.from_object(loaded)

    @app.get("/health")
    def health() -> ResponseReturnValue:
        with connect(loaded) as connection:
            connection.execute("SELECT 1")
        return "well\n"

    @app.get("/")
    def workshops() -> ResponseReturnValue:
        with connect(loaded) as connection:
            rows = connection.execute("SELECT name, announced FROM workshop ORDER BY name").fetchall()
        return jsonify(dict(rows))

    @app.post("/")
    def add() -> ResponseReturnValue:
        name = request.form.get("name", "").strip()
        if not 1 <= len(name) <= 100:
            abort(422)
        with connect(loaded) as connection:
            connection.execute("INSERT INTO workshop (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
        enqueue(loaded, "amy.jobs.announce", name=name)
        return jsonify({name: False}), 201

    @app.errorhandler(psycopg.OperationalError)
    def no_database(_: psycopg.OperationalError) -> ResponseReturnValue:
        return "Back in a minute.\n", 503, {"Retry-After": "60"}

    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # Flask documents it so
    return app
