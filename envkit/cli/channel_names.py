"""Names of channels as options and arguments take them, each checked before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

F = TypeVar("F", bound="Callable[..., Any]")


def channel_option(*names: str, words: str) -> Callable[[F], F]:
    """The option that names one channel."""
    return click.option(
        *names,
        "to",
        type=_ChannelName(),
        callback=_checked,
        shell_complete=_complete,
        required=True,
        metavar="CHANNEL",
        help=words,
    )


class _ChannelName(click.ParamType):  # type: ignore[type-arg]  # click 8.1 has none to give
    """Text whose absence is answered with the names that there are."""

    name = "channel"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002  click's
        from envkit.channels.registry import names

        return f"Name one of: {', '.join(names())}"


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


def read_text(path: Path) -> str:
    """The file's text with its line ends as they are; ``-`` is standard input.

    Raises:
        click.UsageError: it cannot be read, or is not UTF-8.
    """
    import sys

    from envkit.operations.steps import words_of

    problem = ""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode()
    except OSError as error:
        problem = words_of(error)
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start + 1})"
    raise click.UsageError(f"{path}: {problem}")


def _checked(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    from envkit.channels.registry import names

    known = names()
    if name is None or name in known:
        return name
    from envkit.findings import did_you_mean

    hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
    raise click.BadParameter(f"no such channel: {name}. {hint}", context, parameter)


def _all_checked(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    for name in names:
        _checked(context, parameter, name)
    return tuple(dict.fromkeys(names))


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  click's
    from envkit.channels.registry import names

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]
