"""What a target returns: artifacts and what it could not express; and how the program that reads them judges them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from envkit.deployment.model import Deployment
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


@dataclass(frozen=True, slots=True)
class Judge:
    """The real program that says whether a target's files are accepted, and how it is asked; nothing here runs it."""

    program: str
    """What must be installed."""
    command: Callable[[Path, Deployment], list[str]]
    """From the absolute path of the folder that holds the artifacts, and the description: program and arguments, to be
    run in the project's folder; exit status 0 says that the files are accepted."""
