"""The table of what channels can carry is what the channels themselves say."""

from __future__ import annotations

import pytest

from envkit.channels.abilities import PROBES, abilities
from envkit.channels.registry import channel, names


@pytest.mark.parametrize("name", names())
def test_a_yes_is_a_value_that_comes_back(name):
    """What a channel does not refuse, its own reader reads back from what it writes."""
    chosen = channel(name)
    for title, refusal in abilities(chosen).items():
        if refusal is None:
            assert chosen.read(chosen.write({"SETTING": PROBES[title]}), {}).values() == {"SETTING": PROBES[title]}
        else:
            assert refusal.problem
            assert PROBES[title] == "" or PROBES[title] not in refusal.problem + refusal.hint


def test_known_limits():
    """Raw lines carry no line break, dotenv carries everything."""
    assert [title for title, refusal in abilities(channel("docker")).items() if refusal] == [
        "line break",
        "all quotes",
        "70 kB",
        "140 kB",
    ]
    assert not any(abilities(channel("dotenv")).values())
