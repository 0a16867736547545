"""What commands print: findings on standard error, results on standard output, colour only on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.findings import Finding


def echo_findings(findings: Iterable[Finding]) -> None:
    """Prints one finding a line on standard error; warnings say so."""
    for finding in findings:
        label = click.style("warning: ", fg="yellow") if finding.severity == "warning" else ""
        click.echo(label + printable(str(finding)), err=True)


def echo_note(text: str) -> None:
    """Prints what a person should know and a program should not read."""
    click.echo(printable(text), err=True)


def echo_json(value: Any) -> None:
    """Prints `value` as JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def as_dictionaries(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings for `--json`."""
    return [finding._asdict() for finding in findings]


def counted(count: int, noun: str) -> str:
    """How many there are, in words: `no difference`, `1 problem`, `3 settings`."""
    return f"{count or 'no'} {noun}{'' if count in (0, 1) else 's'}"


def printable(text: str) -> str:
    """The text on one line and without the control characters by which a file name could drive the terminal."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
