"""`envkit channels`: what each channel can carry, and how its program reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envkit.cli.channel_names import channel_argument
from envkit.cli.command import Command, json_option
from envkit.cli.output import echo_findings, echo_json

if TYPE_CHECKING:
    from envkit.channels.channel import Channel
    from envkit.findings import Finding


@click.command(cls=Command, examples=("envkit channels", "envkit channels docker", "envkit channels --json"))
@channel_argument("name")
@json_option
@click.pass_context
def command(context: click.Context, *, name: str | None, as_json: bool) -> None:
    """List the channels and what each can carry.

    With a CHANNEL, shows how its program reads and what it cannot carry. The table is not written by hand: every
    channel is asked about each kind of value.
    """
    from envkit.channels.registry import BrokenChannelError, channel, names

    chosen: list[Channel] = []
    broken: list[Finding] = []
    for known in [name] if name else names():
        try:
            chosen.append(channel(known))
        except BrokenChannelError as error:
            broken.extend(error.findings)
    if as_json:
        echo_json([_entry(one) for one in chosen])
    elif name:
        for one in chosen:
            _print_rules(one)
    else:
        _print_table(chosen)
    echo_findings(broken)
    context.exit(int(bool(broken)))


def _entry(channel: Channel) -> dict[str, Any]:
    from envkit.channels.abilities import abilities

    found = abilities(channel)
    return {
        "name": channel.name,
        "summary": channel.summary,
        "reader": channel.reader,
        "rules": list(channel.rules),
        "carries": {title: refusal is None for title, refusal in found.items()},
        "refuses": {title: refusal._asdict() for title, refusal in found.items() if refusal is not None},
    }


def _print_rules(channel: Channel) -> None:
    from textwrap import fill

    from envkit.channels.abilities import abilities

    click.echo(f"{channel.name}: {channel.summary}\nRead by {channel.reader}.\n")
    for rule in channel.rules:
        click.echo(fill(rule, 100, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False))
    refused = [(title, refusal) for title, refusal in abilities(channel).items() if refusal is not None]
    if refused:
        click.echo("\nCannot carry:")
        for title, refusal in refused:
            text = f"{title}: {refusal.problem}. {refusal.hint}"
            click.echo(fill(text, 100, initial_indent="- ", subsequent_indent="  "))


def _print_table(channels: list[Channel]) -> None:
    from envkit.channels.abilities import PROBES, abilities

    rows = [["CHANNEL", *PROBES]]
    rows += [
        [channel.name, *("yes" if refusal is None else "-" for refusal in abilities(channel).values())]
        for channel in channels
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo()
    for channel in channels:
        click.echo(f"{channel.name:<{widths[0]}}  {channel.summary}")
    click.echo("\n`envkit channels CHANNEL` shows how its program reads, and the way out where it says -.")
