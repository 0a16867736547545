"""The web process: a page, a webhook whose signature is checked, and a scheduler that must never run twice."""

from __future__ import annotations

import hashlib
import hmac
import threading

from config import RocketSettings
from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from envkit import load_settings

PERIOD = 60.0
"""Seconds between two rounds of the scheduler."""


class Scheduler:
    """What Rocket does by itself, in a thread of the one worker."""

    def __init__(self) -> None:
        self.rounds = 0
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="scheduler", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.rounds += 1
            if self._stop.wait(PERIOD):
                return


def create_app() -> Flask:
    """The app with settings from the environment.

    Raises:
        SettingsError: with every setting that is missing or wrong.
    """
    settings = load_settings(RocketSettings)
    scheduler = Scheduler()
    app = Flask(__name__)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]

    @app.get("/")
    def home() -> str:
        return "🚀"

    @app.get("/health")
    def health() -> dict[str, int]:
        return {"scheduler_rounds": scheduler.rounds}

    @app.post(settings.github_webhook_endpt)
    def webhook() -> Response:
        key = settings.github_webhook_secret.get_secret_value().encode()
        expected = "sha256=" + hmac.new(key, request.get_data(), hashlib.sha256).hexdigest()
        is_github = hmac.compare_digest(expected, request.headers.get("X-Hub-Signature-256", ""))
        return Response(status=204 if is_github else 403)

    return app


app = create_app()
