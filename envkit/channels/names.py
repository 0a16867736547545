"""Which names a channel accepts, as a pattern and the words that explain it."""

from __future__ import annotations

import re
from typing import NamedTuple

from envkit.channels.channel import Refusal


class NameRule(NamedTuple):
    """The names that one reader accepts."""

    pattern: re.Pattern[str]
    """Matched against the whole name."""
    problem: str
    """Why another name is refused."""
    hint: str = "rename the setting: letters, digits and _ are taken everywhere, with no digit first"

    def refuse(self, name: str) -> Refusal | None:
        """Why this name cannot be used, or None if it can."""
        return None if self.pattern.fullmatch(name) else Refusal(self.problem, self.hint)


IDENTIFIER = NameRule(
    re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "a name must consist of letters, digits and _, and not begin with a digit",
)
"""POSIX, Base Definitions 8.1 and 3.216 (Name): what a shell can hold."""

PROCESS = NameRule(
    re.compile(r"[^=\0\ud800-\udfff]+"), "an environment variable's name is not empty and has no = in it"
)
"""What the kernel's environment block can hold: environ(7)."""
