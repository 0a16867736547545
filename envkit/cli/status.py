"""`envkit status`: how the app is on this server, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envkit.cli.command import Command, description_option, json_option
from envkit.cli.output import as_dictionaries, echo_findings, echo_json, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from envkit.operations.surveying import Survey


@click.command(
    cls=Command,
    short_help="Show how the app is on this server.",
    examples=("envkit status", "envkit status --json"),
)
@description_option
@json_option
@click.pass_context
def command(context: click.Context, *, description: Path | None, as_json: bool) -> None:
    """Show the app's units, version, health, certificate, last backup and maintenance.

    systemd tells the units, where it runs; the app is asked for its health path on its own socket or port. Exits 1 when
    something is wrong: a unit failed, the app is not well, the certificate runs out, there is no backup, or none since
    the process that makes them was due.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.surveying import survey

    found = survey(load_description(description))
    if as_json:
        echo_json(_as_dictionary(found))
    else:
        rows = list(_rows(found))
        width = max(len(name) for name, _ in rows)
        for name, words in rows:
            click.echo(f"{name:<{width}}  {printable(words)}".rstrip())
        echo_findings(found.findings)
    context.exit(int(bool(found.findings)))


def _rows(found: Survey) -> Iterator[tuple[str, str]]:
    from envkit.cli.backup import age_in_words, size_in_words
    from envkit.cli.maintenance import in_words

    yield found.name, found.version or "version unknown"
    if found.units is None:
        yield "units", "systemd does not run here"
    for unit in found.units or ():
        words = f"{unit.active} ({unit.sub})"
        words += f" since {unit.since}" if unit.since and unit.active == "active" else ""
        words += f", started again {unit.restarts} times" if unit.restarts else ""
        yield unit.name, words
    yield "health", found.health.words
    if found.certificate:
        yield "certificate", f"until {found.certificate:%Y-%m-%d %H:%M} UTC"
    if found.backup:
        words = f"{age_in_words(found.backup)}, {size_in_words(found.backup.size)}: {found.backup.path.name}"
        yield "last backup", words
    if found.maintenance:
        yield "maintenance", in_words(found.maintenance)


def _as_dictionary(found: Survey) -> dict[str, Any]:
    from envkit.cli import backup, maintenance

    return {
        "name": found.name,
        "version": found.version,
        "units": None if found.units is None else [unit._asdict() for unit in found.units],
        "health": found.health._asdict(),
        "certificate": found.certificate.isoformat() if found.certificate else None,
        "backup": backup.as_dictionary(found.backup) if found.backup else None,
        "maintenance": maintenance.as_dictionary(found.maintenance) if found.maintenance else None,
        "findings": as_dictionaries(found.findings),
    }
