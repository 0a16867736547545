"""The argument TARGET… of commands: names of targets, checked before anything is done."""

from __future__ import annotations

import click


def _checked(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from envkit.targets.registry import TARGETS

    for name in names:
        if name not in TARGETS:
            from envkit.findings import did_you_mean

            hint = did_you_mean(name, tuple(TARGETS)) or f"known: {', '.join(TARGETS)}"
            raise click.BadParameter(f"no such target: {name}. {hint}", context, parameter)
    return names


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  click's
    from envkit.targets.registry import TARGETS

    return [name for name in TARGETS if name.startswith(incomplete)]


targets_argument = click.argument(
    "targets", nargs=-1, callback=_checked, shell_complete=_complete, metavar="[TARGET]..."
)
