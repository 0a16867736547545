"""Serving on loopback: gunicorn, and nginx in front of it; started together, ended together, nothing left over."""

from __future__ import annotations

import os
import shlex
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from envkit.deployment import derived
from envkit.findings import Finding, FindingsError, words_of
from envkit.operations.loopback import HOST, on_loopback
from envkit.operations.programs import find_program
from envkit.operations.supervising import Program, supervise
from envkit.operations.writing import write_artifacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from envkit.deployment.model import Deployment
    from envkit.operations.nginx_program import Nginx

DEFAULT_PORT = 8080
_PORTS_TRIED = 100


class CannotServeError(FindingsError):
    """Serving cannot begin; `findings` says why."""

    def __init__(self, finding: Finding) -> None:
        """Keeps the finding."""
        super().__init__((finding,))


class Sources(TypedDict):
    """Arguments of `check_settings`."""

    env_files: tuple[Path, ...]
    environ: dict[str, str]


def serve(
    deployment: Deployment,
    folder: Path,
    *,
    port: int | None,
    nginx: Nginx | None,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> int:
    """Serves the app at 127.0.0.1 until a signal comes, or one of the programs ends.

    Args:
        deployment: the description.
        folder: an existing folder for the rendered files and the socket, readable by nobody else.
        port: where to answer; None takes 8080 or the next free one.
        nginx: what stands in front of gunicorn; None lets gunicorn answer itself.
        environ: the environment of the programs.
        say: takes one line for the person who waits; once the app answers, also what answers, and how to end it.
        announce: takes the address once the app answers.

    Returns:
        0 when a signal ended it, 1 when a program ended by itself or the app did not answer.

    Raises:
        CannotServeError: the port is taken, or a program is missing.
        DescriptionError: the files cannot be rendered.
    """
    web = deployment.processes.get("web")
    if web is not None and web.command:
        problem = "the web process has a command of its own, and up serves through gunicorn"
        raise CannotServeError(
            Finding(deployment.origin, "processes.web.command", problem, "start it by `envkit run web`")
        )
    gunicorn = find_program("gunicorn")
    if gunicorn is None:
        raise CannotServeError(Finding("", "gunicorn", "is not installed", "install it: pip install gunicorn"))
    chosen = _choose_port(port, say)
    local, notes = on_loopback(
        deployment, folder, chosen, nginx_version=nginx.version if nginx else None, free_port=_free_port
    )
    for note in notes:
        say(note)

    has_answered = False

    def tell_where() -> None:
        nonlocal has_answered
        has_answered = True
        announce(f"http://{HOST}:{chosen}/")
        for line in _what_answers(local, nginx):
            say(line)

    code = supervise(
        _programs(local, folder, gunicorn, nginx, environ, lambda: _is_well(chosen, local.http.health_path, say)),
        on_ready=tell_where,
        grace=derived.stop_grace(local),
        say=say,
    )
    missed = _missed_in(environ) if code and not has_answered else []
    if missed:
        say(
            f"the code reads {', '.join(missed)} from os.environ, into which envkit puts no .env: let it take its "
            "settings from load_settings, or run `envkit up --env-file .env`"
        )
    return code


def environment_for(env_files: Sequence[Path]) -> dict[str, str]:
    """The environment of an app on a developer's machine.

    What is exported stays; to it come the settings of `env_files`, the later file first, and ENVKIT_ENV=development
    unless some `.env` file says something else.

    Raises:
        CannotServeError: a file cannot be read.
    """
    from envkit.settings.model import DEVELOPMENT, ENVIRONMENT_VARIABLE
    from envkit.settings.sources import DEFAULT_ENV_FILE

    environ = dict(os.environ)
    for path in reversed(env_files):
        environ = {**_values_of(path, environ), **environ}
    if not environ.get("WEB_CONCURRENCY", "1").strip():  # gunicorn dies of an empty one
        del environ["WEB_CONCURRENCY"]
    if not environ.get(ENVIRONMENT_VARIABLE):
        own = Path(DEFAULT_ENV_FILE)
        said = _values_of(own, environ).get(ENVIRONMENT_VARIABLE) if own.exists() else None
        environ[ENVIRONMENT_VARIABLE] = said or DEVELOPMENT
    return environ


def _values_of(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    from envkit.settings.dotenv import parse
    from envkit.settings.files import UnreadableFile, load_text

    try:
        text = load_text(str(path))
    except UnreadableFile as error:
        problem = Finding(str(path), "", error.problem, error.hint)
    else:
        values = parse(text, environ=environ, override=False).values
        return {name: value for name, value in values.items() if value is not None}
    raise CannotServeError(problem)


def _missed_in(environ: Mapping[str, str]) -> list[str]:
    """What stands in `.env` and not in an environment, from which the code takes it without a default."""
    from envkit.operations.scanning import scan
    from envkit.settings.sources import DEFAULT_ENV_FILE

    own = Path(DEFAULT_ENV_FILE)
    if not own.exists():
        return []
    seen = scan(Path())
    if seen.loads_env_file:
        return []
    missing = _values_of(own, environ).keys() - environ.keys()
    return [variable.name for variable in seen.variables if variable.required and variable.name in missing]


def sources_for(env_files: Sequence[Path], environ: Mapping[str, str]) -> Sources:
    """Where the app, given `environment_for(env_files)`, finds its settings: so that messages name the files."""
    from envkit.settings.model import ENVIRONMENT_VARIABLE
    from envkit.settings.sources import DEFAULT_ENV_FILE

    own = [path for path in (Path(DEFAULT_ENV_FILE),) if path.exists()]
    exported = {**os.environ, ENVIRONMENT_VARIABLE: environ[ENVIRONMENT_VARIABLE]}
    return {"env_files": (*own, *env_files), "environ": exported}


# --- the two programs -----------------------------------------------------------------------------------------------


def _programs(
    local: Deployment,
    folder: Path,
    gunicorn: str,
    nginx: Nginx | None,
    environ: Mapping[str, str],
    is_well: Callable[[], bool],
) -> list[Program]:
    from envkit.targets.registry import render_target

    write_artifacts(render_target("gunicorn", local).artifacts, folder, force=True)
    # Said once more as an argument: PORT, which somebody may have set for another purpose, must not move it.
    bind = derived.gunicorn_bind(local)
    command = [gunicorn, "--config", str(folder / "gunicorn.conf.py"), "--bind", bind, local.app]
    if nginx is None:
        return [Program("gunicorn", command, environ, signal.SIGTERM, is_well)]
    app = Program("gunicorn", command, environ, signal.SIGTERM, lambda: _listens(local))
    _write_nginx(local, folder)
    command = [nginx.program, "-p", str(folder), "-c", str(folder / "nginx/nginx.conf"), *nginx.quietly]
    # The app's secrets are none of its business; a variable NGINX would make it take over another one's sockets.
    own = {name: environ[name] for name in ("PATH", "TZ") if name in environ}
    # QUIT lets running requests end, TERM would not (nginx(8)).
    return [app, Program("nginx", command, own, signal.SIGQUIT, is_well)]


def _write_nginx(local: Deployment, folder: Path) -> None:
    from dataclasses import replace

    from envkit.targets import nginx
    from envkit.targets.nginx.place import Place

    place = Place.below(str(folder), host=HOST)
    if os.geteuid() == 0:
        place = replace(place, user="root")  # any other could not enter a folder that is root's alone
    if not _can_open_standard_error():
        place = replace(place, access_log=f"{folder}/access.log")
    write_artifacts(nginx.render(local, place).artifacts, folder, force=True)


def _can_open_standard_error() -> bool:
    """Whether nginx can log there by path: a socket, and a terminal of another user (su), cannot be opened."""
    try:
        os.close(os.open("/dev/stderr", os.O_WRONLY | os.O_APPEND | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _what_answers(local: Deployment, nginx: Nginx | None) -> Iterator[str]:
    if nginx is None:
        yield f"gunicorn serves {local.name} there; Ctrl-C ends it"
        return
    yield f"nginx and gunicorn serve {local.name} there; Ctrl-C ends both"
    flag = shlex.quote(str(local.maintenance.flag))
    yield f"to see the maintenance page: touch {flag}; to end it: rm {flag}"


# --- where it answers -----------------------------------------------------------------------------------------------


def _choose_port(wanted: int | None, say: Callable[[str], None]) -> int:
    if wanted is not None:
        problem = _why_not(wanted)
        if problem:
            raise CannotServeError(Finding("", f"port {wanted}", problem, "choose another by --port"))
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if not _why_not(port):
            if port != DEFAULT_PORT:
                say(f"port {DEFAULT_PORT} is taken; using {port}")
            return port
    raise CannotServeError(Finding("", f"port {DEFAULT_PORT}", "is taken, and the next ones too", "choose by --port"))


def _why_not(port: int) -> str:
    """Why nothing can listen on a port; empty when it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as nginx and gunicorn do
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return "needs root's rights"
        except OSError as error:
            return words_of(error)
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _listens(local: Deployment) -> bool:
    """Whether gunicorn takes connections."""
    address = derived.upstream(local)
    with socket.socket(socket.AF_UNIX if address.kind == "unix" else socket.AF_INET) as probe:
        return probe.connect_ex(address.path or (address.host, address.port)) == 0


def _is_well(port: int, path: str, say: Callable[[str], None]) -> bool:
    """Whether the app answers; one that answers, but not 200, has its health somewhere else, and that is said."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    if status == 400:  # as Django's ALLOWED_HOSTS and Werkzeug's trusted hosts refuse one
        say(f"{path} answers 400; an app that knows its host names, as by ALLOWED_HOSTS, must know {HOST} here")
    elif 200 < status < 500:
        say(f"{path} answers {status}; http.health_path should name a path that answers 200 when the app is well")
    return status < 500
