"""What commands print: findings on standard error, results on standard output, colour only on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

    from envkit.findings import Finding


def echo_findings(findings: Iterable[Finding]) -> None:
    """Prints one finding a line on standard error; warnings say so."""
    for finding in findings:
        label = click.style("warning: ", fg="yellow") if finding.severity == "warning" else ""
        echo_aside(label + printable(str(finding)))


def echo_note(text: str) -> None:
    """Prints what a person should know and a program should not read."""
    echo_aside(printable(text))


def echo_aside(text: str, *, nl: bool = True) -> None:
    """Prints on standard error as it stands; where that cannot be written (a full disk), the exit code must do."""
    try:
        click.echo(text, err=True, nl=nl)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Leads a standard stream that cannot be written to nowhere: Python's own flush at the end must not complain."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def echo_json(value: Any) -> None:
    """Prints `value` as JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def echo_failure(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Prints why a command could not do what was asked; for a program that asked for JSON so, on standard output."""
    if as_json:
        echo_json({"ok": False, "findings": as_dictionaries(findings)})
    else:
        echo_findings(findings)


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
