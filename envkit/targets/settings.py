"""What a target knows of the settings: the names that the settings class declares, never a value."""

from __future__ import annotations

from typing import NamedTuple


class SettingName(NamedTuple):
    """One name under which the app looks for a setting."""

    name: str
    secret: bool = False
    required: bool = False
    keeps_empty: bool = False
    """An empty value is a value, and not the same as none."""


SettingNames = tuple[SettingName, ...]
"""In the order of the class. None, where a target is given none at all, means that no class is known."""
