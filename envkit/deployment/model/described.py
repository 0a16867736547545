"""How the model's tables declare a key: a dataclass field with its words of help and its kind."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def described(doc: str, *, kind: str = "", default: Any = ..., factory: Any = ...) -> Any:
    """A dataclass field with its documentation and the kind of text it holds."""
    metadata = {"doc": doc, "kind": kind}
    if factory is not ...:
        return field(default_factory=factory, metadata=metadata)
    if default is not ...:
        return field(default=default, metadata=metadata)
    return field(metadata=metadata)
