"""The first files of a project: `envkit.toml`, a settings class and its `.env.example`, from what the code shows."""

from __future__ import annotations

import json
import os
import re
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.lint_hints import KEY_BEGIN
from envkit.deployment.description_file import PROJECT_FILE, is_described
from envkit.deployment.model import FILE
from envkit.operations.guessing import guessed_field
from envkit.operations.layout import is_in_src
from envkit.operations.requirements import FILE as REQUIREMENTS
from envkit.operations.requirements import requirements_of
from envkit.operations.scanning import NoAppError, Scan, scan
from envkit.operations.variables import Variable
from envkit.operations.writing import Change, write_artifacts
from envkit.targets.artifacts import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic import BaseModel

EXAMPLE, ENV_FILE = ".env.example", ".env"


class Initialised(NamedTuple):
    """What was done."""

    app: str
    settings: str
    changes: tuple[Change, ...]
    """Files that were there already are `unchanged`."""
    notes: tuple[str, ...]


def initialise(folder: Path, *, app: str | None = None, name: str | None = None, docker: bool = False) -> Initialised:
    """Writes the files that are missing; overwrites nothing, and runs nothing of the app.

    Args:
        folder: the project's.
        app: the WSGI application as `module:callable`; None takes the likeliest one found.
        name: the app's name; None makes one of the folder's.
        docker: also a Dockerfile that begins from envkit-base, the .dockerignore beside it, and the requirements.txt
            that it installs, where pyproject.toml says what the app depends on.

    Raises:
        NoAppError: `app` is None and none was found.
        WriteError: a file cannot be written.
    """
    seen = scan(folder)
    described = _described(folder)
    chosen = described.get("app") or app or next(iter(seen.apps), None)
    if chosen is None:
        raise NoAppError(folder, seen.asgi_apps)
    notes = [_NOTE_FOR_ASGI.format(chosen)] if chosen in seen.asgi_apps else []
    if app is not None and described.get("app", app) != app:
        notes.append(f"the description names the app {chosen}, so {app} was not taken")
    elif not described:
        notes += [f"{other} looks like an application, too" for other in seen.apps if app is None and other != chosen]
    in_src = is_in_src(folder, chosen)
    if in_src:
        notes.append("the app lies in src, where Python looks when it is installed: pip install --editable .")
    due: list[Artifact] = []
    settings = described.get("settings") or next(iter(seen.settings_classes), None)
    if settings is not None:
        notes.append(_note_for_class(folder, settings, is_class_described=not described or "settings" in described))
    else:
        file, settings = _free_module(folder, chosen)
        variables = _variables(seen, folder)
        source, left_out = settings_source(variables)
        notes += [f"{variable} is not in the settings class: {reason}" for variable, reason in left_out]
        due.append(Artifact(file, source))
        due.append(Artifact(EXAMPLE, _example(source, settings)))
        if any(guessed_field(variable, set()).line for variable in seen.variables):
            notes.append(_note_for_code(settings, loads_env_file=seen.loads_env_file))
        elif not variables:
            notes.append(f"neither os.environ in the code nor {ENV_FILE} shows a setting: write the app's into {file}")
    if not is_described(folder):
        text = _description(name or _app_name(folder), chosen, settings, seen.health_path, docker=docker)
        due.insert(0, Artifact(FILE, text))
        if seen.health_path is None:
            notes.append(
                "no path for health was found: a server takes the app for started once /health answers 200; add it, or "
                "name another in http.health_path"
            )
    if docker:
        from envkit.targets.dockerfile import DOCKERIGNORE, app_dockerfile

        due += [Artifact("Dockerfile", app_dockerfile(in_src=in_src)), Artifact(".dockerignore", DOCKERIGNORE)]
        requirements = requirements_of(folder)
        if requirements is not None:
            due.append(Artifact(REQUIREMENTS, requirements))
        notes += _notes_for_docker(folder)
    present = [artifact.path for artifact in due if os.path.lexists(folder / artifact.path)]
    if is_described(folder):
        present.insert(0, FILE if (folder / FILE).exists() else PROJECT_FILE)
    written = write_artifacts([artifact for artifact in due if artifact.path not in present], folder)
    if not _ignores_env_file(folder):
        files = ".gitignore" if docker else ".gitignore and .dockerignore"
        notes.append(f"{ENV_FILE} will hold secrets: add it to {files}")
    if docker and ".dockerignore" in present:
        notes.append(f".dockerignore is there already; see that it keeps {ENV_FILE}, .git and data out of the image")
    changes = (*written, *(Change(path, "unchanged") for path in present))
    return Initialised(chosen, settings, changes, tuple(notes))


