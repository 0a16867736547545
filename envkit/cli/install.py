"""`envkit install`: the app's files on this server, verified, enabled and started."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.command import Command, description_option, dry_run_option
from envkit.cli.output import echo_note
from envkit.cli.progress import told

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Change only the files below DIR, as if it were /, and run no command.",
)


@click.command(
    cls=Command,
    short_help="Install the app on this server.",
    examples=("envkit install --dry-run", "envkit install", "envkit install --root /mnt/image"),
)
@description_option
@root_option
@click.option("--force", is_flag=True, help="Also overwrite files that envkit did not make.")
@dry_run_option
def command(*, description: Path | None, root: Path | None, force: bool, dry_run: bool) -> None:
    """Render the files of systemd and nginx, verify them, put them in place, enable and start the units.

    For Debian and its like, as root. When systemd or nginx refuses the files, or the app would not start by them,
    nothing has changed; when it is killed, running it again undoes or finishes. Repeated, it changes only what is
    different, and restarts the app's services by their socket only then. Settings are not touched: `envkit export --to
    systemd` writes them.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.installing import install
    from envkit.operations.starting import Server, this_server

    server = this_server() if root is None else Server(root, None)
    deployment = load_description(description)
    install(deployment, told(rehearse=dry_run), server, force=force)
    if not dry_run:
        enable = f"; to start it at boot: systemctl --root={root} enable {deployment.name}.target nginx.service"
        echo_note(f"installed{enable if root else ''}")
