"""The option that names a channel, or one of the forms that belong to none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from envkit.cli.names import beginning_with, expect_known

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

    expect_known(context, parameter, "channel", form, form_names())
    return form


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  click's
    """Names that begin with what is typed, for shells."""
    from envkit.operations.encoding import form_names

    return beginning_with(incomplete, form_names())
