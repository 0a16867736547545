"""`envkit decode`: the value that a channel's text carries."""

from __future__ import annotations

import sys

import click

from envkit.cli.command import Command
from envkit.cli.forms import form_option
from envkit.cli.input import read_standard_input


@click.command(
    cls=Command,
    short_help="Print the value that a channel carries.",
    examples=("envkit decode --from docker --name GITHUB_KEY < app.env | wc -c", "envkit decode --from escape < value"),
)
@form_option("--from", "--for")
@click.option("--name", help="Which setting's value; not needed where there is only one.")
def command(*, form: str, name: str | None) -> None:
    """Print the value that the program at a channel's end would see.

    Reads the text from standard input and prints the value exactly; only on a terminal is a newline added. Exits 1
    when that program would refuse the text.
    """
    from envkit.operations.encoding import decode

    value = decode(form, name, read_standard_input("Type or paste the text"))
    sys.stdout.buffer.write(value + b"\n" if sys.stdout.isatty() else value)
