"""The description's JSON Schema and its documented example, both made from the model."""

from __future__ import annotations

from typing import Any

from envkit.deployment.fields import Key, keys_of
from envkit.deployment.kinds import KINDS
from envkit.deployment.model import Deployment

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NUMBERS = {"whole": "integer", "number": "number"}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `envkit.toml`, for editors and CI.

    What it refuses, envkit refuses; envkit refuses more, such as keys that contradict each other.
    """
    return {
        "$schema": _DIALECT,
        "title": "envkit.toml",
        "description": "How a web app is deployed.",
        **_table(Deployment),
    }


def _table(table: type[Any]) -> dict[str, Any]:
    keys = keys_of(table).values()
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key.name: {"description": key.doc, **_value(key)} for key in keys},
        "additionalProperties": False,
    }
    if required := [key.name for key in keys if key.required]:
        schema["required"] = required
    return schema


def _value(key: Key) -> dict[str, Any]:
    if key.shape == "table":
        return _table(key.table or Deployment)
    if key.shape == "tables":
        names = {"pattern": _anchored(KINDS[key.kind].pattern)}
        return {"type": "object", "propertyNames": names, "additionalProperties": _table(key.table or Deployment)}
    schema = _scalar(key)
    if not key.required and key.default is not None and key.shape != "command":
        schema["default"] = list(key.default) if isinstance(key.default, tuple) else key.default
    return schema


def _scalar(key: Key) -> dict[str, Any]:
    if key.shape == "choice":
        return {"enum": list(key.choices)}
    if key.shape == "boolean":
        return {"type": "boolean"}
    if key.shape == "list":
        return {"type": "array", "items": _text(key.kind)}
    if key.shape == "command":
        words = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"anyOf": [{"type": "string", "minLength": 1}, words]}
    if key.shape == "text":
        return _text(key.kind)
    kind = KINDS[key.kind]
    number = {"type": _NUMBERS[key.shape], "minimum": kind.minimum, "maximum": kind.maximum}
    return {"anyOf": [number, _text(key.kind)]} if kind.units else number


def _text(kind: str) -> dict[str, Any]:
    pattern = KINDS[kind].pattern
    return {"type": "string", "pattern": _anchored(pattern)} if pattern else {"type": "string"}


def _anchored(pattern: str) -> str:
    return f"^(?:{pattern})$"


# --- the example ----------------------------------------------------------------------------------------------------


def documented_example() -> str:
    """An `envkit.toml` that shows every key with its words of help; keys that may be left out are comments."""
    lines = ["# Every key that envkit.toml knows. A line that is a comment shows what holds without it, or an"]
    lines += ["# example where that is nothing, or follows from other keys.", ""]
    lines += _example_of(Deployment, ())
    return "\n".join(lines) + "\n"


_EXAMPLES: dict[tuple[str, ...], str] = {
    ("name",): '"shop"',
    ("app",): '"shop:app"',
    ("settings",): '"shop.settings:AppSettings"',
    ("versions", "python"): '"3.13"',
    ("versions", "nginx"): '"1.29.7"',
    ("versions", "openssl"): '"3.5"',
    ("versions", "gunicorn"): '"27.0.1"',
    ("http", "certificate"): '"/etc/ssl/shop/fullchain.pem"',
    ("http", "certificate_key"): '"/etc/ssl/shop/privkey.pem"',
    ("http", "email"): '"admin@example.org"',
    ("http", "upstream"): '"unix:/run/shop/web.sock"',
    ("http", "content_security_policy"): "\"default-src 'self'\"",
    ("http", "static", "/static/", "directory"): '"/srv/shop/static"',
    ("processes", "web", "command"): '["python", "-m", "shop"]',
    ("processes", "web", "workers"): "2",
    ("processes", "web", "schedule"): '"every 48h"',
    ("processes", "web", "cpus"): "2",
    ("processes", "web", "memory"): '"512 MiB"',
    ("processes", "web", "user"): '"shop"',
    ("processes", "web", "group"): '"www-data"',
    ("server", "directory"): '"/srv/shop"',
    ("server", "virtualenv"): '"/srv/shop/.venv"',
    ("server", "env_file"): '"/etc/envkit/shop/env"',
    ("http", "acme_server"): '"https://acme-staging-v02.api.letsencrypt.org/directory"',
    ("container", "image"): '"ghcr.io/example/shop:latest"',
    ("container", "build"): '".."',
    ("container", "port"): "8000",
    ("inertia", "url"): '"https://github.com/example/shop.git"',
    ("maintenance", "flag"): '"/var/lib/envkit/shop/maintenance"',
    ("maintenance", "page"): '"/srv/shop/maintenance.html"',
    ("maintenance", "directory"): '"/usr/share/envkit/shop"',
    ("backup", "database"): '"DATABASE_URL"',
    ("backup", "postgres", "name"): '"DATABASE_NAME"',
    ("backup", "postgres", "host"): '"DATABASE_HOST"',
    ("backup", "postgres", "port"): '"DATABASE_PORT"',
    ("backup", "postgres", "user"): '"DATABASE_USER"',
    ("backup", "postgres", "password"): '"DATABASE_PASSWORD"',
    ("backup", "folder"): '"/var/backups/shop"',
}
"""What stands for a key that has no default."""
_ENTRY = {"static": "/static/", "processes": "web"}


def _example_of(table: type[Any], path: tuple[str, ...], *, optional: bool = False) -> list[str]:
    lines: list[str] = []
    keys = keys_of(table).values()
    for key in keys:
        if key.table is None:
            place = (*path, key.name)
            text = _EXAMPLES.get(place) or _toml(key)
            lines += [*_comment(key.doc), f"{'' if key.required and not optional else '# '}{key.name} = {text}"]
    for key in keys:
        if key.table is not None:
            place = (*path, key.name, _ENTRY[key.name]) if key.shape == "tables" else (*path, key.name)
            name = ".".join(part if part.replace("_", "").isalnum() else f'"{part}"' for part in place)
            # A table that changes something by being there, or needs a key, is shown as a comment.
            hidden = optional or (key.shape == "table" and key.default is None)
            hidden |= key.shape == "tables" and any(inner.required for inner in keys_of(key.table).values())
            lines += ["", *_comment(key.doc), f"{'# ' if hidden else ''}[{name}]"]
            lines += _example_of(key.table, place, optional=hidden)
    return lines


def _comment(doc: str) -> list[str]:
    from textwrap import wrap

    return wrap(doc, 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _toml(key: Key) -> str:
    value = key.default
    if isinstance(value, bool):
        return "true" if value else "false"
    if key.kind == "duration":
        return _with_unit(value, {"d": 86400, "h": 3600, "m": 60, "s": 1})
    if key.kind == "size":
        return _with_unit(value, {" MiB": 1024 * 1024, " KiB": 1024, "": 1})
    return str(list(value)) if isinstance(value, tuple) else f'"{value}"' if isinstance(value, str) else str(value)


def _with_unit(value: float, units: dict[str, int]) -> str:
    unit = next(unit for unit, size in units.items() if value % size == 0)
    return f'"{value / units[unit]:g}{unit}"'
