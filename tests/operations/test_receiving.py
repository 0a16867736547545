"""A channel's file becomes a `.env` with the same values, which local tools read alike where that is possible."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envkit.channels.dotenv import DOTENV
from envkit.channels.registry import channel, names
from envkit.operations.receiving import LOCAL_READERS, ReceivingError, receive
from tests.channels.strategies import env_texts, values

CANARY = "hUnter2Canary"


def _received(name, text):
    return receive(channel(name), "app.env", text)


@settings(max_examples=max(1, settings.default.max_examples // 3))
@given(st.lists(values, min_size=1, max_size=6), st.sampled_from(names()))
@example(["a", "\n"], "configmap")
def test_every_value_comes_over_exactly(drawn, name):
    """What a channel wrote is in the `.env`, value for value, as python-dotenv reads it."""
    carrier = channel(name)
    sent = {f"V{number}": value for number, value in enumerate(drawn) if carrier.refuse(f"V{number}", value) is None}
    if not sent:
        with pytest.raises(ReceivingError, match="holds no setting"):
            _received(name, carrier.write(sent))
        return
    received = _received(name, carrier.write(sent))
    assert DOTENV.read(received.text, {}).values() == sent
    assert received.names == tuple(sent)


@settings(max_examples=max(1, settings.default.max_examples // 4))
@given(st.lists(values, min_size=1, max_size=4))
def test_a_reader_that_no_warning_names_sees_every_value(drawn):
    """Without a warning every local reader sees the values; with one, it is named."""
    sent = {f"V{number}": value for number, value in enumerate(drawn)}
    received = _received("json", channel("json").write(sent))
    warned = " ".join(finding.problem for finding in received.findings)
    for name in LOCAL_READERS:
        if channel(name).read(received.text, {}).values() != sent:
            assert name in warned.replace(",", "").split()


def test_the_portable_spelling_is_taken():
    """Quotes only where they are needed, and then those on which all agree."""
    received = _received("docker", "A=1\nB=x y\nC=it's\nD=a$b\nE=\n")
    assert received.text == "A=1\nB='x y'\nC=\"it's\"\nD='a$b'\nE=''\n"
    assert received.findings == ()


def test_a_value_without_a_common_spelling_is_a_warning():
    """python-dotenv's spelling is taken, and the readers that see another value are named."""
    received = _received("docker", "A=${x}'\n")
    (finding,) = received.findings
    assert finding.severity == "warning"
    assert finding.origin == "app.env:1"
    assert "no spelling suits every reader of a .env; " in finding.problem
    assert finding.hint.startswith("python-dotenv reads it exactly; for ")
    assert DOTENV.read(received.text, {}).values() == {"A": "${x}'"}


def test_names_without_a_value_are_told():
    """Docker would take them from its own environment, which a file cannot know."""
    received = _received("docker", "A\nB=1\n")
    assert received.text == "B=1\n"
    assert [str(finding) for finding in received.findings] == [
        "app.env:1: A: has no value in the file, so it is left out"
    ]


def test_a_file_that_its_program_refuses_is_not_taken_over():
    """The reason is told with its line, and the way out."""
    with pytest.raises(ReceivingError) as caught:
        _received("docker", "A=1\nexport B=1\n")
    assert str(caught.value) == "app.env:2: a blank in the name. drop the export"


@pytest.mark.parametrize("name", ["heroku", "inertia", "systemd"])
def test_a_file_of_another_channel_is_not_taken_over(name):
    """Where nothing in it is a setting for the channel, nothing is written, and its lines are told."""
    with pytest.raises(ReceivingError) as caught:
        _received(name, "first line\nsecond line\n")
    *lines, last = map(str, caught.value.findings)
    assert [line.partition(": ")[0] for line in lines] == ["app.env:1", "app.env:2"]
    assert last == f"app.env: holds no setting as {name} reads it. is it of another channel?"


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("text", ["", "  \n", "# nothing yet\n", "{}\n"])
def test_a_file_without_a_setting_is_not_taken_over(name, text):
    """Neither the end of a pipe whose beginning failed nor a file of comments, nor `{}`, empties the `.env`."""
    with pytest.raises(ReceivingError) as caught:
        _received(name, text)
    if not channel(name).read(text, {}).fatal:
        assert str(caught.value.findings[-1]) == (
            f"app.env: holds no setting as {name} reads it. is it of another channel?"
        )


def test_a_file_of_names_without_values_is_not_taken_over():
    """Nothing would be written, and each name is told."""
    with pytest.raises(ReceivingError) as caught:
        _received("docker", "A\n")
    assert list(map(str, caught.value.findings)) == [
        "app.env:1: A: has no value in the file, so it is left out",
        "app.env: holds no setting as docker reads it. is it of another channel?",
    ]


def test_a_name_that_a_env_file_cannot_hold_is_refused():
    """JSON takes any name, a `.env` file does not."""
    with pytest.raises(ReceivingError, match=r"^app\.env:1: python-dotenv takes no name"):
        _received("json", '{"a b": "x"}')


def test_the_representation_holds_no_value():
    """What was received shows names only."""
    assert CANARY not in repr(_received("docker", f"A={CANARY}\n"))


@given(env_texts, st.sampled_from(names()))
def test_anything_is_received_or_refused(text, name):
    """Whatever a file holds, the outcome is a `.env` or a finding."""
    try:
        received = _received(name, text)
    except ReceivingError as refused:
        problem: ReceivingError | None = refused
    else:
        problem = None
        expected = {key: value for key, value in channel(name).read(text, {}).values().items() if value is not None}
        assert DOTENV.read(received.text, {}).values() == expected
    assert problem is None or problem.findings
