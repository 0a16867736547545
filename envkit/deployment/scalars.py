"""One value of the description: whether it is of the type, and in the form, that its key asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.deployment.commands import read_command
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.findings import did_you_mean

if TYPE_CHECKING:
    from envkit.deployment.fields import Key

_WORDS = {"text": "text", "whole": "a whole number", "number": "a number", "boolean": "true or false"}
_TYPES: dict[str, tuple[type[Any], ...]] = {
    "text": (str,),
    "choice": (str,),
    "whole": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "command": (str, list),
}


def read_scalar(key: Key, raw: Any) -> Any:
    """The value of a key that is no table and no list of a kind, in its normal form.

    Raises:
        Wrong: with what is wrong with its shape.
    """
    kind = KINDS.get(key.kind)
    wanted = _TYPES[key.shape] + ((str,) if kind and kind.units else ())
    if not isinstance(raw, wanted) or (isinstance(raw, bool) and key.shape != "boolean"):
        raise Wrong(*_wrong_type(key, raw))
    if key.shape == "choice":
        if raw not in key.choices:
            raise Wrong(f"must be one of {', '.join(key.choices)}", did_you_mean(raw, key.choices))
        return raw
    if key.shape == "command":
        if isinstance(raw, list) and not all(isinstance(word, str) for word in raw):
            raise Wrong("must be a list of text alone")
        return read_command(raw)
    return kind.read(raw) if kind else raw


def _wrong_type(key: Key, raw: Any) -> tuple[str, str]:
    if key.shape == "choice":
        return f"must be one of {', '.join(key.choices)}, not {type_of(raw)}", ""
    if key.shape == "command":
        return f"must be a list of text, or one line, not {type_of(raw)}", ""
    kind = KINDS.get(key.kind)
    if kind and kind.units:
        return f"must be a {key.kind}, as text with a unit or a plain number, not {type_of(raw)}", ""
    hint = ""
    if key.shape == "text" and isinstance(raw, int | float) and not isinstance(raw, bool):
        hint = "write it in quotes"
    if key.shape == "boolean" and isinstance(raw, str):
        hint = "write true or false without quotes"
    if key.shape in {"whole", "number"} and isinstance(raw, str):
        hint = "write the number without quotes"
    return f"must be {_WORDS[key.shape]}, not {type_of(raw)}", hint


def type_of(raw: Any) -> str:
    """What TOML calls such a value, in words."""
    names = {
        str: "text",
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
        type(None): "null",
    }
    return names.get(type(raw), "a date or time")
