"""`envkit encode`: a value in a channel's spelling."""

from __future__ import annotations

import sys

import click

from envkit.cli.command import Command
from envkit.cli.forms import form_option
from envkit.cli.input import read_standard_input
from envkit.cli.output import echo_note


@click.command(
    cls=Command,
    examples=(
        "envkit encode --for dotenv --name GITHUB_KEY < key.pem >> .env",
        "envkit encode --for escape < key.pem",
    ),
)
@form_option("--for")
@click.option("--name", default="VALUE", show_default=True, help="The setting's name, where the text holds it.")
@click.option("--exact", is_flag=True, help="Keep a final newline as part of the value.")
def command(*, form: str, name: str, exact: bool) -> None:
    """Write a value as a channel carries it.

    Reads the value from standard input, never from an argument, which other users of the machine can see. One final
    newline, as editors and echo leave it, is dropped unless --exact is given. Exits 1 when the channel cannot carry
    the value, and says what to do instead.
    """
    from envkit.operations.encoding import encode, without_final_newline

    value = read_standard_input("Type or paste the value")
    kept = value if exact else without_final_newline(value)
    text = encode(form, name, kept)
    if not value:
        echo_note("note: standard input is empty, and so is the value")
    if kept != value:
        echo_note("note: the final newline was dropped; --exact keeps it")
    sys.stdout.buffer.write(text.encode())
