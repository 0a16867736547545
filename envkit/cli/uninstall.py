"""`envkit uninstall`: the app's files off this server; its data stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, dry_run_option
from envkit.cli.install import root_option
from envkit.cli.output import echo_note
from envkit.cli.progress import told

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    cls=Command,
    short_help="Stop the app and remove its installed files.",
    examples=("envkit uninstall --dry-run", "envkit uninstall"),
)
@description_option
@root_option
@dry_run_option
def command(*, description: Path | None, root: Path | None, dry_run: bool) -> None:
    """Stop the app's units and remove the files that `envkit install` put in place.

    Settings, data, backups, logs and accounts stay, and so does what refuses foreign hosts for every app of the server;
    that of TLS, or of a port of its own, goes with the last app that has it.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.installing import uninstall
    from envkit.operations.starting import Server, this_server

    server = this_server() if root is None else Server(root, None)
    uninstall(load_description(description), told(rehearse=dry_run), server)
    if not dry_run:
        echo_note("uninstalled; settings, data and backups are where they were")
