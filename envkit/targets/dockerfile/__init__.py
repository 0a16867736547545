"""The target dockerfile: a plain Dockerfile that needs no image of envkit's, and what its build leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import Fragment
from envkit.targets.artifacts import Artifact, Judge, Rendering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment

LANGUAGE: Language = "dockerfile"
PYTHON = "3.13"
"""The app's Python, where the description names none."""
_GUNICORN_FILE = "deploy/gunicorn.conf.py"
_TEMPLATES = Path(__file__).parent / "templates"
_COMMAND = "envkit render dockerfile"


def render(deployment: Deployment, *, in_src: bool = False) -> Rendering:
    """The files for `docker build --file deploy/Dockerfile .`, in the project's folder.

    - `Dockerfile` makes what `FROM envkit-base` makes, without that image: users, virtual environment, probe.
    - `Dockerfile.dockerignore` is what BuildKit reads before .dockerignore, for this Dockerfile alone.
    - `probe.py` is the health probe.

    Args:
        deployment: the description.
        in_src: the app's modules lie in the project's folder `src`, where Python does not look by itself.

    Raises:
        CannotQuote: a Dockerfile cannot hold a text of the description.
    """
    address = derived.upstream(deployment)
    made = header(_COMMAND, derived.source(deployment))
    jinja = environment(LANGUAGE, _TEMPLATES)
    command = start_command(deployment)
    text = jinja.get_template("Dockerfile.j2").render(
        header=made,
        name=Fragment(deployment.name),
        python=Fragment(deployment.versions.python or PYTHON),
        in_src=in_src,
        port=address.port if address.kind == "service" else None,
        command=command,
        starts_envkit=deployment.settings is not None,
        starts_gunicorn=_GUNICORN_FILE in command,
    )
    artifacts = (
        Artifact("Dockerfile", text),
        Artifact("Dockerfile.dockerignore", f"{made}\n{DOCKERIGNORE}"),
        Artifact("probe.py", f"{made}\n{(_TEMPLATES.parent / 'probe.py').read_text(encoding='utf-8')}"),
    )
    return Rendering(artifacts, tuple(_findings(deployment)))


def app_dockerfile(*, in_src: bool = False) -> str:
    """The five lines of an app's own Dockerfile: dependencies before code, so that new code reinstalls nothing.

    The folder and the user are envkit-base's, the user by number: Kubernetes cannot tell that a name is not root's
    (runAsNonRoot). A sixth line lets Python find the app's modules where they lie in the folder `src`.
    """
    from envkit import __version__

    path = "ENV PYTHONPATH=/app/src\n" if in_src else ""

    return f"""\
FROM envkit-base:{__version__}
COPY requirements.txt /app/
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf,mode=0444 pip install --no-cache-dir -r requirements.txt
COPY . /app/
{path}USER 10001
"""


def start_command(deployment: Deployment) -> list[str]:
    """What the container does unless told otherwise.

    An app whose settings are a class of envkit's has envkit among its requirements, and `envkit run` checks them
    before it becomes gunicorn; any other app is started by gunicorn itself.
    """
    if deployment.settings is not None:
        return ["envkit", "run", "web"]
    return list(derived.web(deployment).command) or ["gunicorn", "--config", _GUNICORN_FILE, deployment.app]


def _judge(folder: Path, _: Deployment) -> list[str]:
    return ["hadolint", str(folder / "Dockerfile")]


JUDGE = Judge("hadolint", _judge)

DOCKERIGNORE = """\
# What stays out of the image, and out of the builder: secrets, history, data, and what is made anew.
**/.env
**/.env.*
**/*.env
**/*.env~
**/*.env.bak
**/.envrc
!**/.env.example
**/*.key
**/*.p12
**/*.pem
**/*.pfx
secrets
deploy/secrets
.git
data
deploy/data
instance
**/*.db
**/*.db-*
**/*.sqlite
**/*.sqlite3*
**/.venv
**/venv
**/__pycache__
**/*.pyc
**/.pytest_cache
**/.mypy_cache
**/.ruff_cache
**/node_modules
.dockerignore
**/Dockerfile*
"""
"""The text of `.dockerignore`."""


def _findings(deployment: Deployment) -> Iterator[Finding]:
    address = derived.upstream(deployment)
    if address.kind != "service":
        problem = f"the app listens on {address}, which nothing outside its container reaches"
        hint = 'say upstream = "web:8000", where web is the name of its container'
        yield Finding(deployment.origin, "http.upstream", problem, hint, severity="warning")
