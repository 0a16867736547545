"""The kinds of text and number that a description holds, by name: how each is read, and its pattern in the JSON Schema.

A kind takes what TOML gives (text or a number, already of an allowed type) and returns the normal form that the model
holds, or raises `Wrong`. The types and units are those of the settings' field types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment.container_kinds import CONTAINER_KINDS
from envkit.deployment.name_kinds import NAME_KINDS
from envkit.deployment.network_kinds import NETWORK_KINDS
from envkit.deployment.number_kinds import NUMBER_KINDS
from envkit.deployment.path_kinds import PATH_KINDS

if TYPE_CHECKING:
    from envkit.deployment.kind import Kind

KINDS: dict[str, Kind] = {**NAME_KINDS, **NUMBER_KINDS, **NETWORK_KINDS, **PATH_KINDS, **CONTAINER_KINDS}
