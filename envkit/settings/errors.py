"""The one error that loading raises: every problem at once, and no value of a setting in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.findings import Finding


class SettingsError(ValueError):
    """The settings are missing, malformed or refused.

    Attributes:
        problems: one `Finding` for each problem; problems of whole files first, then settings in the model's order.
    """

    problems: tuple[Finding, ...]

    def __init__(self, subject: str, problems: Iterable[Finding]) -> None:
        """Describes all `problems` of `subject`, the settings class's name."""
        self.subject = subject
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{subject}: {count}", *map(str, self.problems)]))

    def __reduce__(self) -> tuple[type[SettingsError], tuple[str, tuple[Finding, ...]]]:
        """Crosses process borders (multiprocessing, test runners) with its problems."""
        return type(self), (self.subject, self.problems)
