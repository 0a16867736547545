"""`envkit verify`: the real programs judge the rendered files."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.command import description_option, json_option
from envkit.cli.output import echo_aside, echo_json
from envkit.cli.targets import TargetCommand, targets_argument


@click.command(
    cls=TargetCommand,
    short_help="Ask the real programs whether they accept the files.",
    examples=("envkit verify", "envkit verify nginx --out deploy", "envkit verify --require"),
)
@targets_argument
@description_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Judge the files in DIR as they stand, not freshly rendered ones.",
)
@click.option("--require", is_flag=True, help="A program that is not installed is a failure, too.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    targets: tuple[str, ...],
    description: Path | None,
    out: Path | None,
    require: bool,
    as_json: bool,
) -> None:
    """Ask the real programs whether they accept the files of each TARGET.

    nginx judges nginx's files, gunicorn its own (which imports the app). A program that is not installed is named and
    passed over. Exits 1 when files are refused.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.verifying import verify

    verdicts = verify(targets, load_description(description), out)
    if as_json:
        echo_json([verdict._asdict() for verdict in verdicts])
    for verdict in verdicts:
        if as_json:
            continue
        if verdict.outcome != "accepted":
            echo_aside(verdict.messages, nl=False)
        reason = f": {verdict.reason}" if verdict.reason else f" by {verdict.program}"
        colour = {"accepted": "green", "refused": "red", "not verified": "yellow"}[verdict.outcome]
        click.echo(f"{verdict.target}: {click.style(verdict.outcome, fg=colour)}{reason}")
    failures = {"refused", "not verified"} if require else {"refused"}
    context.exit(int(any(verdict.outcome in failures for verdict in verdicts)))
