"""`envkit explain`: where each setting comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, env_file_option, json_option, settings_option
from envkit.cli.output import as_dictionaries, echo_findings, echo_json

if TYPE_CHECKING:
    from pathlib import Path


@click.command(cls=Command, examples=("envkit explain", "envkit explain --env-file staging.env --json"))
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
    """Show where each setting comes from.

    For every setting its origin, which weaker origins it overrode, and what was repaired. Values are masked: their
    kind and length is all that is shown. Exits 1 when the settings are wrong.
    """
    from envkit.operations.checking import check_settings
    from envkit.operations.projects import project_settings_class

    _, model = project_settings_class(description, class_name, let_errors_through=context.obj["traceback"])
    checked = check_settings(model, env_files=env_files)
    if checked.settings is None:
        if as_json:
            echo_json({"ok": False, "settings": [], "findings": as_dictionaries(checked.findings)})
        else:
            echo_findings(checked.findings)
        context.exit(1)
    from envkit.settings.explaining import explain

    explanation = explain(checked.settings)
    if as_json:
        entries = [entry._asdict() for entry in explanation.settings]
        echo_json({"ok": True, "settings": entries, "findings": as_dictionaries(checked.findings)})
        return
    echo_findings(checked.findings)
    click.echo(str(explanation))
