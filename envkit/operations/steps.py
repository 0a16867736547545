"""An operation as steps that are told before they are taken, and can be rehearsed; and what stops one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from envkit.findings import Finding, FindingsError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class OperationError(FindingsError):
    """The operation stopped; `findings` says why. What it had begun is undone, or finished by running it again."""


def stopped(origin: str, problem: str, hint: str = "") -> OperationError:
    """The error for one problem."""
    return OperationError([Finding(origin, "", problem, hint)])


def _say_nothing(_text: str) -> None:
    """Nobody asked."""


def _show_nothing(_done: int, _total: int) -> None:
    """Nobody watches."""


class Steps:
    """Tells each step before it is taken. A rehearsal tells them all and takes none."""

    def __init__(
        self,
        tell: Callable[[str], None] = _say_nothing,
        *,
        show: Callable[[int, int], None] = _show_nothing,
        rehearse: bool = False,
    ) -> None:
        """Takes what prints a step, and what shows how far a long one is: done and total, which is 0 when unknown."""
        self._tell = tell
        self.show = show
        self.rehearse = rehearse

    def take(self, words: str, action: Callable[[], T]) -> T | None:
        """Tells a step and takes it; returns what it returns, None in a rehearsal."""
        self._tell(words)
        return None if self.rehearse else action()

    def tell(self, words: str) -> None:
        """Tells what needs no action."""
        self._tell(words)
