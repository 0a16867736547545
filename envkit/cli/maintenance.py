"""`envkit maintenance`: 503 and a page for everyone but a few, without a reload of nginx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from envkit.cli.command import Command, description_option, dry_run_option, json_option
from envkit.cli.output import echo_findings, echo_json
from envkit.cli.progress import told

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from envkit.operations.maintaining import Maintenance


def _moment(context: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    """`45m` from now, or a date and time: of this machine's time zone unless it names one."""
    if text is None:
        return None
    from datetime import UTC, datetime, timedelta

    from envkit.deployment.kinds import KINDS

    try:
        return datetime.now(UTC) + timedelta(seconds=KINDS["duration"].read(text))
    except ValueError:
        pass  # it is a time, then
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        words = "must be a duration such as 45m or 2h, or a time such as 2030-01-31T14:30 or 2030-01-31T14:30+01:00"
        raise click.BadParameter(words, context, parameter) from None


@click.command(
    cls=Command,
    short_help="Answer 503 with a page, or stop doing so.",
    examples=(
        "envkit maintenance on",
        'envkit maintenance on --message "A larger disk." --until 45m --allow 192.0.2.7',
        "envkit maintenance status",
        "envkit maintenance off",
    ),
)
@click.argument("state", type=click.Choice(["on", "off", "status"]))
@click.option("--message", default="", metavar="TEXT", help="A sentence for the page.")
@click.option(
    "--until",
    callback=_moment,
    metavar="WHEN",
    help="When the site will be back: a duration or a time. It is Retry-After, and stands in the page.",
)
@click.option(
    "--allow", "addresses", multiple=True, metavar="ADDRESS", help="This address enters all the same; may be repeated."
)
@description_option
@dry_run_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    state: str,
    message: str,
    until: datetime | None,
    addresses: tuple[str, ...],
    description: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Answer every request by 503 and a page (on), hand requests to the app again (off), or tell which it is (status).

    nginx looks for the flag file at each request, so nothing is reloaded, and the flag outlives a restart of the
    machine. Repeated, `on` replaces message, time and addresses. `status` exits 1 during maintenance.
    """
    from envkit.deployment.reading import load_description
    from envkit.operations.maintaining import current, turn_off, turn_on

    if state != "on" and (message or until or addresses):
        raise click.UsageError("--message, --until and --allow belong to `envkit maintenance on`", context)
    deployment = load_description(description)
    if state == "on":
        steps = told(rehearse=dry_run)
        echo_findings(turn_on(deployment, steps, message=message, until=until, addresses=addresses))
    elif state == "off":
        turn_off(deployment, told(rehearse=dry_run))
    now = current(deployment)
    if as_json:
        echo_json(as_dictionary(now))
    elif state == "status":
        click.echo(in_words(now))
    context.exit(int(state == "status" and now.on))


def as_dictionary(maintenance: Maintenance) -> dict[str, Any]:
    """For `--json`."""
    return {
        "on": maintenance.on,
        "since": maintenance.since.isoformat() if maintenance.since else None,
        "message": maintenance.message,
        "until": maintenance.until.isoformat() if maintenance.until else None,
        "addresses": list(maintenance.addresses),
    }


def in_words(maintenance: Maintenance) -> str:
    """One line for people."""
    if not maintenance.on or maintenance.since is None:
        return "off"
    words = [f"on since {maintenance.since:%Y-%m-%d %H:%M} UTC"]
    words += [f"until {maintenance.until:%Y-%m-%d %H:%M} UTC"] if maintenance.until else []
    words += [f"open to {', '.join(maintenance.addresses)}"] if maintenance.addresses else []
    return ", ".join(words)
