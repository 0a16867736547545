"""Names of channels as options and arguments take them, each checked before anything is done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from envkit.cli.names import beginning_with, expect_known

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def channel_option(*names: str, words: str, also: tuple[str, ...] = ()) -> Callable[[F], F]:
    """The option that names one channel, or another way that is no text and `also` has."""
    return click.option(
        *names,
        "channel_name",
        type=_ChannelName(also),
        callback=partial(_checked, also=also),
        shell_complete=partial(_complete, also=also),
        required=True,
        metavar="CHANNEL",
        help=words,
    )


class _ChannelName(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has none to give
    """Text whose absence is answered with the names that there are."""

    name = "channel"

    def __init__(self, also: tuple[str, ...]) -> None:
        self.also = also

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002  click's
        from envkit.channels.registry import names

        return f"Name one of: {', '.join((*names(), *self.also))}"


def channels_option(*names: str, words: str, default: str) -> Callable[[F], F]:
    """The option that names several channels, with commas between them or repeated."""
    return click.option(
        *names,
        "readers",
        callback=_all_checked,
        shell_complete=_complete,
        multiple=True,
        default=(default,),
        metavar="CHANNEL,…",
        help=f"{words}  [default: {default}]",
    )


def channel_argument(name: str) -> Callable[[F], F]:
    """The argument that may name one channel."""
    return click.argument(name, required=False, callback=_checked, shell_complete=_complete, metavar="[CHANNEL]")


def _checked(
    context: click.Context, parameter: click.Parameter, name: str | None, also: tuple[str, ...] = ()
) -> str | None:
    from envkit.channels.registry import names

    if name is not None:
        expect_known(context, parameter, "channel", name, (*names(), *also))
    return name


def _all_checked(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    for name in names:
        _checked(context, parameter, name)
    return tuple(dict.fromkeys(names))


def _complete(
    context: click.Context,  # noqa: ARG001  click's
    parameter: click.Parameter,  # noqa: ARG001  likewise
    incomplete: str,
    also: tuple[str, ...] = (),
) -> list[str]:
    from envkit.channels.registry import names

    return beginning_with(incomplete, (*names(), *also))
