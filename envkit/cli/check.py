"""`envkit check`: the description and the settings, every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, env_file_option, json_option, settings_option
from envkit.cli.output import as_dictionaries, echo_findings, echo_json, echo_note

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    cls=Command,
    examples=("envkit check", "envkit check --settings teams_app.settings:AppSettings --env-file staging.env"),
)
@description_option
@settings_option
@env_file_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    description: Path | None,
    class_name: str | None,
    env_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Check envkit.toml and the settings.

    Loads the settings as the app would when it starts, and prints every problem of both, one a line and without any
    value. A name in a .env file that is close to an unset setting is a warning. Exits 1 when there is an error.
    """
    from envkit.operations.projects import check_project

    checked = check_project(description, class_name, env_files, let_errors_through=context.obj["traceback"])
    errors = sum(finding.severity == "error" for finding in checked.findings)
    if as_json:
        echo_json({"ok": not errors, "checked": checked.subjects, "findings": as_dictionaries(checked.findings)})
    else:
        echo_findings(checked.findings)
        for note in checked.notes:
            echo_note(note)
        count = {0: "no problem", 1: "1 problem"}.get(errors, f"{errors} problems")
        click.echo(f"{' and '.join(checked.subjects)}: {count} found")
    context.exit(int(errors > 0))
