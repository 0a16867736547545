"""Settings as Flask's configuration wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.settings.model import revealed

if TYPE_CHECKING:
    from pydantic import BaseModel


def flask_config(settings: BaseModel) -> dict[str, Any]:
    """The fields of any pydantic model by upper-case name, secrets revealed: what `app.config.from_mapping` takes."""
    return {name.upper(): revealed(getattr(settings, name)) for name in type(settings).model_fields}
