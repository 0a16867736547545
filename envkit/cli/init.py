"""`envkit init`: the first files of a project."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.command import Command, json_option
from envkit.cli.output import echo_failure, echo_json, echo_note


@click.command(
    cls=Command,
    short_help="Write envkit.toml, a settings class and .env.example.",
    examples=("envkit init", "envkit init --docker", "envkit init --app 'shop:create_app()' --name shop"),
)
@click.option("--app", metavar="MODULE:CALLABLE", help="The WSGI application; unless given, the likeliest one found.")
@click.option("--name", help="The app's name; unless given, the folder's.")
@click.option("--docker", is_flag=True, help="Also write a Dockerfile, a .dockerignore, and requirements.txt.")
@json_option
@click.pass_context
def command(context: click.Context, *, app: str | None, name: str | None, docker: bool, as_json: bool) -> None:
    """Write envkit.toml, a settings class and .env.example for the app in this folder.

    Reads the code without running it: finds the WSGI application, and the variables that the code takes from its
    environment, by os.environ, python-decouple, environs or django-environ, become the fields of the class; names in an
    existing .env are added. What may be secret is a Secret. Files that are there stay as they are.
    """
    from envkit.operations.initialising import initialise
    from envkit.operations.scanning import NoAppError

    _check_arguments(context, app, name)
    try:
        done = initialise(Path.cwd(), app=app, name=name, docker=docker)
    except NoAppError as error:
        echo_failure(error.findings, as_json=as_json)
        context.exit(2)
    if as_json:
        echo_json({**done._asdict(), "changes": [change._asdict() for change in done.changes]})
        return
    for change in done.changes:
        click.echo(f"{change.path}: {'written' if change.state == 'written' else 'is there already, left as it is'}")
    for note in done.notes:
        echo_note(f"note: {note}")
    look = "look through these files, then " if any(change.state == "written" for change in done.changes) else ""
    echo_note(f"next: {look}run `envkit check` and `envkit up` ({done.app})")


def _check_arguments(context: click.Context, app: str | None, name: str | None) -> None:
    from envkit.deployment.kind import Wrong
    from envkit.deployment.kinds import KINDS

    for option, kind, text in (("--app", "app", app), ("--name", "name", name)):
        if text is None:
            continue
        try:
            KINDS[kind].read(text)
        except Wrong as wrong:
            raise click.UsageError(f"{option} {wrong.problem}", context) from None
