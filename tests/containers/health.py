"""Health as the tests ask for it: more often than a server would, so that less time passes until it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path


def asked_often(description: Path) -> dict[str, dict[str, Any]]:
    """Services of a compose.override.yaml, by name: each that the Compose file asks for its health, with a short pause.

    All else of the question, and what counts as an answer, stays as it was rendered.
    """
    services = yaml.safe_load(description.read_text())["services"]
    return {
        name: {"healthcheck": {"interval": "2s"}}
        for name, service in services.items()
        if "interval" in service.get("healthcheck", {})
    }
