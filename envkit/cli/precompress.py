"""`envkit precompress`: the compressed files that nginx sends instead of compressing each answer."""

from __future__ import annotations

from pathlib import Path

import click

from envkit.cli.command import Command, description_option
from envkit.cli.output import echo_note, printable


@click.command(
    cls=Command,
    short_help="Compress static files for nginx.",
    examples=("envkit precompress", "envkit precompress teams_app/static"),
)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="[DIR]...")
@description_option
def command(*, folders: tuple[Path, ...], description: Path | None) -> None:
    """Write FILE.gz beside every static file in DIR that gets smaller by it.

    nginx sends these as they are (gzip_static). Without DIR, the folders of [http.static] in the description are
    taken. Run it when the static files are built, on the machine or in the image where nginx reads them.
    """
    from envkit.deployment.reading import load_description
    from envkit.findings import words_of
    from envkit.operations.precompress import precompress

    if not folders:
        folders = tuple(Path(files.directory) for files in load_description(description).http.static.values())
        if not folders:
            echo_note("note: [http.static] of the description names no folder, so nothing is compressed; name DIR")
    for folder in folders:
        try:
            written = precompress(folder)
        except OSError as error:
            raise click.UsageError(printable(f"{error.filename or folder}: {words_of(error)}")) from None
        for path in written:
            click.echo(printable(f"{path}: written"))
