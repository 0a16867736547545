"""The command line: a group whose commands are imported when they are asked for, and what their errors look like."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

try:
    import click
except KeyboardInterrupt:  # most of the time before `main` runs goes by here
    sys.exit(130)

from envkit import __version__
from envkit.cli.output import echo_aside, echo_failure, echo_findings, silence

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "init": "init",
    "check": "check",
    "explain": "explain",
    "example": "example",
    "encode": "encode",
    "decode": "decode",
    "export": "export",
    "import": "import_",
    "lint": "lint",
    "channels": "channels",
    "render": "render",
    "verify": "verify",
    "precompress": "precompress",
    "run": "run",
    "up": "up",
    "install": "install",
    "uninstall": "uninstall",
    "status": "status",
    "maintenance": "maintenance",
    "backup": "backup",
    "restore": "restore",
    "schema": "schema",
    "completion": "completion",
}
"""Each command and its module in this package, in the order of the help. The module's `command` is the command."""

FINE, FOUND, MISUSED, BROKEN, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes. 70 is EX_SOFTWARE of sysexits(3): a mistake in envkit, not one that a check found."""


class _Group(click.Group):
    """Imports a command's module when the command is named, or all of them for the list in the help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(f"envkit.cli.{module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from envkit.findings import did_you_mean

            hint = did_you_mean(args[0], tuple(COMMANDS)) or "see `envkit --help`"
            raise click.UsageError(f"no such command: {args[0]}. {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {FINE} all is well; {FOUND} a check found something; {MISUSED} the call itself was wrong; "
    f"{BROKEN} a mistake in envkit; 78 `envkit run` found the settings wrong; {INTERRUPTED} it was interrupted.",
)
@click.version_option(__version__, message="envkit %(version)s")
@click.option("--traceback", is_flag=True, help="Show where in the code an error comes from.")
@click.pass_context
def cli(context: click.Context, *, traceback: bool) -> None:
    """Carry a web app's configuration to the server and back without losing a byte.

    The settings class says what the app needs, envkit.toml says how it runs.
    """
    context.obj["traceback"] = traceback
    if os.environ.get("NO_COLOR"):  # https://no-color.org: any text that is not empty
        context.color = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that `arguments` (or the process's own) name.

    Returns:
        The exit code.
    """
    chosen: dict[str, Any] = {"traceback": False}
    _open_what_is_closed()
    if isinstance(sys.stdout, TextIOWrapper):  # values leave as bytes; of words, a Latin-1 terminal shows what it can
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="envkit", standalone_mode=False, obj=chosen)
        sys.stdout.flush()
    except click.ClickException as error:
        try:
            error.show()
        except OSError:
            silence(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return FOUND
    except Exception as error:
        if chosen["traceback"]:
            raise
        return _report(error, as_json=bool(chosen.get("json")))
    return code if isinstance(code, int) else FINE


def _open_what_is_closed() -> None:
    """Gives a process that was started without one of the standard streams (`>&-`, some supervisors) an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  open for good


def _report(error: Exception, *, as_json: bool) -> int:
    """Prints an error without a traceback: every finding of those that have them, else the kind and the place."""
    from envkit.findings import Finding

    findings = getattr(error, "findings", None) or getattr(error, "problems", None)
    if findings and all(isinstance(finding, Finding) for finding in findings):
        echo_failure(findings, as_json=as_json)
        return FOUND
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO} and not error.filename:
        silence(sys.stdout)
        echo_findings([Finding("standard output", "", f"cannot be written: {os.strerror(error.errno).lower()}")])
        return FOUND
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        echo_findings([Finding("the current folder", "", "is not there any more", "change to one that is")])
        return FOUND
    if isinstance(error, FileNotFoundError) and (error.strerror or "").startswith(_NO_TEMPORARY_FOLDER):
        problem = "none of those that are usual can be written to"
        echo_findings([Finding("the folder for temporary files", "", problem, "name one in TMPDIR")])
        return FOUND
    # The message of an unforeseen error may hold anything, values of settings too.
    message = f"envkit: unexpected {type(error).__name__} {_place(error)}; run `envkit --traceback …` for more"
    echo_aside(message)
    return BROKEN


_NO_TEMPORARY_FOLDER = "No usable temporary directory"  # tempfile.gettempdir(), on a disk that is full or read-only


def _is_nowhere() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  as pathlib asks for it
    except FileNotFoundError:
        return True
    return False


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
