"""The two forms of a Compose file: the usual one, and the one for Inertia, which sees no other file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.rendering.quoting import CannotQuote, Fragment, quote_compose
from envkit.targets.compose.yaml import key

if TYPE_CHECKING:
    from envkit.targets.settings import SettingName

_REFERENCE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the file is called and made again, and what lies beside it when Compose reads it."""

    file: str
    command: str
    proxy: str
    """The folder of nginx's files: each form has its own, so that both can be rendered into one folder."""
    alone: bool
    """Compose sees this file and no other: no folder to mount, no secret's file, no `.env`."""

    def variable(self, setting: SettingName) -> Fragment:
        """One item of `environment`.

        A bare name takes the value of Compose's own environment or `.env`, and stays unset where that has none. A
        reference gives an empty value then, which envkit takes for unset; for one that may be missing it is written
        so that Compose does not warn.
        """
        name = setting.name
        if not self.alone:
            if not name or re.search(r"[=\0\s]", name):  # docker-compose 1.29 refuses blanks
                raise CannotQuote("a Compose file", f"the setting {name}, whose name is empty or has =, NUL or a blank")
            return _item(name)
        if not _REFERENCE.fullmatch(name):
            raise CannotQuote("a Compose file", f"a reference to {name}, whose name is not of letters, digits and _")
        return Fragment(f'"{name}=${{{name}}}"' if setting.required else f'"{name}=${{{name}-}}"')


def _item(name: str) -> Fragment:
    return key(name) if _REFERENCE.fullmatch(name) else Fragment(quote_compose(name))


COMPOSE = Form(file="compose.yaml", command="envkit render compose", proxy="proxy", alone=False)
INERTIA = Form(file="docker-compose.yml", command="envkit render inertia --out .", proxy="inertia-proxy", alone=True)
