"""`envkit encode` and `envkit decode`: a value by standard input, in a channel's spelling and back."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.operations.encoding import EncodingError, decode, encode, without_final_newline
from tests.settings.made_keys import made_key

KEY = "-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n"


def test_escape_writes_one_line_and_back(envkit):
    """The form `escape` carries a key on one line, and `decode` gives its bytes again."""
    encoded = envkit("encode", "--for", "escape", "--exact", stdin=KEY.encode())
    assert encoded.code == 0
    assert encoded.out == KEY.replace("-", r"\-").replace("\n", r"\n") + "\n"
    assert envkit("decode", "--from", "escape", stdin=encoded.out.encode()).out == KEY


def test_the_final_newline_is_dropped_and_that_is_said(envkit):
    """One newline at the end belongs to the editor or `echo`, unless --exact says otherwise."""
    assert envkit("encode", "--for", "base64", stdin=b"a\n\n") == (
        0,
        base64.b64encode(b"a\n").decode() + "\n",
        "note: the final newline was dropped; --exact keeps it\n",
    )
    assert envkit("encode", "--for", "base64", "--exact", stdin=b"a\n") == (0, "YQo=\n", "")
    assert envkit("encode", "--for", "base64", stdin=b"a") == (0, "YQ==\n", "")


def test_an_empty_input_is_said(envkit):
    """A file name that was misspelt in a pipe gives nothing; the empty value is written, with a note."""
    assert envkit("encode", "--for", "escape", stdin=b"") == (
        0,
        "\n",
        "note: standard input is empty, and so is the value\n",
    )


def test_base64_takes_any_bytes():
    """Bytes that are no text survive both ways, in a real process."""
    value = bytes(range(256))
    command = [sys.executable, "-m", "envkit"]
    encoded = subprocess.run([*command, "encode", "--for", "base64"], input=value, capture_output=True, check=True)
    back = subprocess.run(
        [*command, "decode", "--from", "base64"], input=encoded.stdout, capture_output=True, check=True
    )
    assert back.stdout == value


def test_a_channel_writes_the_name_with_the_value(envkit):
    """A channel's text is what its program reads, under the name given."""
    encoded = envkit("encode", "--for", "dotenv", "--name", "GREETING", stdin=b"it's # $HOME \n")
    assert encoded.code == 0
    assert encoded.out.startswith("GREETING=")
    assert envkit("decode", "--from", "dotenv", stdin=encoded.out.encode()).out == "it's # $HOME "


def test_a_refused_value_exits_1_with_the_way_out(envkit):
    """What a channel cannot carry is not written; the reason shows nothing of the value."""
    result = envkit("encode", "--for", "docker", "--name", "GITHUB_KEY", stdin=b"canary\nsecond line")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("docker: GITHUB_KEY: ")
    assert "canary" not in result.err


def test_a_key_that_is_refused_is_sent_another_way(envkit):
    """Where line breaks cannot pass, a PrivateKey setting takes base64."""
    key = b"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"
    result = envkit("encode", "--for", "docker", "--name", "GITHUB_KEY", stdin=key)
    assert result.code == 1
    assert result.err.endswith(
        'line. if it is a PrivateKey setting, append what `echo "GITHUB_KEY=$(envkit encode --for base64 < key.pem)"` '
        "prints, or name the key's file in GITHUB_KEY_FILE\n"
    )


def test_bytes_that_are_no_text_are_refused(envkit):
    """Every form but base64 needs UTF-8; the place is named."""
    result = envkit("encode", "--for", "escape", stdin=b"ab\xff")
    assert (result.code, result.err) == (
        1,
        "standard input: is not UTF-8 (byte 3). use the form base64, which takes any bytes\n",
    )


def test_decode_takes_the_setting_named(envkit):
    """Of several settings in the text, --name chooses; without it they are listed."""
    text = b"A=1\nB=2\n"
    assert envkit("decode", "--from", "dotenv", "--name", "B", stdin=text).out == "2"
    result = envkit("decode", "--from", "dotenv", stdin=text)
    assert (result.code, result.err) == (1, "standard input: holds 2 settings, not one. choose by --name: A, B\n")
    assert envkit("decode", "--from", "dotenv", "--name", "C", stdin=text).err == (
        "standard input: C: is not in the text\n"
    )
    assert envkit("decode", "--from", "dotenv", "--name", "D", stdin=b"D\n").err == (
        "standard input: D: has no value there\n"
    )


def test_decode_says_why_there_is_no_setting(envkit):
    """Where the text holds none, what the channel's reader found in it is told as well."""
    result = envkit("decode", "--from", "json", stdin=b'{"A": 1}\n')
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        'standard input: holds no setting\nline 1: A: the value is not a string. write {"NAME": "value"}\n'
    )


def test_decode_refuses_what_is_not_base64(envkit):
    """A wrong character is an error without the text."""
    assert envkit("decode", "--from", "base64", stdin=b"canary!") == (1, "", "standard input: is not base64\n")


def test_a_value_is_never_an_argument(envkit):
    """A value on the command line, where other users see it, is a wrong call that does not repeat it … as a value."""
    result = envkit("encode", "--for", "escape", "canary")
    assert (result.code, result.out) == (2, "")


def test_an_unknown_channel_is_a_wrong_call(envkit):
    """The likeliest name meant is told."""
    result = envkit("encode", "--for", "dockr", stdin=b"x")
    assert result.code == 2
    assert "no such channel: dockr. did you mean docker?" in result.err


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_forms_round_trip(text):
    """Every text arrives through `escape` and `base64` as it was."""
    for form in ("escape", "base64"):
        assert decode(form, None, encode(form, "X", text.encode()).encode()) == text.encode()


@pytest.mark.parametrize("channel", ["dotenv", "docker", "systemd", "node"])
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_channels_round_trip_or_refuse(channel, text):
    """Through a channel a value arrives as it was, or is refused with a way out."""
    try:
        written = encode(channel, "X", text.encode())
    except EncodingError as problem:
        findings = problem.findings
    else:
        findings = ()
    if findings:
        assert all(finding.hint for finding in findings)
    else:
        assert decode(channel, "X", written.encode()) == text.encode()


@pytest.mark.parametrize(
    ("data", "kept"), [(b"", b""), (b"a", b"a"), (b"a\n", b"a"), (b"a\n\n", b"a\n"), (b"a\r\n", b"a"), (b"a\r", b"a\r")]
)
def test_one_newline_is_dropped(data, kept):
    """One line end of either kind, and no more."""
    assert without_final_newline(data) == kept


@pytest.mark.parametrize("form", ["dotenv", "docker", "podman", "compose", "shell", "systemd", "node", "npm-dotenv"])
def test_decode_shows_no_piece_of_a_pasted_key(envkit, form):
    """The lines of a key that was pasted without quotes are names to some readers; no message repeats them."""
    key = made_key("rsa-pkcs8").text
    result = envkit("decode", "--from", form, stdin=f"A=1\nKEY={key}P=pa$word${{more:?}}\n".encode())
    assert result.code == 1
    assert not any(line in result.err for line in key.splitlines()[1:-1])
    assert "word" not in result.err
