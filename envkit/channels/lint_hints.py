"""The way out of a line that readers dispute: the spelling that all of them take alike, or what stands in for one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.escape import unescape
from envkit.channels.names import IDENTIFIER
from envkit.channels.respelling import Speller, refers
from envkit.channels.shapes import may_be_shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envkit.channels.channel import Channel
    from envkit.channels.respelling import Spelling
    from envkit.channels.statements import Statement

KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")


class Hints:
    """What to do about lines, for one set of readers."""

    def __init__(self, readers: Sequence[Channel], takes_key: Callable[[str], bool | None]) -> None:
        """Takes the readers that are to agree, and what is known of names: see `lint_text`."""
        self._readers = readers
        self._takes_key = takes_key
        self._made: Speller | None = None

    def any(self, part: Statement, resolved: str | None) -> str:
        """The hint for a statement whose value is `resolved` when references in it are replaced."""
        if part.name is None or part.value is None or IDENTIFIER.refuse(part.name):
            return part.problem[1] if part.problem else "write NAME=value"
        if refers(part, resolved) or "${" in part.value:
            return "write the value out; each reader replaces references in its own way"
        spelling = self._speller.spelling(part.name, part.value)
        if not spelling.odd:
            return f"write it with {spelling.form}: all of them read that alike, and --fix does it"
        return self._key_form(part.name, part.value) or _nearest(part.name, spelling)

    def key(self, name: str | None, value: str) -> str:
        """The hint for a key that stands over several lines without quotes."""
        setting = name or "NAME"
        form = self._key_form(setting, value)
        if form:
            return form
        spelling = self._speller.spelling(setting, value)
        return _nearest(setting, spelling) if spelling.odd else f"write it with {spelling.form} around all its lines"

    @property
    def _speller(self) -> Speller:
        if self._made is None:
            self._made = Speller(self._readers)
        return self._made

    def _key_form(self, name: str, value: str) -> str:
        """How to write a private key on one line that needs no quotes; empty where that is no way.

        Base64 is what every reader of `NAME=value` takes as it stands. Only a PrivateKey setting decodes it.
        """
        known = self._takes_key(name)
        looks = "-----BEGIN" in value or "\\-BEGIN" in value
        if known is False or not (known or (looks and KEY_BEGIN.search(unescape(value)))):
            return ""
        if self._speller.spelling(name, _BASE64).odd:
            return ""
        name = name if may_be_shown(name) else "NAME"
        way = f'put in its place what `echo "{name}=$(envkit encode --for base64 < key.pem)"` prints'
        condition = "" if known else "if it is a PrivateKey setting, "
        return f"{condition}{way} (key.pem: the key's file), or name that file in {name}_FILE"


_BASE64 = "LS0tLS1C+R/UdJTg=="


def _nearest(name: str, spelling: Spelling) -> str:
    return (
        f"no one spelling suits all; with {spelling.form} only {', '.join(spelling.odd)} "
        f"{'reads' if len(spelling.odd) == 1 else 'read'} it otherwise: give it a file of its own "
        f"(`envkit export --to {spelling.odd[0]}`), or use {name if may_be_shown(name) else 'NAME'}_FILE"
    )
