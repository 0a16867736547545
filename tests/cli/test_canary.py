"""No command prints any part of a secret, wherever it stands and whether it is right or wrong."""

from __future__ import annotations

import pytest

SETTINGS = """\
from envkit import DatabaseUrl, PrivateKey, Secret, Settings

class ShopSettings(Settings):
    api_token: Secret
    github_key: PrivateKey
    database_url: DatabaseUrl
    pool_size: int = 5
"""
CANARIES = {
    "API_TOKEN": "cnry1Token\N{SNOWMAN}",
    "GITHUB_KEY": "-----BEGIN PRIVATE KEY-----\\ncnry2KeyBody\\n-----END PRIVATE KEY-----",
    "DATABASE_URL": "postgresql://user:cnry3Password@host/name?x=cnry3Query",
    "POOL_SIZE": "cnry4NotANumber",
    "API_TOKN": "cnry5Misspelt",
}
COMMANDS = [
    ("check",),
    ("check", "--json"),
    ("explain",),
    ("explain", "--json"),
    ("example",),
    ("example", "--check", ".env"),
    ("example", "--out", ".env"),
    ("render",),
    ("render", "--diff", "--check"),
    ("verify", "gunicorn"),
    ("run", "worker"),
    ("run", "nope"),
    ("init",),
    ("schema",),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("source", ["environment", ".env", "description"])
def test_nothing_of_a_secret_is_printed(project, envkit, monkeypatch, source, arguments):
    """Secrets in the environment, in `.env`, and where they do not belong: in the description's variables."""
    (project / "shop_settings.py").write_text(SETTINGS)
    (project / ".env").write_text("")
    if source == "environment":
        for name, value in CANARIES.items():
            monkeypatch.setenv(name, value)
    elif source == ".env":
        lines = [f"{name}='{value}'" for name, value in CANARIES.items()]
        (project / ".env").write_text("\n".join([*lines, 'cnry6 = "never closed cnry6', ""]))
    else:
        monkeypatch.setenv("ENVKIT_HTTP__PORT", "cnry7")
        monkeypatch.setenv("ENVKIT_HTTP__DOMAINS", "cnry7 cnry7")
        monkeypatch.setenv("ENVKIT_PROCESSES", '{"cnry7 x": {"cnry7": 1}')
    result = envkit(*arguments)
    assert "cnry" not in result.out + result.err
    if arguments[0] in {"check", "explain", "run"}:
        assert result.code != 0
