"""Names of channels and forms as commands take them, and values by standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def form_option(*names: str) -> Callable[[F], F]:
    """The option that names a channel or a form, under these names."""
    words = "A channel, or one of the forms escape, base64."
    return click.option(
        *names, "form", callback=_checked, shell_complete=_complete, required=True, metavar="CHANNEL", help=words
    )


def _checked(context: click.Context, parameter: click.Parameter, form: str) -> str:
    """The name of a channel, `escape` or `base64`, or an error with the likeliest name meant."""
    from envkit.operations.encoding import form_names

    names = form_names()
    if form in names:
        return form
    from envkit.findings import did_you_mean

    hint = did_you_mean(form, names) or f"known: {', '.join(names)}"
    raise click.BadParameter(f"no such channel: {form}. {hint}", context, parameter)


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  click's
    """Names that begin with what is typed, for shells."""
    from envkit.operations.encoding import form_names

    return [name for name in form_names() if name.startswith(incomplete)]


def read_standard_input(what: str) -> bytes:
    """All of standard input as bytes; a person at a terminal is told what is waited for."""
    if sys.stdin.isatty():
        click.echo(f"{what}, then Ctrl-D:", err=True)
    return sys.stdin.buffer.read()
