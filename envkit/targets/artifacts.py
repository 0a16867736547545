"""What a target returns: artifacts and what it could not express."""

from __future__ import annotations

from dataclasses import dataclass

from envkit.findings import Finding


@dataclass(frozen=True, slots=True)
class Artifact:
    """One rendered file."""

    path: str
    """Relative to the output folder, with `/`."""
    text: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Rendering:
    """All files of one target, and the findings (warnings) about what it could not express."""

    artifacts: tuple[Artifact, ...]
    findings: tuple[Finding, ...] = ()
