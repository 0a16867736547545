"""The escape codec: what it writes, what it reads, and that nothing is lost between the two."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envkit.channels.escape import escape, unescape
from tests.settings.made_keys import KEY_NAMES, made_key

TRICKY = st.text(st.sampled_from("\\nr-\n\r\tq\"' a")) | st.text()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a-b", r"a\-b"),
        ("a\nb", r"a\nb"),
        ("a\r\nb", r"a\r\nb"),
        ("\\", r"\\"),
        (r"\n", r"\\n"),
        (r"\-", r"\\\-"),
        ("-----BEGIN X-----\n", r"\-\-\-\-\-BEGIN X\-\-\-\-\-\n"),
        ("tab\tkept", "tab\tkept"),
    ],
)
def test_each_character_has_one_spelling(text, escaped):
    """Backslash, line feed, carriage return and dash are written as pairs, everything else as itself."""
    assert escape(text) == escaped
    assert unescape(escaped) == text


@pytest.mark.parametrize("text", [r"\q", r"\t", "\\", "ends in \\", r"\u00e9", r"\ "])
def test_unknown_pairs_stay(text):
    """A pair that escape never writes, and a lone final backslash, stay as they are."""
    assert unescape(text) == text


@given(TRICKY)
@example("\\")
@example("\\\\n")
@example("\\\r\n-")
@example("\ud800\\")
def test_unescape_reverses_escape(text):
    """Every string comes back, also one that already looks escaped."""
    assert unescape(escape(text)) == text
    assert unescape(unescape(escape(escape(text)))) == text


@given(TRICKY)
def test_escaped_text_is_one_line_without_bare_dashes(text):
    """Escaped text holds no line end, and no dash that a command line could take for an option."""
    escaped = escape(text)
    assert "\n" not in escaped
    assert "\r" not in escaped
    assert not escaped.startswith("-")
    assert escaped.replace("\\\\", "").count("-") == escaped.replace("\\\\", "").count("\\-")


@given(st.text().filter(lambda text: "\\" not in text))
def test_text_without_backslashes_is_its_own_decoding(text):
    """Decoding what was decoded already changes nothing."""
    assert unescape(text) == text


@given(st.text().filter(lambda text: "\\" not in text))
def test_the_manual_recipe_decodes_to_the_original(text):
    r"""A backslash before every dash and \\n for every newline, done by hand, decodes to text without backslashes."""
    assert unescape(text.replace("-", "\\-").replace("\n", "\\n")) == text


@pytest.mark.needs("openssl", "gpg", "ssh-keygen")
@pytest.mark.parametrize("name", KEY_NAMES)
def test_every_kind_of_key_survives_both_spellings(name):
    """Keys of every kind decode to themselves from escape, from the manual recipe, and from no escaping at all."""
    key = made_key(name).text
    assert unescape(escape(key)) == key
    assert unescape(key.replace("-", "\\-").replace("\n", "\\n")) == key
    assert unescape(key.replace("\n", "\\n")) == key
    assert unescape(key) == key


def test_the_codec_imports_nothing_heavy():
    """A loader that only decodes a key pays for no channel, no dataclass and no model."""
    code = "import sys, envkit.channels.escape; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"dataclasses", "inspect", "pydantic", "envkit.settings", "envkit.findings"}.isdisjoint(loaded)
