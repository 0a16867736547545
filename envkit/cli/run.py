"""`envkit run`: checks the settings, then becomes a process of the app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, out_option, settings_option
from envkit.cli.output import echo_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.findings import Finding

WRONG_SETTINGS = 78
"""EX_CONFIG of sysexits(3), so that a supervisor can be told not to start it again (RestartPreventExitStatus=78)."""


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    examples=(
        "envkit run web",
        "envkit run worker",
        "envkit run web --log-level debug",
        "envkit run --no-check release",
    ),
)
@click.argument("process", required=False, metavar="PROCESS")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENT]...")
@description_option
@settings_option
@out_option
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="gunicorn's file, for the web process; unless given, the rendered one.",
)
@click.option("--no-check", is_flag=True, help="Do not check the settings.")
@click.pass_context
def command(
    context: click.Context,
    *,
    process: str | None,
    arguments: tuple[str, ...],
    description: Path | None,
    class_name: str | None,
    out: Path,
    config: Path | None,
    no_check: bool,
) -> None:
    """Check the settings, then become PROCESS.

    PROCESS is a name in [processes] of the description; web is served by gunicorn unless it has a command of its own.
    ARGUMENTs are added to its command. Signals reach the process itself: no shell and no envkit stand between, and
    the environment is handed on as it is. When the description or the settings are wrong, or the socket of web has no
    folder, every problem is printed and the exit code is 78. gunicorn reads the file that `envkit render` wrote; where
    there is none, or variables such as ENVKIT_HTTP__DOMAINS change the description, the file is rendered anew. Before
    release, the database that [backup] names is backed up; without the backup, release does not run.
    """
    from envkit.deployment import derived
    from envkit.deployment.errors import DescriptionError
    from envkit.deployment.reading import load_description
    from envkit.operations.running import CannotRunError, become, known_processes, process_command

    try:
        deployment = load_description(description)
        if process is None:
            raise click.UsageError(f"which process? {known_processes(deployment)}", context)
        words = process_command(process, deployment, folder=out, config=config, arguments=arguments)
    except DescriptionError as error:
        told_already = {finding.name for finding in error.findings}  # a setting may be one of the description's, too
        wanted = None if no_check else class_name or _class_in_the_file(description)
        more = () if wanted is None else _problems_of_settings(wanted, let_errors_through=context.obj["traceback"])
        echo_findings([*error.findings, *(finding for finding in more if finding.name not in told_already)])
        context.exit(WRONG_SETTINGS)
    except CannotRunError as error:
        raise click.UsageError(str(error), context) from None
    wanted = class_name or deployment.settings
    problems = []
    if process == "web":
        from envkit.operations.listening import find_no_port, find_no_socket

        problems += find_no_socket(deployment, folder=out, config=config, arguments=arguments)
        problems += find_no_port(deployment, arguments=arguments)
    if wanted is not None and not no_check:
        told_already = {finding.name for finding in problems}
        more = _problems_of_settings(wanted, let_errors_through=context.obj["traceback"])
        problems += [finding for finding in more if finding.name not in told_already]
    echo_findings(problems)
    if any(problem.severity == "error" for problem in problems):
        context.exit(WRONG_SETTINGS)
    if process == "release" and derived.is_backed_up(deployment) and deployment.backup.before_release:
        from envkit.cli.progress import told
        from envkit.operations.backing_up import back_up

        back_up(deployment, told(rehearse=False), reason="release")
    try:
        become(words)
    except CannotRunError as error:
        raise click.UsageError(str(error), context) from None


def _class_in_the_file(description: Path | None) -> str | None:
    """The settings class of a description that only the environment spoils, so that every problem is told at once."""
    from envkit.deployment.errors import DescriptionError
    from envkit.deployment.reading import load_description

    try:
        return load_description(description, {}).settings
    except DescriptionError:
        return None


def _problems_of_settings(class_name: str, *, let_errors_through: bool) -> Sequence[Finding]:
    from envkit.operations.checking import check_settings
    from envkit.operations.importing import CannotImportError, settings_class

    try:
        model = settings_class(class_name, let_errors_through=let_errors_through)
    except CannotImportError as problem:
        return problem.findings
    return check_settings(model).findings
