"""Teams: a small Flask app that takes every setting from envkit.

gunicorn serves `teams_app:create_app()`; `flask --app teams_app run` does so while developing.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from envkit import load_settings

from . import database, github, logs, pages, problems
from .settings import AppSettings


def create_app(settings: AppSettings | None = None) -> Flask:
    """The app, with its database ready.

    Args:
        settings: loaded from the environment and `.env` unless given.

    Raises:
        envkit.SettingsError: settings are missing or wrong; it names all of them.
        RuntimeError: the database was written by a newer version of this app.
    """
    if settings is None:
        settings = load_settings(AppSettings)
    app = Flask(__name__)
    app.config.from_object(settings)
    app.config.update(
        DEBUG=False,  # whatever FLASK_DEBUG says: what went wrong is for the log, not for visitors
        SESSION_COOKIE_NAME="teams_session",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,  # forms are small; the webhook has a limit of its own
    )
    logs.init_app(app)
    database.init_app(app)
    problems.init_app(app)
    github.init_app(app, settings)
    app.register_blueprint(pages.blueprint)
    if settings.proxy_hops > 0:
        # X-Forwarded-For and -Proto only: nginx passes the name that the client asked for as Host itself, and
        # a header that no proxy overwrites is the client's to invent.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # the way Flask documents to wrap an app
            app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops
        )
    return app
