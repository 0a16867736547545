"""Names of targets, channels and forms as commands take them: checked first, and completed by the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


def expect_known(
    context: click.Context, parameter: click.Parameter, kind: str, name: str, known: Sequence[str]
) -> None:
    """Refuses a name that there is not, with the likeliest one that was meant or else with all of them.

    Raises:
        click.BadParameter: it is not among `known`.
    """
    if name in known:
        return
    from envkit.findings import did_you_mean

    hint = did_you_mean(name, tuple(known)) or f"known: {', '.join(known)}"
    raise click.BadParameter(f"no such {kind}: {name}. {hint}", context, parameter)


def beginning_with(incomplete: str, known: Sequence[str]) -> list[str]:
    """The names that what is typed may become; of several with commas between them, the last one."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in known if name.startswith(last)]
