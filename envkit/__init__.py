"""envkit: settings, secrets and server configuration for Python web apps.

    from envkit import load_settings

Two field types are not classes of envkit's, and have no entry of their own below:

- `Duration` is a `timedelta`, from ``500ms``, ``30s``, ``15m`` or ``15min``, ``1h30m``, ``7d``, ``2w``, a plain number
  of seconds, or ISO 8601. What is none, or is longer than a `timedelta` can be, is a problem in the `SettingsError`.
- `ByteSize` is pydantic's `int` of bytes, from ``16 MiB`` (1024 each), ``1.5GB`` (1000 each) or a plain number of
  bytes; a fraction of a byte is cut off. What is none, or is negative, is a problem in the `SettingsError`.

Names are imported when they are first used, so that a command which needs no settings class pays for none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from envkit.channels.escape import escape, unescape
    from envkit.settings.errors import SettingsError
    from envkit.settings.explaining import Explanation, explain
    from envkit.settings.flask import flask_config
    from envkit.settings.loading import load_settings
    from envkit.settings.model import AllowEmpty, Settings, development_only
    from envkit.settings.types import ByteSize, DatabaseUrl, Duration, PrivateKey, Secret
    from envkit.settings.web import WebSettings

_HOMES = {
    "AllowEmpty": "settings.model",
    "ByteSize": "settings.types",
    "DatabaseUrl": "settings.types",
    "Duration": "settings.types",
    "Explanation": "settings.explaining",
    "PrivateKey": "settings.types",
    "Secret": "settings.types",
    "Settings": "settings.model",
    "SettingsError": "settings.errors",
    "WebSettings": "settings.web",
    "development_only": "settings.model",
    "escape": "channels.escape",
    "explain": "settings.explaining",
    "flask_config": "settings.flask",
    "load_settings": "settings.loading",
    "unescape": "channels.escape",
}

__all__ = [
    "AllowEmpty",
    "ByteSize",
    "DatabaseUrl",
    "Duration",
    "Explanation",
    "PrivateKey",
    "Secret",
    "Settings",
    "SettingsError",
    "WebSettings",
    "development_only",
    "escape",
    "explain",
    "flask_config",
    "load_settings",
    "unescape",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'envkit' has no attribute {name!r}")
    value = getattr(import_module(f"envkit.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
