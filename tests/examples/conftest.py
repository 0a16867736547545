"""The sample app with made-up settings, in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    """The GitHub App's key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def pem(signing_key: rsa.RSAPrivateKey) -> str:
    """The key as GitHub hands it out."""
    return signing_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture
def values(tmp_path: Path, pem: str) -> dict[str, str]:
    """Settings by field name, as text."""
    return {
        "secret_key": "a secret that signs sessions",
        "github_app_id": "Iv1.8a61f9b3a7aba766",
        "github_key": pem,
        "webhook_secret": "It's a Secret to Everybody",
        "admin_token": "only=the/admin:knows",
        "database": str(tmp_path / "teams.sqlite3"),
        "session_cookie_secure": "false",
    }


@pytest.fixture
def make_app(values: dict[str, str]) -> Callable[..., Flask]:
    """Makes the app, with changes to the settings."""
    from examples.flask_app.teams_app import create_app
    from examples.flask_app.teams_app.settings import AppSettings

    def make(**changes: Any) -> Flask:
        return create_app(AppSettings(**(values | changes)))

    return make


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The app with the settings above."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies yet."""
    return app.test_client()
