"""The web process."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

from application import database
from application.settings import QuizSettings
from envkit import load_settings


def create_app() -> Flask:
    """The app with settings from the environment, and a database that is ready.

    Raises:
        SettingsError: with every setting that is missing or wrong.
    """
    settings = load_settings(QuizSettings)
    database.prepare(settings.database)
    app = Flask(__name__)
    app.secret_key = settings.flask_secret_key.get_secret_value()

    @app.get("/")
    def quizzes() -> Response:
        return jsonify(database.titles(settings.database))

    @app.post("/")
    def new_quiz() -> Response:
        title = request.form.get("title", "").strip()
        if not title:
            return Response("A quiz needs a title.\n", 400)
        return Response(status=201 if database.add(settings.database, title) else 409)

    @app.get("/health")
    def health() -> str:
        database.titles(settings.database)
        return "well\n"

    return app


app = create_app()