_NOTE_FOR_ASGI = (
    "{} is an ASGI application, and gunicorn's threads serve WSGI: name one that wraps it, such as "
    "a2wsgi.ASGIMiddleware(app), or give [processes.web] a command that serves it"
)


# --- the description ------------------------------------------------------------------------------------------------


def _described(folder: Path) -> dict[str, str]:
    """The app and the settings class that the description names, as far as it can be read."""
    import tomllib

    file = folder / FILE
    try:
        raw = tomllib.loads((file if file.exists() else folder / PROJECT_FILE).read_text(encoding="utf-8-sig"))
        table = raw if file.exists() else raw["tool"]["envkit"]
        return {key: text for key in ("app", "settings") if isinstance(text := table.get(key), str)}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}  # there is none, or `envkit check` says what is wrong with it


def _note_for_class(folder: Path, settings: str, *, is_class_described: bool) -> str:
    command = "envkit example" if is_class_described else f"envkit example --settings {settings}"
    if os.path.lexists(folder / EXAMPLE):
        return f"{settings} is there already; `{command} --check {EXAMPLE}` tells whether its example is right"
    return f"{settings} is there already; `{command} --out {EXAMPLE}` writes its example"


def _note_for_code(settings: str, *, loads_env_file: bool) -> str:
    name = settings.partition(":")[2]
    if loads_env_file:
        return f"the code reads os.environ: let it take its settings from load_settings({name}), which are checked"
    return (
        f"the code reads os.environ, into which envkit puts no {ENV_FILE}: let it take its settings from "
        f"load_settings({name}); until then run `envkit up --env-file {ENV_FILE}`"
    )


