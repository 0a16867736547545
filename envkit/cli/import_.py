"""`envkit import`: a channel's file, turned into a `.env`."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.channel_names import channel_option
from envkit.cli.command import Command
from envkit.cli.input import called, read_text
from envkit.cli.output import counted, echo_findings, echo_note


@click.command(
    cls=Command,
    examples=(
        "envkit import --from docker app.env",
        "kubectl get secret app -o json | envkit import --from kubernetes -",
    ),
)
@channel_option("--from", words="Whose file FILE is; `envkit channels` lists them.")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path(".env"),
    show_default=True,
    metavar="FILE",
    help="Write this file, readable by its owner alone.",
)
@click.option("--force", is_flag=True, help="Overwrite it.")
@click.pass_context
def command(context: click.Context, *, channel_name: str, file: Path, out: Path, force: bool) -> None:
    """Turn a channel's FILE into a .env that tools read alike.

    FILE is read as the channel's program reads it; - is standard input. Where no spelling of a value suits every
    local tool, python-dotenv's is taken, and a warning names the tools that would see another value.
    """
    from envkit.channels.registry import channel
    from envkit.operations.receiving import ReceivingError, receive
    from envkit.operations.writing import write_artifacts
    from envkit.targets.artifacts import Artifact

    try:
        received = receive(channel(channel_name), called(file), read_text(file))
    except ReceivingError as problem:
        echo_findings(problem.findings)
        context.exit(1)
    echo_findings(received.findings)
    write_artifacts([Artifact(out.name, received.text, 0o600)], out.parent, force=force)
    echo_note(f"{out}: {counted(len(received.names), 'setting')} written")
