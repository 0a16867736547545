"""`envkit lint`: where the programs that read a `.env` disagree."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

import click

from envkit.cli.channel_names import channels_option
from envkit.cli.command import Command, description_option, settings_option
from envkit.cli.output import counted, echo_findings, echo_json, echo_note, printable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from envkit.channels.channel import Channel
    from envkit.operations.linting import Report

DEFAULT_READERS = "dotenv,docker,compose,systemd,shell,node"


@click.command(
    cls=Command,
    examples=(
        "envkit lint",
        "envkit lint --for dotenv,compose --fix",
        "envkit lint app.env --for systemd,shell --format sarif > lint.sarif",
    ),
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]...")
@channels_option("--for", words="Which programs read the files.", default=DEFAULT_READERS)
@click.option("--fix", is_flag=True, help="Rewrite each line that one spelling makes alike for all of them.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "sarif", "github")),
    default="text",
    show_default=True,
    help="How the findings are printed; github gives annotations of a workflow's run.",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@description_option
@settings_option
@click.pass_context
def command(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    readers: tuple[str, ...],
    fix: bool,
    form: str,
    strict: bool,
    description: Path | None,
    class_name: str | None,
) -> None:
    """Tell where the programs that read a .env disagree.

    FILE is .env unless another is given. Shows every line on which two of the programs see different values, or which
    one of them refuses: who sees what, why, and the spelling that all of them read alike. Values are never shown, only
    their shape. Also names set twice or unknown to the settings class, and secrets that git or other users can see.
    --fix keeps what python-dotenv reads; comments, order and blank lines stay. Exits 1 when there is an error.
    """
    from envkit.operations.linting import lint_files

    paths = files or (Path(".env"),)
    for path in paths:
        if problem := _problem(path):
            raise click.UsageError(f"{printable(str(path))}: {problem}", context)
    channels = _line_readers(context, readers)
    model = _settings_class(context, description, class_name)
    try:
        report = lint_files(paths, channels, model, fix=fix)
    except OSError as error:
        from envkit.findings import words_of

        raise click.UsageError(f"{printable(str(error.filename))}: {words_of(error)}", context) from None
    _print(report, form, paths)
    failing = {"error", "warning"} if strict else {"error"}
    context.exit(int(any(remark.finding.severity in failing for remark in report.remarks)))


def _problem(path: Path) -> str:
    """Why it is no file to lint; empty where it is one."""
    from envkit.findings import words_of

    try:
        return "" if S_ISREG(path.stat().st_mode) else "is no regular file"
    except FileNotFoundError:
        return "no such file"
    except OSError as error:  # a name that is too long, or a folder that this user may not enter
        return words_of(error)


def _print(report: Report, form: str, paths: tuple[Path, ...]) -> None:
    from envkit.operations.lint_formats import as_annotations, as_json, as_sarif

    for path, lines in report.fixed.items():
        echo_note(f"{path}: {counted(len(lines), 'line') if lines else 'the line ends'} rewritten")
    if form == "json":
        echo_json(as_json(report))
    elif form == "sarif":
        echo_json(as_sarif(report))
    elif form == "github":
        click.echo(as_annotations(report.remarks), nl=False)
    else:
        echo_findings(remark.finding for remark in report.remarks)
        click.echo(printable(f"{', '.join(map(str, paths))}: {counted(len(report.remarks), 'problem')} found"))


def _line_readers(context: click.Context, names: tuple[str, ...]) -> list[Channel]:
    from envkit.channels.comparison import is_line_reader
    from envkit.channels.registry import channel

    found = [channel(name) for name in names]
    for one in found:
        if not is_line_reader(one):
            raise click.UsageError(f"{one.name} reads no NAME=value lines, so there is nothing to compare", context)
    if not found:
        raise click.UsageError("--for names no channel", context)
    return found


def _settings_class(context: click.Context, description: Path | None, class_name: str | None) -> type[BaseModel] | None:
    """The settings class that is asked for, or the one of this folder's description, if that can be had.

    Lint runs where the app's packages are not installed, too: in pre-commit's own environment, for one.
    """
    from envkit.deployment.description_file import is_described
    from envkit.deployment.errors import DescriptionError
    from envkit.operations.importing import CannotImportError
    from envkit.operations.projects import project_settings_class

    implied = class_name is None and description is None
    if implied and not is_described():
        return None
    try:
        return project_settings_class(description, class_name, let_errors_through=context.obj["traceback"])[1]
    except (DescriptionError, CannotImportError) as problem:
        if not implied:
            raise
        first = problem.findings[0]
    echo_note(f"note: names are not compared with a settings class: {printable(str(first))}")
    return None
