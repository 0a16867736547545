"""`envkit check`: the description and the settings, every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from envkit.cli.command import Command, description_option, env_file_option, json_option, settings_option
from envkit.cli.output import as_dictionaries, counted, echo_failure, echo_findings, echo_json, echo_note, printable

if TYPE_CHECKING:
    from pathlib import Path

    from envkit.operations.projects import Check


@click.command(
    cls=Command,
    examples=(
        "envkit check",
        "envkit check --settings teams_app.settings:AppSettings --env-file staging.env",
        "envkit check --image teams:latest",
    ),
)
@description_option
@settings_option
@env_file_option
@click.option("--image", metavar="IMAGE", help="Check this image, or an archive by docker save.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    description: Path | None,
    class_name: str | None,
    env_files: tuple[Path, ...],
    image: str | None,
    as_json: bool,
) -> None:
    """Check envkit.toml and the settings, or an image.

    Loads the settings as the app would when it starts, and prints every problem of both, one a line and without any
    value. A name in a .env file that is close to an unset setting is a warning. Exits 1 when there is an error.

    The app is not imported: that its module can be found is checked, but not that it can be imported and has the
    callable. `envkit verify` asks gunicorn, and the other programs about their files.

    With --image it looks into the image instead. In every layer, where a file stays even if a later one deletes it, it
    looks for files called .env, .env.NAME (but .env.example and its like), NAME.env, env.prod, .envrc and .flaskenv, or
    kept as .env~ or .env.bak; and for private keys in PEM, OpenSSH's and PGP's among them, in files of up to 1 MiB,
    with real or escaped line breaks. In ENV, ARG and history it looks for such keys and for the settings class's
    secrets, by their names.

    It does not look for secrets in other files, such as code, nor for keys in DER, PKCS#12 or base64, nor into
    archives within the image.
    """
    if image is not None:
        checked = _check_image(context, image)
    else:
        from envkit.operations.projects import check_project

        checked = check_project(description, class_name, env_files, let_errors_through=context.obj["traceback"])
    errors = sum(finding.severity == "error" for finding in checked.findings)
    if as_json:
        echo_json({"ok": not errors, "checked": checked.subjects, "findings": as_dictionaries(checked.findings)})
    else:
        echo_findings(checked.findings)
        for note in checked.notes:
            echo_note(note)
        click.echo(printable(f"{' and '.join(checked.subjects)}: {counted(errors, 'problem')} found"))
    context.exit(int(errors > 0))


def _check_image(context: click.Context, image: str) -> Check:
    from envkit.operations.image_scanning import ImageError
    from envkit.operations.projects import check_image

    if context.params["env_files"]:
        raise click.UsageError("--env-file is for the settings, and --image looks into an image", context)
    try:
        return check_image(
            image,
            context.params["description"],
            context.params["class_name"],
            let_errors_through=context.obj["traceback"],
        )
    except ImageError as error:
        echo_failure(error.findings, as_json=context.params["as_json"])
        context.exit(2)
