"""`envkit export`: the settings, written for the channel that carries them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envkit.cli.channel_names import channel_option
from envkit.cli.command import Command, description_option, env_file_option, settings_option
from envkit.cli.input import read_text
from envkit.cli.output import counted, echo_findings, echo_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.findings import Finding
    from envkit.operations.exporting import Outgoing
    from envkit.operations.secret_files import SettingFile

FILES = "files"
"""The way to travel that is no text: a file for each setting, as Compose's secrets and systemd's credentials are."""


@click.command(
    cls=Command,
    examples=(
        "envkit export --to docker --out app.env",
        "envkit export --to systemd --check app.env",
        "envkit export --to files --out deploy/secrets",
        "envkit export --to github",
        "envkit export --to shell --show --yes-show-secrets",
    ),
)
@channel_option(
    "--to",
    words="How the settings are going to travel; `envkit channels` lists the ways, and files means one file each.",
    also=(FILES,),
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write FILE, readable by its owner alone; for files a folder.",
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

    For files, those settings are written that the app reads as files: what server.credentials names, and with
    container.secrets = "files" every secret, an empty file for one that is not set; where the description has neither,
    every secret that is set. For systemd, what server.credentials names is left out.
    """
    if out and checked:
        raise click.UsageError("--out and --check exclude each other.", context)
    if out is None and checked is None:
        if channel_name == FILES:
            raise click.UsageError("files need a folder: --out FOLDER", context)
        out = _runners_file(channel_name)
    hidden = sys.stdout.isatty() and not (show and yes_show_secrets)
    if hidden and not out and not checked:
        raise click.UsageError(
            "standard output is a terminal, and everybody who sees it would see the values. "
            "Write them with --out FILE, or ask twice: --show --yes-show-secrets",
            context,
        )
    from envkit.operations.checking import check_settings
    from envkit.operations.exporting import ExportError, outgoing
    from envkit.operations.projects import project_description, project_settings_class
    from envkit.operations.secret_files import secret_files, without_credentials

    name, model = project_settings_class(description, class_name, let_errors_through=context.obj["traceback"])
    loaded = check_settings(model, env_files=env_files)
    echo_findings(loaded.findings)
    if loaded.settings is None:
        context.exit(1)
    wanted = outgoing(loaded.settings, everything=everything)
    try:
        if channel_name == FILES:
            files = secret_files(loaded.settings, wanted, project_description(description))
            found = _files(wanted, files, out, checked, force=force)
        else:
            if channel_name == "systemd":
                wanted = without_credentials(loaded.settings, wanted, project_description(description))
            found = _text(channel_name, wanted, out, checked, force=force, is_shown=not hidden)
    except ExportError as problem:
        echo_findings(problem.findings)
        context.exit(1)
    if checked:
        echo_findings(found)
        click.echo(f"{checked} and {name}: {counted(len(found), 'difference')}")
        context.exit(int(bool(found)))


def _files(
    wanted: Outgoing, files: Sequence[SettingFile], out: Path | None, checked: Path | None, *, force: bool
) -> Sequence[Finding]:
    """Writes the files, or returns what is otherwise in those that are there."""
    from envkit.operations.secret_files import left_files, secret_file_differences
    from envkit.operations.writing import write_artifacts

    if checked:
        if not checked.is_dir():
            raise click.UsageError(f"{checked}: no such folder")
        return [*secret_file_differences(files, checked), *left_files(wanted, files, checked)]
    if out:
        write_artifacts([file.artifact for file in files], out, force=force)
        echo_findings([left._replace(severity="warning") for left in left_files(wanted, files, out)])
        echo_note(f"{out}: {counted(len(files), 'file')} written, each readable by its owner alone")
    return ()


def _text(
    channel_name: str, wanted: Outgoing, out: Path | None, checked: Path | None, *, force: bool, is_shown: bool
) -> Sequence[Finding]:
    """Writes the channel's text, or returns what is otherwise in the one that is there."""
    from envkit.channels.registry import channel
    from envkit.operations.exporting import RUNNER_FILES, append, differences, export, masks_for, warnings_for

    carrier = channel(channel_name)
    if checked:
        return differences(carrier, wanted, checked, read_text(checked))
    text = export(carrier, wanted)
    echo_findings(warnings_for(carrier, wanted))
    if is_shown:
        sys.stdout.buffer.write(masks_for(carrier, wanted, os.environ).encode())
        sys.stdout.flush()
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        return ()
    if channel_name in RUNNER_FILES:
        append(out, text)
    else:
        _write(out, text, force=force)
    echo_note(f"{out}: {counted(len(wanted.values), 'setting')} written for {channel_name}")
    return ()


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
