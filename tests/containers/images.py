"""How the tests and the benchmark build the images: on a stand-in for the public base, by arguments and secrets."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.containers.engine_client import CA_BUNDLE

if TYPE_CHECKING:
    from tests.containers.engine_client import Docker

ROOT = Path(__file__).parents[2]
CANARY = "canary-of-the-build-7f3a"
"""In every file that must stay out of the images."""


def pip_configuration(folder: Path) -> Path:
    """The configuration of pip as a secret of builds."""
    file = folder / "pip.conf"
    file.write_text(f"# {CANARY}\n[global]\ncert = {CA_BUNDLE}\n")
    return file


def build_base(docker: Docker, stand_in: str, folder: Path, *options: str) -> str:
    """envkit-base; here its build trusts the certificate authorities that the secret ca.pem holds."""
    configuration = pip_configuration(folder)
    configuration.write_text(configuration.read_text().replace(str(CA_BUNDLE), "/run/secrets/ca.pem"))
    authorities = folder / "ca.pem"
    authorities.write_text(f"# {CANARY}\n{CA_BUNDLE.read_text()}")
    return docker.build(
        ROOT,
        "base",
        *options,
        file=ROOT / "image/Dockerfile",
        args=[f"BASE={stand_in}"],
        secrets=[f"id=pip.conf,src={configuration}", f"id=ca.pem,src={authorities}"],
    )


def make_app(base: str, folder: Path) -> Path:
    """The sample app with the Dockerfile that `envkit init --docker` writes, amid what must stay out of its image."""
    app = folder / "teams"
    left_out = shutil.ignore_patterns("__pycache__", ".env", "*.sqlite3", "Dockerfile", ".dockerignore")
    shutil.copytree(ROOT / "examples/flask_app", app, ignore=left_out)
    subprocess.run([sys.executable, "-m", "envkit", "init", "--docker"], cwd=app, check=True, capture_output=True)
    secret = (".env", "app.env", "teams_app/.env.production", ".git/config", "app.private-key.pem", "client.p12")
    files = ("deploy/secrets/SECRET_KEY", "secrets/SECRET_KEY", "instance/config.py")
    for path in (*secret, *files, "data/teams.sqlite3", "deploy/data/teams.db-wal"):
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).write_text(f"SECRET_KEY={CANARY}\n")
    dockerfile = app / "Dockerfile"
    first, _, rest = dockerfile.read_text().partition("\n")
    assert first.startswith("FROM envkit-base:")
    dockerfile.write_text(f"FROM {base}\n{rest}")
    return app


def settings_of_the_app(folder: Path) -> tuple[str, ...]:
    """Options of `docker run` that give the sample app its settings."""
    maker = [sys.executable, str(ROOT / "examples/flask_app/make_demo_env.py"), str(folder)]
    subprocess.run(maker, check=True, capture_output=True)
    lines = [line for line in (folder / ".env").read_text().splitlines() if not line.startswith("DATABASE=")]
    (folder / "run.env").write_text("\n".join([*lines, "DATABASE=/tmp/teams.sqlite3", ""]))
    return ("--env-file", str(folder / "run.env"), "--env", "ENVKIT_HTTP__UPSTREAM=web:8000")
