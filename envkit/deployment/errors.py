"""The error that holds every problem of a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.findings import Finding


class DescriptionError(Exception):
    """The description cannot be used; `findings` says everything that is wrong with it, one finding a line."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))
