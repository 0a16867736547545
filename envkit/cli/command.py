"""What every command has in common: examples in its help, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(click.Command):
    """A command with examples at the end of its help."""

    def __init__(self, *arguments: Any, examples: Sequence[str], **keywords: Any) -> None:
        """Takes one command line, or a pipeline, for each example."""
        super().__init__(*arguments, **keywords)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples, one a line and never wrapped."""
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


description_option = click.option(
    "-f",
    "--file",
    "description",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The description; unless given, envkit.toml or [tool.envkit] of pyproject.toml in this folder.",
)
settings_option = click.option(
    "--settings",
    "class_name",
    metavar="MODULE:CLASS",
    help="The settings class; unless given, the one that the description names.",
)
env_file_option = click.option(
    "--env-file",
    "env_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Read this instead of .env (/dev/null: none); may be repeated, the later file wins.",
)
out_option = click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deploy"),
    show_default=True,
    metavar="DIR",
    help="The folder of the rendered files.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print the steps and take none.")


def _remember(context: click.Context, parameter: click.Parameter, as_json: bool) -> bool:  # noqa: ARG001  click's
    """Keeps the choice for errors too: a program that asked for JSON gets their findings so."""
    context.ensure_object(dict)["json"] = as_json
    return as_json


json_option = click.option("--json", "as_json", is_flag=True, callback=_remember, help="Print JSON for other programs.")
