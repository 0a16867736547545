"""Settings as Flask's configuration wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.settings.model import revealed

if TYPE_CHECKING:
    from pydantic import BaseModel


def flask_config(settings: BaseModel) -> dict[str, Any]:
    """The fields of a pydantic model as Flask's configuration: by upper-case name, and with secrets as plain text.

    Args:
        settings: an instance of any pydantic model, a `Settings` class's or another.

    Returns:
        What `app.config.from_mapping` takes. Of a field that is a `Secret`, a `PrivateKey`, a `DatabaseUrl` or one of
        pydantic's secrets, the text; any other value as it is, so that a `Duration` is a `timedelta`, as Flask wants it
        for PERMANENT_SESSION_LIFETIME, and a `ByteSize` a number of bytes, as for MAX_CONTENT_LENGTH
        (https://flask.palletsprojects.com/en/stable/config/). Secrets inside a list or a model stay masked. Whoever
        prints this dictionary shows the secrets.
    """
    return {name.upper(): revealed(getattr(settings, name)) for name in type(settings).model_fields}