def _app_name(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")
    return (name if name[:1].isalpha() else f"app-{name}".strip("-"))[:31].rstrip("-")


def _description(name: str, app: str, settings: str, health_path: str | None, *, docker: bool) -> str:
    health = f"health_path = {json.dumps(health_path)}"
    if health_path is None:
        health = '# health_path = "/health"  # a path of the app that answers 200 when it is well'
    upstream = 'upstream = "web:8000"  # the container of the web process\n' if docker else ""
    return f"""\
# How this app runs. `envkit schema --example` shows every key, `envkit check` says what is wrong.
name = {json.dumps(name)}
app = {json.dumps(app)}
settings = {json.dumps(settings)}

[http]
# domains = ["{name}.example.org"]
tls = "off"  # or letsencrypt, files, or upstream where a load balancer ends it
{upstream}{health}

# Folders that nginx serves itself, by URL prefix:
# [http.static."/static/"]
# directory = "/srv/{name}/static"

[processes.web]
# cpus = 2            # workers follow from these two
# memory = "512 MiB"
# singleton = true    # where a scheduler runs inside the web process: never two of it at a time

# [processes.worker]
# command = "python -m worker"
"""


def _notes_for_docker(folder: Path) -> Iterator[str]:
    if not (folder / REQUIREMENTS).exists() and requirements_of(folder) is None:
        yield f"{REQUIREMENTS} is missing: name there what the app needs; envkit and gunicorn are in the image already"
    if is_described(folder) and not _says_where_the_container_is(folder):
        yield 'in a container the web process needs [http] upstream = "web:8000", where web is the container\'s name'


def _says_where_the_container_is(folder: Path) -> bool:
    files = (folder / name for name in (FILE, PROJECT_FILE))
    text = b"\n".join(file.read_bytes() for file in files if file.is_file())
    return re.search(rb"(?m)^\s*(upstream\s*=|\[[\w.]*container\b)", text) is not None


# --- the settings class ---------------------------------------------------------------------------------------------


def settings_source(variables: list[Variable]) -> tuple[str, list[tuple[str, str]]]:
    """The module of a settings class for these variables, and those it leaves out with the reason.

    No default of a variable that may be secret is taken over.
    """
    left_out: list[tuple[str, str]] = []
    fields: list[str] = []
    imports: dict[str, set[str]] = {"envkit": {"Settings"}}
    for variable in variables:
        guess = guessed_field(variable, {other.name for other in variables})
        if guess.line is None:
            if guess.reason:
                left_out.append((variable.name, guess.reason))
            continue
        fields.append(f"    {guess.line}")
        for module, word in guess.imports:
            imports.setdefault(module, set()).add(word)
    if not fields:
        fields.append("    debug: bool = False")
    # As import sorters have it: the standard library, then what is installed.
    groups = [[module for module in sorted(imports) if (module == "pathlib") is first] for first in (True, False)]
    lines = [[f"from {module} import {', '.join(sorted(imports[module]))}" for module in group] for group in groups]
    head = "\n\n".join("\n".join(group) for group in lines if group)
    body = "\n".join(fields)
    doc = '    """Every setting of the app; a field `github_key` reads GITHUB_KEY."""'
    top = '"""What the app needs to know before it starts."""'
    return f"{top}\n\n{head}\n\n\nclass AppSettings(Settings):\n{doc}\n\n{body}\n", left_out


def _variables(seen: Scan, folder: Path) -> list[Variable]:
    """The variables of the code, then those that only an existing `.env` names.

    Of its values is taken only which are private keys.
    """
    from envkit.settings.dotenv import parse
    from envkit.settings.files import UnreadableFile, load_text

    path = folder / ENV_FILE
    if not path.is_file():
        return list(seen.variables)
    try:
        values = parse(load_text(str(path)), interpolate=False).values
    except UnreadableFile:
        return list(seen.variables)
    known = {variable.name for variable in seen.variables}
    more = [Variable(name, required=False, default=None, cast="") for name in values if name not in known]
    keys = {name for name, value in values.items() if value and KEY_BEGIN.match(value.replace("\\-", "-").lstrip())}
    return [
        variable._replace(cast="key") if variable.name in keys else variable for variable in (*seen.variables, *more)
    ]


def _free_module(folder: Path, app: str) -> tuple[str, str]:
    """File and class for the settings, beside the app's own module."""
    module = app.partition(":")[0]
    parts = module.split(".")
    base = next((root for root in (folder, folder / "src") if (root.joinpath(*parts)).is_dir()), None)
    if base is None:  # a module, not a package
        parts = parts[:-1]
        base = next((root for root in (folder, folder / "src") if (root.joinpath(*parts)).is_dir()), folder)
    names = chain(("settings", "app_settings", "envkit_settings"), (f"settings_{number}" for number in count(2)))
    return next(
        (path.relative_to(folder).as_posix(), f"{'.'.join([*parts, name])}:AppSettings")
        for name in names
        if not os.path.lexists(path := base.joinpath(*parts, f"{name}.py")) and not path.with_suffix("").exists()
    )


def _example(source: str, settings: str) -> str:
    """The example of the class just written, whose text is run here on its own: the app's package is not imported."""
    import sys
    from types import ModuleType

    from envkit.settings.example import example

    module = ModuleType("envkit_init_settings")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, settings, "exec"), module.__dict__)  # noqa: S102  made above, of names and constants
        model: type[BaseModel] = module.AppSettings
        return example(model, settings, command=f"envkit example --out {EXAMPLE}")
    finally:
        del sys.modules[module.__name__]


def _ignores_env_file(folder: Path) -> bool:
    try:
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip().lstrip("/") in {".env", ".env*", "*.env", ".env.*"} for line in lines)
