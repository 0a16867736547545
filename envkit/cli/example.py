"""`envkit example`: the `.env.example` of a settings class."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.command import Command, description_option, settings_option
from envkit.cli.output import counted, echo_findings, echo_note, printable


@click.command(
    cls=Command,
    examples=(
        "envkit example",
        "envkit example --settings teams_app.settings:AppSettings --out .env.example",
        "envkit example --check .env.example",
    ),
)
@description_option
@settings_option
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write FILE instead of printing.")
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write nothing; exit 1 when FILE is not what would be written.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE even if envkit did not make it.")
@click.pass_context
def command(
    context: click.Context,
    *,
    description: Path | None,
    class_name: str | None,
    out: Path | None,
    checked: Path | None,
    force: bool,
) -> None:
    """Print the .env.example of the settings class.

    Each setting with its description, type and default, and whether it is required; the default of a secret is not
    shown. Readers of .env files all read the result alike.
    """
    if out and checked:
        raise click.UsageError("--out and --check exclude each other.", context)
    from envkit.operations.projects import project_settings_class
    from envkit.operations.writing import compare_artifacts, write_artifacts
    from envkit.settings.example import example
    from envkit.targets.artifacts import Artifact

    name, model = project_settings_class(description, class_name, let_errors_through=context.obj["traceback"])
    file = out or checked
    # A file name may hold line breaks, and bytes that are no UTF-8; the text's header may not.
    out_name = printable(file.name) if file else ".env.example"
    text = example(model, name, command=f"envkit example --out {out_name}")
    if file is None:
        click.echo(text, nl=False)
        return
    artifacts = [Artifact(file.name, text)]
    if out:
        for change in write_artifacts(artifacts, out.parent, force=force):
            echo_note(f"{out}: {change.state}")
        return
    from envkit.findings import Finding

    (comparison,) = compare_artifacts(artifacts, file.parent)
    if comparison.state != "same":
        problem = "is missing" if comparison.state == "missing" else f"is not what {name} gives now"
        echo_findings([Finding(str(file), "", problem, f"run `envkit example --out {file}`")])
    differing = int(comparison.state != "same")
    click.echo(printable(f"{file} and {name}: {counted(differing, 'difference')}"))
    context.exit(differing)
