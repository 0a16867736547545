"""`envkit backup`: makes a backup of the database, or lists those that there are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envkit.cli.command import Command, description_option, dry_run_option, env_file_option, json_option
from envkit.cli.output import echo_findings, echo_json, echo_note
from envkit.cli.progress import told

if TYPE_CHECKING:
    from envkit.findings import Finding
    from envkit.operations.backups import Backup


@click.command(
    cls=Command,
    short_help="Back the database up, or list its backups.",
    examples=(
        "envkit backup",
        "envkit backup --dry-run",
        "envkit backup list",
        "envkit backup list --verify --json",
    ),
)
@click.argument("action", type=click.Choice(["make", "list"]), default="make")
@click.option("--verify", is_flag=True, help="Also compare each listed backup with its checksum.")
@description_option
@env_file_option
@dry_run_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    action: str,
    verify: bool,
    description: Path | None,
    env_files: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Back up the database that [backup] of the description names, while the app uses it (make), or list the backups.

    SQLite by its online backup, PostgreSQL by the pg_dump of its version. A backup is checked, compressed, has a
    checksum beside it, and appears as a whole or not at all; then those that [backup.keep] does not keep are removed.
    `list` exits 1 when there is none or, with --verify, a checksum is wrong.
    """
    from envkit.deployment.reading import load_description

    deployment = load_description(description)
    if action == "make":
        if verify:
            raise click.UsageError("--verify belongs to `envkit backup list`", context)
        from envkit.operations.backing_up import back_up

        made = back_up(deployment, told(rehearse=dry_run), env_files=env_files)
        if as_json:
            echo_json({"backup": str(made) if made else None})
        elif made:
            click.echo(str(made))
        return
    from envkit.deployment import derived
    from envkit.operations.backups import backups_in

    present = backups_in(Path(derived.backup_directory(deployment)), deployment.name)
    wrong = {backup.path: problems for backup in present if (problems := _damage(backup))} if verify else {}
    if as_json:
        echo_json([as_dictionary(backup) | _verdict(backup, wrong, verify=verify) for backup in present])
    else:
        width = max((len(backup.path.name) for backup in present), default=0)
        for backup in present:
            mark = click.style("  damaged", fg="red") if backup.path in wrong else ""
            click.echo(in_words(backup, width) + mark)
        for problems in wrong.values():
            echo_findings(problems)
        if not present:
            echo_note(f"{derived.backup_directory(deployment)}: there is no backup yet")
    context.exit(int(not present or bool(wrong)))


def as_dictionary(backup: Backup) -> dict[str, Any]:
    """For `--json`; the age in seconds."""
    return {
        "name": backup.path.name,
        "path": str(backup.path),
        "made": backup.made.isoformat(),
        "age": round((datetime.now(UTC) - backup.made).total_seconds()),
        "size": backup.size,
        "reason": backup.reason,
    }


def in_words(backup: Backup, width: int) -> str:
    """One line: name, age, size; the name in so many columns."""
    return f"{backup.path.name:<{width}}  {age_in_words(backup):>9}  {size_in_words(backup.size):>9}"


def age_in_words(backup: Backup) -> str:
    """`3 h ago`; `future` of one that a wrong clock dated."""
    from envkit.operations.backups import is_ahead

    now = datetime.now(UTC)
    if is_ahead(backup, now):
        return "future"
    seconds = max(0, (now - backup.made).total_seconds())
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds)} s ago"


def size_in_words(size: float) -> str:
    """`12.3 MB`."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _damage(backup: Backup) -> tuple[Finding, ...]:
    from envkit.operations.backups import verify_checksum
    from envkit.operations.steps import OperationError

    try:
        verify_checksum(backup.path, lambda _done, _total: None)
    except OperationError as error:
        return error.findings
    return ()


def _verdict(backup: Backup, wrong: dict[Path, Any], *, verify: bool) -> dict[str, bool]:
    return {"whole": backup.path not in wrong} if verify else {}
