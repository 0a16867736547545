"""`envkit schema`: what envkit.toml can say, for editors and validators, and as an example for people."""

from __future__ import annotations

import click

from envkit.cli.command import Command
from envkit.cli.output import echo_json


@click.command(cls=Command, examples=("envkit schema > envkit.schema.json", "envkit schema --example"))
@click.option("--example", is_flag=True, help="Print an envkit.toml that shows every key with its words of help.")
def command(*, example: bool) -> None:
    """Print the JSON Schema of envkit.toml.

    Name it in the first line of the file, and editors complete and check its keys: #:schema ./envkit.schema.json
    """
    from envkit.deployment.schema import documented_example, json_schema

    if example:
        click.echo(documented_example(), nl=False)
    else:
        echo_json(json_schema())
