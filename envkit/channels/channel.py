"""What a channel is: the protocol every module of this package (and every plug-in) implements.

A channel is a way for settings to travel to a process. It can *write* settings as text, *read* such text as its
real consumer would, and *refuse* a value which it cannot carry. New channels come from other packages by the
entry point group ``envkit.channels``: each entry names an object that satisfies `Channel`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envkit.findings import Finding


class Binding(NamedTuple):
    """One setting as a consumer sees it."""

    name: str
    value: str | None
    """None for a bare name, which the consumer takes from its own environment or leaves unset."""
    line: int
    """The line, counted from 1, on which the binding starts."""


class Reading(NamedTuple):
    """What a consumer makes of a text: the bindings in the order of the text, and what is wrong with it.

    The last binding of a name wins.
    `fatal` says that the consumer stops with an error and sees nothing at all.
    """

    bindings: list[Binding]
    findings: list[Finding]
    fatal: bool = False

    def values(self) -> dict[str, str | None]:
        """Name to value as the consumer ends up with them; empty when the consumer refuses the text."""
        return {} if self.fatal else {binding.name: binding.value for binding in self.bindings}


class Refusal(NamedTuple):
    """Why a channel cannot carry a value, and the way out."""

    problem: str
    hint: str


class Channel(Protocol):
    """A way for settings to travel to a process; plain attributes do for the four properties."""

    @property
    def name(self) -> str:
        """What the user types after `--to`."""
        ...

    @property
    def summary(self) -> str:
        """One line for `envkit channels`."""
        ...

    @property
    def reader(self) -> str:
        """The programs and versions whose reading this channel follows."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """How these programs read, one rule each, with the source: what `envkit channels NAME` prints."""
        ...

    def refuse(self, name: str, value: str) -> Refusal | None:
        """The reason why this channel cannot carry this value under this name, or None if it can."""
        ...

    def write(self, settings: Mapping[str, str]) -> str:
        """Text that delivers every value byte for byte, in the mapping's order.

        Raises:
            ValueError: a value is refused (call `refuse` first); the message holds no value.
        """
        ...

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """What the real consumer would see in `text`, with `environ` as the environment of its process."""
        ...
