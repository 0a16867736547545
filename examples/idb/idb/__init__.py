"""Exercises and the calories they burn: a small Flask app on a server of its own, without containers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from flask import Flask, abort, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

from envkit import load_settings

from .settings import AppSettings

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

SCHEMA = "CREATE TABLE IF NOT EXISTS exercise (name TEXT PRIMARY KEY, calories INTEGER NOT NULL)"


def create_app(settings: AppSettings | None = None) -> Flask:
    """The app, with its database ready; five workers may make it at the same moment.

    Raises:
        envkit.SettingsError: settings are missing or wrong; it names all of them.
    """
    if settings is None:
        settings = load_settings(AppSettings)
    database = settings.database
    app = Flask(__name__)
    app.config.from_object(settings)
    with closing(_connect(database)) as connection, connection:
        connection.execute(SCHEMA)

    @app.get("/health")
    def health() -> ResponseReturnValue:
        with closing(_connect(database)) as connection:
            connection.execute("SELECT 1 FROM exercise LIMIT 1")
        return "well\n"

    @app.get("/")
    def exercises() -> ResponseReturnValue:
        with closing(_connect(database)) as connection:
            found = connection.execute("SELECT name, calories FROM exercise ORDER BY name").fetchall()
        return jsonify(dict(found))

    @app.post("/")
    def add() -> ResponseReturnValue:
        name, calories = request.form.get("name", "").strip(), request.form.get("calories", "")
        if not 1 <= len(name) <= 100 or not (calories.isascii() and calories.isdigit() and len(calories) < 6):
            abort(422)
        with closing(_connect(database)) as connection, connection:
            connection.execute("INSERT OR REPLACE INTO exercise VALUES (?, ?)", (name, int(calories)))
        return jsonify({name: int(calories)}), 201

    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]  # Flask documents it so
    return app


def _connect(database: object) -> sqlite3.Connection:
    return sqlite3.connect(str(database), timeout=10)
