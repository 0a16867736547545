"""Running a process of the app: this process becomes it, so that signals reach it and no shell stands between."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from envkit.findings import Finding, FindingsError, did_you_mean, words_of
from envkit.operations.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment

GUNICORN_FILE = "gunicorn.conf.py"


class CannotRunError(FindingsError):
    """The process cannot be started; `findings` says why."""

    def __init__(self, finding: Finding) -> None:
        """Keeps the finding."""
        super().__init__((finding,))


def process_command(
    name: str, deployment: Deployment, *, folder: Path, config: Path | None = None, arguments: Sequence[str] = ()
) -> list[str]:
    """The program and arguments of a process.

    The web process without a command of its own is gunicorn with the file that `envkit render` wrote. Where there is
    none, or where the environment overrides the description, the file is rendered now, into memory.

    Args:
        name: the process.
        deployment: the description.
        folder: where `envkit render` writes.
        config: gunicorn's file, instead of the rendered one.
        arguments: added at the end.

    Raises:
        CannotRunError: there is no such process, or no such file.
        DescriptionError: gunicorn's file cannot be rendered.
    """
    process = deployment.processes.get(name)
    if process is None and name != "web":
        hint = did_you_mean(name, _names(deployment)) or known_processes(deployment)
        raise CannotRunError(Finding(deployment.origin, f"processes.{name}", "no such process", hint))
    if process is not None and process.command:
        return [*process.command, *arguments]
    file = config or folder / GUNICORN_FILE
    if config is not None and not config.is_file():
        raise CannotRunError(Finding(str(config), "", "no such file"))
    if config is None and (_is_overridden() or not file.is_file()):
        file = _rendered_into_memory(deployment, file)
    return ["gunicorn", "--config", str(file), *arguments, deployment.app]


def known_processes(deployment: Deployment) -> str:
    """The names that `process_command` takes, in words."""
    return f"known: {', '.join(_names(deployment))}"


def become(command: Sequence[str]) -> NoReturn:
    """Replaces this process by `command`: same process id, same environment, no shell.

    As the first process of a container it blocks SIGTERM for gunicorn, whose rendered file unblocks it: without a
    handler a signal would be lost there (pid_namespaces(7)). An empty WEB_CONCURRENCY is taken out, as Compose makes
    of an unset one: gunicorn dies of it while it is imported, before it reads any file (gunicorn/config.py, class
    Workers).

    Raises:
        CannotRunError: the program is not there or cannot be started.
    """
    program = find_program(command[0])
    if program is None:
        hint = "install it: pip install gunicorn" if command[0] == "gunicorn" else "is it installed, and in PATH?"
        raise CannotRunError(Finding("", command[0], "no such program", hint))
    if not os.environ.get("WEB_CONCURRENCY", "1").strip():
        del os.environ["WEB_CONCURRENCY"]
    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these two for itself (signal(3)), and an ignored signal stays ignored after execve(2): a process
    # that writes to a closed pipe has to die of it, as it does when a shell starts it.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if os.getpid() == 1 and _unblocks(command):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        # A virtual environment's python finds its packages by the path under which it was called.
        os.execv(program, [program, *command[1:]])  # noqa: S606  no shell is what is wanted
    except OSError as error:
        problem = f"cannot be started: {words_of(error)}"
    raise CannotRunError(Finding("", command[0], problem))


def _unblocks(command: Sequence[str]) -> bool:
    """Whether this is gunicorn with a file that ends the blocking of SIGTERM, and with no option that names another."""
    if len(command) != _GUNICORN_WORDS or command[:2] != ["gunicorn", "--config"] or "GUNICORN_CMD_ARGS" in os.environ:
        return False
    from envkit.operations import gunicorn_file

    if command[2] == gunicorn_file.__file__:
        command = [*command[:2], gunicorn_file.path_in_memory()]
    return b"signal.SIG_UNBLOCK" in Path(command[2]).read_bytes()


_GUNICORN_WORDS = 4
"""gunicorn --config FILE APP, as `process_command` gives them without further arguments."""


def _names(deployment: Deployment) -> tuple[str, ...]:
    return (*deployment.processes, *(() if "web" in deployment.processes else ("web",)))


def _is_overridden() -> bool:
    """Whether the environment changes keys of the description, which the file written earlier does not know."""
    from envkit.deployment.overrides import PREFIX, find_overrides

    named = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    return any(find_overrides(named, {}))  # findings: of a process, which only the file itself can name


def _rendered_into_memory(deployment: Deployment, place: Path) -> Path:
    """Gunicorn's file as an open file without a name: nothing is left over, and a read-only file system is enough."""
    from envkit.targets.registry import render_target

    (artifact,) = render_target("gunicorn", deployment).artifacts
    # The lines of the user's own are looked for beside the file, which is where rendering would have put it.
    text = f"__file__ = {str(place.absolute())!r}\n{artifact.text}"
    if not hasattr(os, "memfd_create"):  # not Linux
        return _rendered_into_a_folder(text)
    from envkit.operations import gunicorn_file

    descriptor = os.memfd_create(gunicorn_file.NAME, 0)  # without MFD_CLOEXEC: it is there for the program we become
    with open(descriptor, "wb", closefd=False) as file:
        file.write(text.encode())
    return Path(gunicorn_file.__file__)


def _rendered_into_a_folder(text: str) -> Path:
    from tempfile import mkdtemp

    path = Path(mkdtemp(prefix="envkit-run-"), GUNICORN_FILE)
    path.write_text(text, encoding="utf-8")
    return path
