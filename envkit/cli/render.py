"""`envkit render`: the files that gunicorn, nginx and the others read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.command import description_option, json_option, out_option
from envkit.cli.output import as_dictionaries, counted, echo_findings, echo_json, echo_note, printable
from envkit.cli.targets import TargetCommand, targets_argument

if TYPE_CHECKING:
    from envkit.operations.writing import Comparison
    from envkit.targets.artifacts import Artifact


@click.command(
    cls=TargetCommand,
    short_help="Render the files that gunicorn, nginx and others read.",
    examples=("envkit render", "envkit render nginx gunicorn --out deploy", "envkit render --check --diff"),
)
@targets_argument
@description_option
@out_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a file is missing or not up to date.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--force", is_flag=True, help="Also overwrite files that envkit did not make.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    targets: tuple[str, ...],
    description: Path | None,
    out: Path,
    check: bool,
    diff: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Render the files of each TARGET; unless one is named, of the description's targets, or of gunicorn and nginx.

    The files are made to be committed: they refer to settings by name and hold no secret. A file is replaced as a
    whole; one that holds the same already is not touched, one that envkit did not make is not overwritten.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.layout import unmet
    from envkit.operations.rendering import render_targets
    from envkit.operations.writing import compare_artifacts, write_artifacts

    folder = description.parent if description else Path()
    renderings = render_targets(targets, load_description(description), folder)
    artifacts = [artifact for rendering in renderings.values() for artifact in rendering.artifacts]
    findings = [finding for rendering in renderings.values() for finding in rendering.findings]
    findings += unmet(renderings, folder, out)
    if check or diff:
        comparisons = compare_artifacts(artifacts, out)
        states: dict[str, str] = {comparison.path: comparison.state for comparison in comparisons}
    else:
        comparisons = []
        states = {change.path: change.state for change in write_artifacts(artifacts, out, force=force)}
    if as_json:
        files = [_entry(name, artifact, states) for name in renderings for artifact in renderings[name].artifacts]
        echo_json({"files": files, "findings": as_dictionaries(findings)})
    else:
        echo_findings(findings)
        if diff:
            _echo_diffs(comparisons, out)
        for path, state in states.items():
            if state != "same" and (check or not diff):
                click.echo(printable(f"{out / path}: {_WORDS[state]}"), err=diff)
        if check:
            differing = sum(state != "same" for state in states.values())
            click.echo(printable(f"{out} and the description: {counted(differing, 'difference')}"), err=diff)
    context.exit(int(check and any(state != "same" for state in states.values())))


_WORDS = {
    "written": "written",
    "unchanged": "unchanged",
    "missing": "is missing",
    "differs": "is not what envkit renders now",
}


def _entry(target: str, artifact: Artifact, states: dict[str, str]) -> dict[str, str]:
    mode = f"{artifact.mode:04o}"
    return {"target": target, "path": artifact.path, "mode": mode, "state": states[artifact.path]}


def _echo_diffs(comparisons: list[Comparison], out: Path) -> None:
    for comparison in comparisons:
        if comparison.state == "differs" and not comparison.diff:
            echo_note(f"{out / comparison.path}: was not made by envkit, so its lines are not shown")
        for line in comparison.diff.splitlines():
            click.secho(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))
