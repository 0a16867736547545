"""`envkit restore`: puts the content of a backup back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, dry_run_option, env_file_option, json_option
from envkit.cli.output import echo_json, echo_note
from envkit.cli.progress import told

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    cls=Command,
    short_help="Put the content of a backup back into the database.",
    examples=(
        "envkit restore latest",
        "envkit restore shop-20300131T041500Z-backup.dump --dry-run",
        "envkit restore /mnt/backups/shop-20300131T041500Z-backup.sqlite.gz",
    ),
)
@click.argument("backup")
@click.option("--foreign", is_flag=True, help="Restore it also where it is the backup of an app of another name.")
@description_option
@env_file_option
@dry_run_option
@json_option
def command(
    *,
    backup: str,
    foreign: bool,
    description: Path | None,
    env_files: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Replace the content of the database by that of BACKUP.

    BACKUP is a name from `envkit backup list`, a path, or `latest`, which passes over what restores replaced. Its
    checksum must be beside it. The backup is verified, then what it replaces is backed up, then the content is replaced
    in one transaction, while the app has the database open; with `envkit maintenance on` nobody writes in between.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.restoring import restore

    steps = told(rehearse=dry_run)
    replaced = restore(load_description(description), backup, steps, env_files=env_files, foreign=foreign)
    if as_json:
        echo_json({"replaced": str(replaced) if replaced else None})
    elif replaced:
        echo_note(f"restored; what was there before is {replaced}")
    elif not dry_run:
        echo_note("restored")
