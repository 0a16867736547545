"""A small project in a folder of its own, and the command line run inside this process."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from envkit.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DESCRIPTION = """\
name = "shop"
app = "shop:create_app()"
settings = "shop_settings:ShopSettings"

[http]
domains = ["shop.example.org"]

[processes.worker]
command = ["python", "-c", "print('worker')"]
"""
SETTINGS = """\
from envkit import Secret, Settings

class ShopSettings(Settings):
    api_token: Secret
    greeting: str = "hello"
    pool_size: int = 5
"""
APP = """\
def create_app():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"well\\n"]
    return app
"""


class Result(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: an app, its settings class, its description, and no settings."""
    for name in [name for name in os.environ if name.startswith("ENVKIT_") or name in {"NO_COLOR", "PORT"}]:
        monkeypatch.delenv(name)
    (tmp_path / "envkit.toml").write_text(DESCRIPTION)
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    (tmp_path / "shop.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def envkit(
    project: Path,  # noqa: ARG001  every command line runs in the project's folder
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Result]:
    """Runs a command line; `stdin` is its standard input."""

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main(list(arguments))
        return Result(code, *capsys.readouterr())

    return run
