"""The maintenance page as text: the rendered one, or one maintenance's own with its message and time of return."""

from __future__ import annotations

from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.rendering.environments import environment, header
from envkit.rendering.quoting import Fragment

if TYPE_CHECKING:
    from datetime import datetime

    from envkit.deployment.model import Deployment

PLACE_OF_MESSAGE = "<!-- envkit: message -->"
"""In a page of the user's own, where the message of one maintenance stands."""
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""strftime would name them in the locale's language."""


def maintenance_page(deployment: Deployment, command: str, *, message: str = "", until: datetime | None = None) -> str:
    """The page that envkit renders.

    Args:
        deployment: the description.
        command: how the page is made again, for its header.
        message: plain text in place of the usual sentence.
        until: when the site will be back, with a time zone.
    """
    template = environment("nginx", Path(__file__).parent / "templates").get_template("maintenance.html.j2")
    return template.render(
        comment=header(command, derived.source(deployment), prefix="  "),
        message=Fragment(escape(message)),
        until=Fragment(in_words(until) if until else ""),
        retry_text=retry_text(deployment.maintenance.retry_after),
    )


def own_page(text: str, *, message: str = "", until: datetime | None = None) -> str:
    """A page of the user's own with the message and the time of return in the place that it has for them."""
    sentences = [escape(message)] if message else []
    sentences += [f"We expect to be back on {in_words(until)}."] if until else []
    return text.replace(PLACE_OF_MESSAGE, "".join(f"<p>{sentence}</p>" for sentence in sentences))


def in_words(moment: datetime) -> str:
    """`21 November 2026 at 14:30 UTC`."""
    from datetime import UTC

    utc = moment.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]} {utc.year} at {utc:%H:%M} UTC"


def retry_text(seconds: float) -> Fragment:
    """`5 minutes`: a duration for people, rounded up to a whole unit."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = ceil(seconds / unit)
            return Fragment(f"{count} {name}{'' if count == 1 else 's'}")
    return Fragment("a minute")
