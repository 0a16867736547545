"""The argument TARGET… of commands: names of targets, checked before anything is done."""

from __future__ import annotations

import click

from envkit.cli.command import Command
from envkit.cli.names import beginning_with, expect_known


def _checked(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from envkit.targets.registry import TARGETS

    for name in names:
        expect_known(context, parameter, "target", name, tuple(TARGETS))
    return names


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  click's
    from envkit.targets.registry import TARGETS

    return beginning_with(incomplete, tuple(TARGETS))


targets_argument = click.argument(
    "targets", nargs=-1, callback=_checked, shell_complete=_complete, metavar="[TARGET]..."
)


class TargetCommand(Command):
    """A command whose help names the targets."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the names, then the examples."""
        from envkit.targets.registry import TARGETS

        with formatter.section("Targets"):
            formatter.write_text(", ".join(TARGETS))
        super().format_epilog(ctx, formatter)
