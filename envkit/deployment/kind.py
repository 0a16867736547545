"""What a kind of value is: how it is read into its normal form, and how it is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Wrong(ValueError):  # noqa: N818 - it says what the value is
    """A value that is not of its kind: what is wrong with its shape, and what to do. It holds no value."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class Kind(NamedTuple):
    """One kind of value."""

    read: Callable[[Any], Any]
    pattern: str = ""
    """What the text form looks like, for the JSON Schema; `read` may refuse more."""
    minimum: float | None = None
    maximum: float | None = None
    units: bool = False
    """It may be written as text with a unit, or as a plain number."""


def of_form(pattern: str, problem: str, hint: str = "") -> Kind:
    """The kind of text of which a pattern says all; it is its own normal form.

    Args:
        pattern: a regular expression of Python and of JSON Schema, for the whole text.
        problem: what is said of any other text.
        hint: what to do about it.
    """

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise Wrong(problem, hint)
        return text

    return Kind(read, pattern)
