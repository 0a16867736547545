"""Verifying: the real program that will read a target's files says whether it accepts them."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from envkit.operations.programs import find_program
from envkit.operations.rendering import render_targets
from envkit.operations.tracebacks import shortened
from envkit.operations.writing import write_artifacts
from envkit.targets.registry import target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.deployment.model import Deployment

PATIENCE = 120
"""Seconds a judge may take: `gunicorn --check-config` imports the app, which may be slow, but not as slow as this."""

Outcome = Literal["accepted", "refused", "not verified"]


class Verdict(NamedTuple):
    """What a target's judge said."""

    target: str
    program: str
    outcome: Outcome
    reason: str
    """Why it was not verified; empty otherwise."""
    messages: str
    """What the program printed; of a traceback the lines that matter."""


def verify(names: Iterable[str], deployment: Deployment, folder: Path | None = None) -> list[Verdict]:
    """Asks the judge of each target.

    Args:
        names: the targets; as `render_targets` takes them.
        deployment: the description.
        folder: the files as they stand there are judged; None renders them into a folder of their own.

    Raises:
        DescriptionError: a target cannot be rendered.
    """
    renderings = render_targets(names, deployment)
    if folder is not None:
        return [_verdict(name, folder.absolute(), deployment) for name in renderings]
    with tempfile.TemporaryDirectory(prefix="envkit-verify-") as scratch:
        for rendering in renderings.values():
            write_artifacts(rendering.artifacts, Path(scratch))
        return [_verdict(name, Path(scratch), deployment) for name in renderings]


def _verdict(name: str, folder: Path, deployment: Deployment) -> Verdict:
    judge = target(name).JUDGE
    command = judge.command(folder, deployment)
    program = find_program(command[0])
    if program is None or find_program(judge.program) is None:
        return Verdict(name, judge.program, "not verified", f"{judge.program} is not installed", "")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return Verdict(name, judge.program, "refused", f"gave no answer within {PATIENCE} s", "")
    outcome: Outcome = "accepted" if done.returncode == 0 else "refused"
    messages = done.stdout.decode(errors="replace")
    if outcome == "refused":
        messages = shortened(messages, deployment.app)
    return Verdict(name, judge.program, outcome, "", messages)
