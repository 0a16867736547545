"""The target heroku: an app that Heroku's Python buildpack builds, and its config vars set without being shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import CannotQuote, quote_shell
from envkit.targets import gunicorn
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.findings import warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding
    from envkit.targets.settings import SettingNames

LANGUAGE: Language = "shell"
COMMAND = "envkit render heroku --out ."
LIMIT = 32 * 1024
"""Bytes of all config vars of an app together (devcenter.heroku.com, Limits)."""
KILL_AFTER = 30
"""Seconds from SIGTERM to SIGKILL (devcenter.heroku.com, Dynos: graceful shutdown)."""
LONGEST_REQUEST = 30
"""Seconds until the router gives up a request (devcenter.heroku.com, HTTP Routing: H12)."""
_FOLDER = "heroku"
_TEMPLATES = Path(__file__).parent / "templates"


def render(deployment: Deployment, settings: SettingNames | None = None) -> Rendering:
    """The files of an app on Heroku; they belong in the project's own folder: `--out .`.

    - `Procfile`: the app's processes; `release` is Heroku's release phase.
    - `app.json`: the names of the settings, how many dynos each process has, the buildpack.
    - `.python-version`, where the description names Python's version.
    - `heroku/gunicorn.conf.py` listens on `$PORT`.
    - `heroku/config.sh` sets the config vars from standard input.

    Raises:
        CannotQuote: a text of the description has no spelling in a language of the files.
    """
    app = _on_heroku(deployment)
    script = environment("shell", _TEMPLATES).get_template("config.sh.j2")
    artifacts = [
        Artifact("Procfile", _procfile(app)),
        Artifact("app.json", _app_json(app, settings)),
        Artifact(f"{_FOLDER}/gunicorn.conf.py", _gunicorn_file(app)),
        Artifact(
            f"{_FOLDER}/config.sh",
            script.render(header=header(COMMAND, derived.source(deployment)), limit=LIMIT),
            0o755,
        ),
    ]
    if deployment.versions.python:
        artifacts.append(
            Artifact(
                ".python-version", f"{header(COMMAND, derived.source(deployment))}\n{deployment.versions.python}\n"
            )
        )
    return Rendering(tuple(artifacts), tuple(_findings(deployment, settings)))


JUDGE = Judge("sh", lambda folder, _: ["sh", "-n", str(folder / _FOLDER / "config.sh")])


def _on_heroku(deployment: Deployment) -> Deployment:
    """The description with what Heroku decides: the port, the user, and that a dyno is killed after 30 seconds."""
    timeouts = deployment.http.timeouts
    graceful = min(timeouts.graceful, float(KILL_AFTER - 5))
    web = replace(derived.web(deployment), user=None, group=None)
    return replace(
        deployment,
        http=replace(
            deployment.http,
            upstream=derived.CONTAINER_UPSTREAM,
            timeouts=replace(timeouts, graceful=graceful),
        ),
        processes={"web": web, **{name: item for name, item in deployment.processes.items() if name != "web"}},
    )


def _gunicorn_file(app: Deployment) -> str:
    (served,) = gunicorn.render(app).artifacts
    killed = "the {} s after which the process is killed"
    text = served.text.replace(killed.format(derived.stop_grace(app)), killed.format(KILL_AFTER), 1)
    return text.replace(gunicorn.COMMAND, COMMAND, 1)


def _procfile(deployment: Deployment) -> str:
    """One line a process. Heroku hands each to a shell, so that words are quoted for one."""
    lines = [str(header(COMMAND, derived.source(deployment)))]
    for name, process in deployment.processes.items():
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            raise CannotQuote("a Procfile", "this name of a process")
        words = list(process.command) or ["gunicorn", "--config", f"{_FOLDER}/gunicorn.conf.py"]
        command = quote_shell(words)
        if "\n" in command or "\r" in command:
            raise CannotQuote("a Procfile", "a line break in a command")
        # Heroku's buildpack sets WEB_CONCURRENCY by the dyno's size, which a singleton must not follow.
        prefix = "env WEB_CONCURRENCY=1 " if name == "web" and process.singleton and not process.command else ""
        if process.schedule is None:
            lines.append(f"{name}: {prefix}{command}")
    return "\n".join(lines) + "\n"


def _app_json(deployment: Deployment, settings: SettingNames | None) -> str:
    """JSON has no comments: what made the file stands in its description."""
    running = [name for name, process in deployment.processes.items() if name != "release" and process.schedule is None]
    document: dict[str, Any] = {
        "name": deployment.name,
        "description": " ".join(header(COMMAND, derived.source(deployment), prefix="").split("\n")),
        "buildpacks": [{"url": "heroku/python"}],
        "formation": {name: {"quantity": 1} for name in running},
        "env": {setting.name: {"required": setting.required} for setting in settings or ()},
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _findings(deployment: Deployment, settings: SettingNames | None) -> Iterator[Finding]:
    http = deployment.http
    if settings is None:
        yield warning(
            deployment, "settings", "names no class, so app.json names no setting", 'add settings = "module:Class"'
        )
    for setting in settings or ():
        if setting.name.startswith(("__", "HEROKU_")):
            yield warning(
                deployment, "settings", f"{setting.name} is a name that Heroku keeps for itself", "rename the setting"
            )
    if not deployment.versions.python:
        yield warning(
            deployment, "versions.python", "is not given, so Heroku chooses the Python version", 'add python = "3.13"'
        )
    if http.static:
        yield warning(deployment, "http.static", "there is no nginx to serve these folders", "let the app serve them")
    if http.timeouts.request > LONGEST_REQUEST:
        yield warning(deployment, "http.timeouts.request", f"Heroku gives a request up after {LONGEST_REQUEST} s")
    if http.timeouts.graceful > KILL_AFTER - 5:
        yield warning(
            deployment,
            "http.timeouts.graceful",
            f"Heroku kills a dyno {KILL_AFTER} s after SIGTERM, so gunicorn gets {KILL_AFTER - 5} s",
        )
    if deployment.container is not None and deployment.container.data:
        yield warning(
            deployment, "container.data", "a dyno's files are gone when it restarts", "keep data in a database"
        )
    for name, process in deployment.processes.items():
        if process.schedule is not None:
            yield warning(
                deployment, f"processes.{name}.schedule", "Heroku Scheduler is set by hand", "add the command there"
            )
        elif process.singleton:
            yield warning(
                deployment,
                f"processes.{name}.singleton",
                "Heroku may run the old and the new dyno at once for a moment",
                "keep one dyno, and preboot off",
            )
