"""A target's warning about the description: what it cannot express, and at which key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.findings import Finding

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment


def warning(deployment: Deployment, key: str, problem: str, hint: str = "", rule: str = "") -> Finding:
    """A warning at a key of the description, as a message names it: `http.static`."""
    return Finding(deployment.origin, key, problem, hint, severity="warning", rule=rule)
