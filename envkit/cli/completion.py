"""`envkit completion`: the script by which a shell completes envkit's commands."""

from __future__ import annotations

import click

from envkit.cli.command import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    short_help="Print the shell's completion script.",
    examples=(
        'eval "$(envkit completion bash)"    # in ~/.bashrc',
        'eval "$(envkit completion zsh)"     # in ~/.zshrc',
        "envkit completion fish > ~/.config/fish/completions/envkit.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(*, shell: str) -> None:
    """Print the script that completes commands, options and targets in SHELL."""
    from click.shell_completion import get_completion_class

    from envkit.cli import cli

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover  click knows all of SHELLS
        raise click.UsageError(f"click completes nothing in {shell}.")
    click.echo(kind(cli, {}, "envkit", "_ENVKIT_COMPLETE").source(), nl=False)
