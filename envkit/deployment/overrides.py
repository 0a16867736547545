"""Keys of the description that come from the environment: `ENVKIT_HTTP__DOMAINS=a.example,b.example`.

One image serves several stages this way. A variable that is set to nothing counts as not set, as everywhere in envkit.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from envkit.deployment.fields import Key, keys_of
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.deployment.model import Deployment
from envkit.findings import Finding, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "ENVKIT_"
RESERVED = ("ENVKIT_ENV",)
"""Names with the prefix that mean something else: the stage (development, production)."""
RESERVED_PREFIXES = ("ENVKIT_TESTS_",)

TRUE = {"1", "true", "yes", "on", "y", "t"}
FALSE = {"0", "false", "no", "off", "n", "f"}
"""Words for a boolean, in any case: those that pydantic takes in a setting."""


class Override(NamedTuple):
    """One variable and the key it sets."""

    variable: str
    path: tuple[str, ...]
    value: Any
    """As TOML would give it, so that one reader checks both."""


def find_overrides(environ: Mapping[str, str], raw: Mapping[str, Any]) -> tuple[list[Override], list[Finding]]:
    """The overrides in the environment, in the order of their names, and what is wrong with them.

    `raw` is the description's file, whose processes and URL prefixes may be named by a variable.
    """
    overrides: list[Override] = []
    findings: list[Finding] = []
    named = {name: text for name, text in sorted(environ.items()) if _is_ours(name) and text}
    for name, text in named.items():
        try:
            path, key = _resolve(name.removeprefix(PREFIX).split("__"), raw, named)
            overrides.append(Override(name, path, _value(text, key)))
        except Wrong as wrong:
            findings.append(Finding("environment", name, wrong.problem, wrong.hint))
    return overrides, findings


def variable_of(*path: str) -> str:
    """The variable that sets a key."""
    return PREFIX + "__".join(path).upper()


def origin_and_name(deployment: Deployment, *path: str) -> tuple[str, str]:
    """Where the value of a key comes from, and the key's name there: of a variable, else of the description's file.

    For a finding about a value that only the machine shows to be wrong.
    """
    variable = variable_of(*path)
    return ("environment", variable) if os.environ.get(variable) else (deployment.origin, ".".join(path))


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and name not in RESERVED and not name.startswith(RESERVED_PREFIXES)


def _resolve(parts: list[str], raw: Mapping[str, Any], named: Mapping[str, str]) -> tuple[tuple[str, ...], Key]:
    table: type[Any] = Deployment
    path: tuple[str, ...] = ()
    while True:
        key = keys_of(table).get(parts[0].lower())
        if key is None:
            raise Wrong("names no key of the description", _meant(path, parts[0], table))
        path, parts = (*path, key.name), parts[1:]
        if key.table is None:
            if parts:
                raise Wrong(f"names a key inside {'.'.join(path)}, which is no table")
            return path, key
        if not parts:
            if key.shape == "tables":
                return path, key
            raise Wrong(f"names a table; its keys are set one by one, such as {variable_of(*path, _first(key))}")
        table = key.table
        if key.shape == "tables":
            present = dig(raw, path)
            path, parts = (*path, _entry(path, parts[0], present, named)), parts[1:]
            if not parts:
                raise Wrong("names a table; its keys are set one by one")


def _entry(path: tuple[str, ...], part: str, present: Mapping[str, Any], named: Mapping[str, str]) -> str:
    """The name in the file that this part of a variable means; a process may also be added, with its command."""
    fitting = [name for name in present if _as_variable(name) == part]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise Wrong(f"may mean several entries of {'.'.join(path)}")
    if path == ("processes",) and (part == "WEB" or f"{variable_of(*path, part)}__COMMAND" in named):
        return part.lower().replace("_", "-")
    known = [variable_of(*path, _as_variable(name)) for name in present]
    raise Wrong(f"names no entry of {'.'.join(path)}", did_you_mean(variable_of(*path, part), known))


def _as_variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper()


def _first(key: Key) -> str:
    return next(iter(keys_of(key.table))) if key.table else ""


def _meant(path: tuple[str, ...], part: str, table: type[Any]) -> str:
    return did_you_mean(variable_of(*path, part), [variable_of(*path, name) for name in keys_of(table)])


def dig(raw: Any, path: tuple[str, ...]) -> dict[str, Any]:
    """The table at `path`, or an empty one where none is."""
    for part in path:
        raw = raw.get(part, {}) if isinstance(raw, dict) else {}
    return raw if isinstance(raw, dict) else {}


# --- values ---------------------------------------------------------------------------------------------------------


def _value(text: str, key: Key) -> Any:
    if re.search("[\ud800-\udfff]", text):
        raise Wrong("is not UTF-8")
    if key.shape == "boolean":
        return _boolean(text)
    if key.shape in {"whole", "number"}:
        return _number(text, key)
    if key.shape == "tables":
        return _json(text, dict, "an object")
    if key.shape == "list":
        return _json(text, list, "a list") if text.lstrip().startswith("[") else _comma_list(text)
    if key.shape == "command" and text.lstrip().startswith("["):
        return _json(text, list, "a list")
    return text


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise Wrong("must be a boolean: true or false, yes or no, on or off, 1 or 0")
    return word in TRUE


def _number(text: str, key: Key) -> float | str:
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if key.shape == "number" and re.fullmatch(r"[+-]?[0-9]{1,18}\.[0-9]{1,18}", text):
        return float(text)
    if KINDS[key.kind].units:
        return text
    raise Wrong("must be a whole number" if key.shape == "whole" else "must be a number")


def _comma_list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _json(text: str, wanted: type[Any], words: str) -> Any:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, wanted):
        raise Wrong(f"must be {words} in JSON")
    return value
