"""`envkit export`: the settings, written for the channel that carries them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from envkit.cli.channel_names import channel_option
from envkit.cli.command import Command, description_option, env_file_option, settings_option
from envkit.cli.input import read_text
from envkit.cli.output import counted, echo_findings, echo_note


@click.command(
    cls=Command,
    examples=(
        "envkit export --to docker --out app.env",
        "envkit export --to systemd --check app.env",
        "envkit export --to github",
        "envkit export --to shell --show --yes-show-secrets",
    ),
)
@channel_option("--to", words="How the settings are going to travel; `envkit channels` lists the ways.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write FILE, readable by its owner alone."
)
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write nothing; read FILE as the channel's program does, and exit 1 where settings differ.",
)
@click.option("--all", "everything", is_flag=True, help="Also names in .env files that the class does not declare.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--show", is_flag=True, help="Print to a terminal, together with the next option.")
@click.option("--yes-show-secrets", is_flag=True, help="Everybody who sees the terminal may see the values.")
@description_option
@settings_option
@env_file_option
@click.pass_context
def command(
    context: click.Context,
    *,
    channel_name: str,
    out: Path | None,
    checked: Path | None,
    everything: bool,
    force: bool,
    show: bool,
    yes_show_secrets: bool,
    description: Path | None,
    class_name: str | None,
    env_files: tuple[Path, ...],
) -> None:
    """Write the settings for the channel that is to carry them.

    Loads and checks the settings as the app does, and writes those that some source has; the app has the defaults
    itself. A private key that the channel cannot carry over several lines is escaped as the loader decodes it; any
    other value arrives as it is, or is refused with a way out. For github and github-output, FILE is added to, and is
    the runner's own unless given; the lines that mask secrets go to standard output. To a terminal the values are
    printed only with --show --yes-show-secrets.
    """
    if out and checked:
        raise click.UsageError("--out and --check exclude each other.", context)
    if out is None and checked is None:
        out = _runners_file(channel_name)
    hidden = sys.stdout.isatty() and not (show and yes_show_secrets)
    if hidden and not out and not checked:
        raise click.UsageError(
            "standard output is a terminal, and everybody who sees it would see the values. "
            "Write them with --out FILE, or ask twice: --show --yes-show-secrets",
            context,
        )
    from envkit.channels.registry import channel
    from envkit.operations.checking import check_settings
    from envkit.operations.exporting import (
        RUNNER_FILES,
        ExportError,
        append,
        differences,
        export,
        masks_for,
        outgoing,
        warnings_for,
    )
    from envkit.operations.projects import project_settings_class

    name, model = project_settings_class(description, class_name, let_errors_through=context.obj["traceback"])
    loaded = check_settings(model, env_files=env_files)
    echo_findings(loaded.findings)
    if loaded.settings is None:
        context.exit(1)
    wanted = outgoing(loaded.settings, everything=everything)
    carrier = channel(channel_name)
    if checked:
        found = differences(carrier, wanted, checked, read_text(checked))
        echo_findings(found)
        click.echo(f"{checked} and {name}: {counted(len(found), 'difference')}")
        context.exit(int(bool(found)))
    try:
        text = export(carrier, wanted)
        echo_findings(warnings_for(carrier, wanted))
        if not hidden:
            sys.stdout.buffer.write(masks_for(carrier, wanted, os.environ).encode())
            sys.stdout.flush()
        if out and channel_name in RUNNER_FILES:
            append(out, text)
    except ExportError as problem:
        echo_findings(problem.findings)
        context.exit(1)
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        return
    if channel_name not in RUNNER_FILES:
        _write(out, text, force=force)
    echo_note(f"{out}: {counted(len(wanted.values), 'setting')} written for {channel_name}")


def _runners_file(channel_name: str) -> Path | None:
    """The file that the runner of GitHub Actions takes, for its channels and where it runs this command."""
    if not channel_name.startswith("github") or os.environ.get("GITHUB_ACTIONS") != "true":
        return None
    from envkit.operations.exporting import RUNNER_FILES

    path = os.environ.get(RUNNER_FILES.get(channel_name, ""))
    return Path(path) if path else None


def _write(out: Path, text: str, *, force: bool) -> None:
    from envkit.operations.writing import write_artifacts
    from envkit.targets.artifacts import Artifact

    write_artifacts([Artifact(out.name, text, 0o600)], out.parent, force=force)
