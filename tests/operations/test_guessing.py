"""A field is guessed from a variable's name and from how the code reads it; what may be secret is a Secret."""

from __future__ import annotations

import pytest

from envkit.operations.guessing import guessed_field
from envkit.operations.variables import Variable


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("API_KEY", "api_key: Secret"),
        ("STRIPE_SECRET", "stripe_secret: Secret"),
        ("CLIENTSECRET", "clientsecret: Secret"),
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id: Secret"),
        ("DB_PASSWORD", "db_password: Secret"),
        ("REDIS_URL", "redis_url: Secret"),
        ("SLACK_WEBHOOK_URL", "slack_webhook_url: Secret"),
        ("SENTRY_DSN", "sentry_dsn: Secret"),
        ("GITHUB_PRIVATE_KEY", "github_private_key: PrivateKey"),
        ("APPLE_KEY_PEM", "apple_key_pem: PrivateKey"),
        ("PUBLIC_KEY", "public_key: Secret"),
        ("DATABASE_URL", "database_url: DatabaseUrl"),
        ("SQLALCHEMY_DATABASE_URI", "sqlalchemy_database_uri: DatabaseUrl"),
        ("KEYBOARD", "keyboard: str"),
        ("MONKEY", "monkey: str"),
        ("SECRET_KEY_PATH", "secret_key_path: Path"),
        ("UPLOAD_DIR", "upload_dir: Path"),
        ("DEBUG", "debug: bool"),
        ("FEATURE_ENABLED", "feature_enabled: bool"),
        ("PORT", "port: int"),
        ("SMTP_PORT", "smtp_port: int"),
        ("CLASS", 'class_: str = Field(alias="CLASS")'),
        ("MODEL_NAME", 'model_name_: str = Field(alias="MODEL_NAME")'),
        ("SCHEMA", 'schema_: str = Field(alias="SCHEMA")'),
    ],
)
def test_a_required_variable(name, line):
    """The type follows from the name."""
    assert guessed_field(Variable(name, required=True, default=None, cast=""), set()).line == line


@pytest.mark.parametrize(
    ("name", "default", "cast", "line"),
    [
        ("GREETING", "hi", "", 'greeting: str = "hi"'),
        ("GREETING", None, "", "greeting: str | None = None"),
        ("API_KEY", "canary", "", "api_key: Secret"),
        ("API_KEY", "", "", "api_key: Secret | None = None"),
        ("POOL", "007", "int", "pool: int = 7"),
        ("POOL", "-3", "int", "pool: int = -3"),
        ("POOL", "many", "int", "pool: int | None = None"),
        ("RATIO", "0.5", "float", "ratio: float = 0.5"),
        ("RATIO", "1", "float", "ratio: float = 1.0"),
        ("SHOW", "True", "", "show: bool = True"),
        ("DEBUG", "0", "", "debug: bool = False"),
        ("HOSTS", "a, b,", "list", 'hosts: list[str] = ["a", "b"]'),
        ("HOSTS", None, "list", "hosts: list[str] = []"),
        ("GITHUB_KEY", None, "key", "github_key: PrivateKey | None = None"),
    ],
)
def test_an_optional_variable(name, default, cast, line):
    """The default of the code is taken over, but for one that may be secret."""
    assert guessed_field(Variable(name, required=False, default=default, cast=cast), set()).line == line


@pytest.mark.parametrize("name", ["PATH", "HOME", "PYTHONPATH", "ENVKIT_ENV", "FLASK_APP", "LC_ALL"])
def test_variables_of_the_system_are_left_out_silently(name):
    """Nobody would look for them among the app's settings."""
    assert guessed_field(Variable(name, required=True, default=None, cast=""), set()) == (None, (), "")


def test_a_name_that_names_a_file_is_envkits_own_business():
    """NAME_FILE beside NAME is how envkit itself reads NAME."""
    variable = Variable("API_KEY_FILE", required=False, default=None, cast="")
    assert guessed_field(variable, {"API_KEY", "API_KEY_FILE"}).line is None
    assert guessed_field(variable, {"API_KEY_FILE"}).line == "api_key_file: Path | None = None"


@pytest.mark.parametrize("name", ["lower", "Mixed_Case", "_PRIVATE"])
def test_a_name_that_no_field_has_is_left_out_with_the_reason(name):
    """A field's name in capitals is what it reads."""
    guess = guessed_field(Variable(name, required=True, default=None, cast=""), set())
    assert (guess.line, guess.reason) == (None, "its name is not in capital letters; add it with an alias")
