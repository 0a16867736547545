"""Every line that two readers see differently is found, also behind a line at which a reader stops, in linear time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envkit.channels.channel import Binding, Reading
from envkit.channels.comparison import compare, follow, is_line_reader
from envkit.channels.registry import channel, names
from envkit.channels.statements import normalised, statements
from envkit.findings import Finding
from tests.channels.strategies import env_texts

READERS = tuple(name for name in names() if is_line_reader(channel(name)))


def _compare(text, *readers):
    return compare(text, [channel(name) for name in readers])


def _seen(text, *readers):
    """Line to the groups of readers that see the same."""
    return {found.line: [view.readers for view in found.views] for found in _compare(text, *readers)}


def test_line_readers_are_those_that_read_names_and_values():
    """Manifests and scripts are no line readers; a plug-in is asked in the same way."""
    assert {"dotenv", "docker", "podman", "compose", "compose-v1", "systemd", "shell", "node"} <= set(READERS)
    assert not {"json", "kubernetes", "configmap", "ecs", "heroku", "inertia"} & set(READERS)


@pytest.mark.parametrize("text", ["", "A=1\n", "A=1\n\n# c\nB=x/y+z==\n", "A=1"])
def test_what_all_read_alike_is_no_difference(text):
    """Plain values are read alike by every reader there is, comments by all but GitHub's runner."""
    assert _compare(text, *(name for name in READERS if not name.startswith("github"))) == []


def test_quotes_are_a_part_of_the_value_for_docker():
    """The line is named with the readers grouped by what they see."""
    assert _seen("A=1\nB='x'\n", "dotenv", "docker", "systemd") == {2: [("dotenv", "systemd"), ("docker",)]}


def test_a_swallowed_line_is_a_difference_too():
    """Bash takes two apostrophes on two lines for one quoted text, so that the second line is gone."""
    assert _seen("A=it's\nB=don't\nC=1\n", "dotenv", "shell") == {
        1: [("dotenv",), ("shell",)],
        2: [("dotenv",), ("shell",)],
    }


def test_behind_a_line_that_stops_a_reader_the_rest_is_compared_too():
    """Docker stops at the first export, but later lines with a difference of their own are found in the same run."""
    found = _compare("export A=1\nB=1\nexport C=1\nD='x'\n", "dotenv", "docker")
    assert [difference.line for difference in found] == [1, 3, 4]
    assert [difference.views[1].refuses for difference in found] == [True, True, False]
    assert found[0].views[1].problem == "a blank in the name"


def test_a_value_behind_a_stop_can_refer_to_one_before_it():
    """Where reading goes on behind a stop, what was read before is known."""
    text = "A=1\nB C=2\nD=${A}\n"
    followed = follow(channel("compose"), text)
    assert Binding("D", "1", 3) in followed.bindings
    assert followed.stops == {2}


def test_an_expansion_is_told_without_the_name_that_is_expanded():
    """What follows a dollar may be half of a password, so the reader's own words are not taken over."""
    found = _compare("A=abc$hUnter2\n", "dotenv", "shell")
    assert "hUnter2" not in "".join(view.problem for difference in found for view in difference.views)


@given(env_texts, st.lists(st.sampled_from(READERS), min_size=2, max_size=4, unique=True))
def test_a_line_without_a_difference_is_read_alike(text, readers):
    """Where no reader stops, all bindings of lines that are not named are the same."""
    chosen = [channel(name) for name in readers]
    disputed = {difference.line for difference in compare(text, chosen)}
    read = [reader.read(text, {}) for reader in chosen]
    if any(reading.fatal for reading in read):
        return
    agreed = [
        [tuple(binding) for binding in reading.bindings if binding.line not in disputed and binding.value is not None]
        for reading in read
    ]
    assert all(sorted(one) == sorted(agreed[0]) for one in agreed)


class _Counting:
    """A reader that stops at some lines, and counts the characters it is given."""

    name = "counting"

    def __init__(self, stops):
        self.stops = stops
        self.characters = 0

    def read(self, text, environ=None):  # noqa: ARG002  the interface's
        """Stops at a line that holds the word «stop»."""
        self.characters += len(text)
        bindings = []
        for number, line in enumerate(text.splitlines(), 1):
            if "stop" in line:
                return Reading(bindings, [Finding(f"line {number}", "", "stopped")], fatal=True)
            bindings.append(Binding(line.partition("=")[0], line.partition("=")[2], number))
        return Reading(bindings, [])


@pytest.mark.parametrize("every", [1, 2, 3, 10, 100, 1000, 5000])
def test_the_work_is_linear_however_often_a_reader_stops(every):
    """Each character is handed to the reader a few times at most, wherever the stops are."""
    text = "".join(f"NAME_{number}={'stop' if number % every == 0 else 'x'}\n" for number in range(5000))
    reader = _Counting(every)
    followed = follow(reader, text)
    assert len(followed.stops) == len(range(0, 5000, every))
    assert len(followed.bindings) == 5000 - len(followed.stops)
    assert reader.characters < 5 * len(text)


@given(env_texts)
def test_statements_are_what_python_dotenv_reads(text):
    """The statements that parse are the reference's bindings, and no character stands in two of them."""
    text = normalised(text)
    assume(not text.startswith("\ufeff"))  # the second of two belongs to the first name
    parts = statements(text)
    read = channel("dotenv").read(text, {})
    assert [(part.name, part.line) for part in parts if part.name is not None] == [
        (binding.name, binding.line) for binding in read.bindings
    ]
    assert [part.line for part in parts if part.problem] == [
        int(finding.origin.removeprefix("line ")) for finding in read.findings
    ]
    for before, after in itertools.pairwise(parts):
        assert before.end <= after.start
        assert before.last < after.line or before.last == before.line == after.line
