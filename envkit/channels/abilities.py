"""What a channel can carry, found out by asking it about typical hard values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envkit.channels.channel import Channel, Refusal

PROBES = {
    "line break": "a\nb",
    "CR": "a\rb",
    "quotes": "a 'b' \"c\"",
    "all quotes": "a 'b' \"c\" `d` #\n",
    "$ and `": "$a ${b} $(c) `d`",
    "backslash": "a\\",
    "blanks": " a ",
    "empty": "",
    "non-ASCII": "é🔑",
    "noncharacter": "\ufffe",
    "7 kB": "a" * 7_000,
    "70 kB": "a" * 70_000,
    "140 kB": "a" * 140_000,
}
"""What the columns of the table stand for, and the value that each channel is asked about."""

_NAME = "SETTING"


def abilities(channel: Channel) -> dict[str, Refusal | None]:
    """Each of `PROBES` to the channel's refusal of that value, None where it carries it."""
    return {title: channel.refuse(_NAME, value) for title, value in PROBES.items()}
