"""`envkit up`: the app on this machine, with nginx in front of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, settings_option
from envkit.cli.output import echo_findings, echo_note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


def _port(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    from envkit.deployment.number_kinds import LAST_PORT

    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= LAST_PORT:
        return int(text)
    words = f"{text!r} is not a port: a whole number from 1 to {LAST_PORT}"
    raise click.BadParameter(words, context, parameter)


@click.command(
    cls=Command,
    short_help="Serve the app on 127.0.0.1, behind nginx.",
    examples=("envkit up", "envkit up --port 9000 --env-file demo.env"),
)
@description_option
@settings_option
@click.option(
    "--env-file",
    "env_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Give the app what this file says, too; may be repeated, the later file wins.",
)
@click.option(
    "--port",
    callback=_port,
    metavar="PORT",
    help="Where to answer; unless given, 8080 or the next free one. Neither PORT nor http.upstream sets it.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the rendered files in DIR; unless given, they are removed at the end.",
)
@click.option("--no-nginx", is_flag=True, help="Let gunicorn answer, even where nginx is installed.")
@click.pass_context
def command(
    context: click.Context,
    *,
    description: Path | None,
    class_name: str | None,
    env_files: tuple[Path, ...],
    port: int | None,
    folder: Path | None,
    no_nginx: bool,
) -> None:
    """Serve the app on 127.0.0.1: gunicorn, and nginx in front of it where it is installed.

    For your own machine: plain HTTP whatever the description says of TLS, no root, no Docker, and
    ENVKIT_ENV=development unless it is set. Prints the address once the app answers. Ctrl-C ends both programs, and
    when one of them ends, so does the other (exit code 1).
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.nginx_program import find_nginx
    from envkit.operations.serving import environment_for, serve, sources_for
    from envkit.operations.supervising import end_as_by_ctrl_c

    end_as_by_ctrl_c()
    deployment = load_description(description)
    environ = environment_for(env_files)
    wanted = class_name or deployment.settings
    if wanted is not None:
        from envkit.operations.checking import check_settings
        from envkit.operations.importing import settings_class

        model = settings_class(wanted, let_errors_through=context.obj["traceback"])
        checked = check_settings(model, **sources_for(env_files, environ))
        echo_findings(checked.findings)
        if checked.settings is None:
            context.exit(1)
    nginx = None if no_nginx else find_nginx()
    if nginx is None and not no_nginx:
        echo_note("nginx is not installed here; gunicorn answers alone")
    with _kept(folder) if folder else _private_folder() as place:
        code = serve(
            deployment,
            place,
            port=port,
            nginx=nginx,
            environ=environ,
            say=echo_note,
            announce=click.echo,
        )
    context.exit(code)


def _kept(folder: Path) -> AbstractContextManager[Path]:
    from contextlib import nullcontext

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return nullcontext(folder.absolute())


def _private_folder() -> AbstractContextManager[Path]:
    from contextlib import contextmanager
    from tempfile import TemporaryDirectory

    @contextmanager
    def folder() -> Iterator[Path]:
        with TemporaryDirectory(prefix="envkit-up-", ignore_cleanup_errors=True) as path:
            yield Path(path)

    return folder()
