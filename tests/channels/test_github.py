"""$GITHUB_ENV and $GITHUB_OUTPUT, judged by a second reader after the runner's source, and the masks.

The runner itself is a service of GitHub and cannot be run here; `_runner` follows `EnvFileKeyValuePairs` in
actions/runner, src/Runner.Worker/FileCommandManager.cs, index by index as that does, where our reader works by lines.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envkit.channels import github
from tests.channels.strategies import env_texts, long_values, values

_EFFORT = settings.default.max_examples / 200  # 1, and 100 for HYPOTHESIS_PROFILE=thorough


def _examples(count: int) -> Any:
    return settings(max_examples=max(1, round(count * _EFFORT)))


def _runner(text: str, *, windows: bool = False) -> dict[str, str] | None:
    """What the runner stores, or None where it fails the step."""
    found: dict[str, str] = {}
    index = 0

    def read_line() -> tuple[str | None, str | None]:
        nonlocal index
        if index >= len(text):
            return None, None
        start, line_feed = index, text.find("\n", index)
        if line_feed < 0:
            index = len(text)
            return text[start:], None
        index = line_feed + 1
        if windows and line_feed > start and text[line_feed - 1] == "\r":
            return text[start : line_feed - 1], "\r\n"
        return text[start:line_feed], "\n"

    text = text.removeprefix("\ufeff")
    line, _ = read_line()
    while line is not None:
        if line:
            equals, heredoc = line.find("="), line.find("<<")
            if equals >= 0 and (heredoc < 0 or equals < heredoc):
                name, value = line.split("=", 1)
                if not name:
                    return None
            elif heredoc >= 0:
                name, delimiter = line.split("<<", 1)
                if not name or not delimiter:
                    return None
                start = end = index
                inner, newline = read_line()
                while inner != delimiter:
                    if inner is None or newline is None:
                        return None
                    end = index - len(newline)
                    inner, newline = read_line()
                value = text[start:end] if end > start else ""
            else:
                return None
            found[name] = value
        line, _ = read_line()
    return found


FILES = [
    "",
    "A=1",
    "A=1\n\nB<<E\n\nE\nC_1<<E\nx\nE",
    "A<<E\nx\n",
    "A<<E\nx E",
    "A<<=\nx\n=\n",
    "A=<<E\nB=2\n",
    "<<E\nE\n",
    "A<<\n\n",
    "=x\n",
    "A\n",
    "A<<E\n\n\nE\n",
    "\ufeffA=1\n",
    "A='x' # c\r\n",
    "NODE_OPTIONS=x\nnode_options=y\nA=1\nGITHUB_X=1\n",
]


@_examples(2_000)
@given(
    st.one_of(
        env_texts,
        st.text("AE<=\n\r", max_size=14),
        st.lists(st.sampled_from(["A<<E\n", "E", "\n", "x", "B=1\n"])).map("".join),
    )
)
def test_a_file_is_read_as_the_runner_reads_it(text: str) -> None:
    """2,000 files give the outputs, or the failed step, that the runner's rules give."""
    reading = github.OUTPUT.read(text)
    assert (None if reading.fatal else reading.values()) == _runner(text)
    assert not reading.fatal or reading.findings


@pytest.mark.parametrize("text", FILES)
def test_known_traps_are_read_as_the_runner_reads_them(text: str) -> None:
    """The documented oddities, one by one; $GITHUB_ENV leaves out NODE_OPTIONS in any case of letters."""
    wanted = _runner(text)
    reading = github.OUTPUT.read(text)
    assert (None if reading.fatal else reading.values()) == wanted
    reading = github.CHANNEL.read(text)
    if wanted is not None:
        wanted = {name: value for name, value in wanted.items() if name.upper() != "NODE_OPTIONS"}
    assert (None if reading.fatal else reading.values()) == wanted


@_examples(40)
@given(
    st.lists(
        st.one_of(values, st.sampled_from(["ENVKIT_END", "ENVKIT_END\nENVKIT_END_1", "a\nENVKIT_END\r\nb"])),
        min_size=60,
        max_size=60,
    )
)
def test_every_value_arrives_byte_for_byte(drawn: list[str]) -> None:
    """2,400 values, 60 to a file, arrive as they were; none is refused."""
    written = {f"V{number}": value for number, value in enumerate(drawn)}
    assert all(github.CHANNEL.refuse(name, value) is None for name, value in written.items())
    assert _runner(github.CHANNEL.write(written)) == written
    assert _runner(github.OUTPUT.write(written)) == written
    # On Windows a value keeps all but a CR at its very end.
    shorter = {name: value.removesuffix("\r") for name, value in written.items()}
    assert _runner(github.OUTPUT.write(written), windows=True) == shorter


@_examples(20)
@given(long_values)
def test_long_values_arrive_byte_for_byte(value: str) -> None:
    """Values of 4 to 100 kB arrive as they were."""
    assert _runner(github.CHANNEL.write({"V": value})) == {"V": value}


def test_the_delimiter_is_the_first_that_equals_no_line() -> None:
    """The same settings give the same text, with another delimiter only where a value holds the usual one."""
    assert github.CHANNEL.write({"A": "x\ny"}) == "A<<ENVKIT_END\nx\ny\nENVKIT_END\n"
    assert github.CHANNEL.write({"A": "ENVKIT_END\n"}) == "A<<ENVKIT_END_1\nENVKIT_END\n\nENVKIT_END_1\n"


@pytest.mark.parametrize("name", ["NODE_OPTIONS", "Node_Options", "GITHUB_SHA", "RUNNER_TEMP", "A-B", "1A", ""])
def test_names_that_the_runner_does_not_set_are_refused(name: str) -> None:
    """$GITHUB_ENV takes no NODE_OPTIONS, none of the names set anew for each step, and nothing that is no name."""
    assert github.CHANNEL.refuse(name, "x")


@pytest.mark.parametrize("name", ["GITHUB_KEY", "GITHUB_TOKEN", "RUNNER_UP", "runner_temp"])
def test_other_names_that_begin_like_the_runners_own_are_carried(name: str) -> None:
    """Rocket 2's GITHUB_KEY is a variable like any other."""
    assert github.CHANNEL.refuse(name, "x") is None


def test_an_output_has_a_wider_choice_of_names() -> None:
    """An output may be named with a dash, and like a variable that the runner refuses."""
    assert not any(github.OUTPUT.refuse(name, "x") for name in ("a-b", "NODE_OPTIONS", "GITHUB_TOKEN"))
    assert github.OUTPUT.refuse("a.b", "x")
    assert github.OUTPUT.refuse("a", "é" * 600_000)


def _masked(command: str) -> str:
    """The data of one command, decoded as the runner's ActionCommand does: %0D, %0A, and %25 last."""
    data = command.removeprefix("::add-mask::")
    return data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@_examples(500)
@given(st.lists(values, max_size=4))
@example(["-----BEGIN KEY-----\nAB%0A==\r\n\n-----END KEY-----\n", "%25", " ", ""])
def test_every_line_of_every_secret_is_masked(secrets: list[str]) -> None:
    """Each line that is not blank is masked, and each secret as a whole; a command is one line."""
    text = github.masks(secrets)
    commands = text.split("\n")
    assert commands.pop() == ""
    assert all(command.startswith("::add-mask::") and "\r" not in command for command in commands)
    hidden = {_masked(command) for command in commands}
    lines = itertools.chain.from_iterable(secret.replace("\r", "\n").split("\n") for secret in secrets)
    assert hidden >= {line for line in (*lines, *secrets) if line.strip()}
