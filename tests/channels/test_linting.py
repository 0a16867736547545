"""Lint's findings, word for word, and that none of them ever holds a piece of a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.channels.lint_rules import RULES
from envkit.channels.linting import lint_text
from envkit.channels.registry import channel
from envkit.channels.shapes import may_be_shown, shape

USUAL = ("dotenv", "docker", "compose", "systemd", "shell", "node")
CANARY = "hUnter2Canary"
IN_BASE64 = (
    'put in its place what `echo "KEY=$(envkit encode --for base64 < key.pem)"` prints (key.pem: the key\'s file), '
    "or name that file in KEY_FILE"
)


def _lint(text, *readers):
    return [remark.finding for remark in lint_text(".env", text, [channel(name) for name in readers or USUAL])]


def _lines(text, *readers):
    return [str(finding) for finding in _lint(text, *readers)]


def _rules(text, *readers):
    return [(int(finding.origin.partition(":")[2]), finding.rule) for finding in _lint(text, *readers)]


def test_nothing_is_wrong_with_plain_lines():
    """What all read alike is no finding."""
    assert _lint("# settings\nA=1\n\nTOKEN=abc/def+1234==\nURL=postgres://u:p@h:5432/db\n") == []


def test_who_sees_what_and_why_and_the_spelling():
    """A disputed line says which reader sees what, the cause, and the spelling that mends it."""
    assert _lines("TOKEN='abcdef'\n") == [
        (
            ".env:1: TOKEN: dotenv, compose, systemd, shell, node: 6 characters; docker: 8 characters, with the quotes "
            "(docker, podman and kubectl keep quotes as a part of the value). "
            "write it with no quotes: all of them read that alike, and --fix does it"
        )
    ]


def test_the_odd_one_out_is_named_where_no_spelling_suits_all():
    """With a blank in the value docker cannot agree with the shell, and the way out names it."""
    assert _lines("TOKEN=abc def\n", "dotenv", "docker", "shell") == [
        (
            ".env:1: TOKEN: dotenv, docker: 7 characters; shell: nothing, runs a command with this set for it alone "
            "(shells run what follows a blank as a command). no one spelling suits all; with single quotes only docker "
            "reads it otherwise: give it a file of its own (`envkit export --to docker`), or use TOKEN_FILE"
        )
    ]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("A='x\nB=1\n", [(1, "unclosed-quote"), (2, "swallowed-line")]),
        ("export A=1\n", [(1, "export")]),
        ("A = 1\n", [(1, "blank-around-equals")]),
        ("A=1 # c\n", [(1, "inline-comment")]),
        ("A=a#b\n", [(1, "inline-comment")]),
        ("A=a$b\n", [(1, "expands")]),
        ("A=`b`\n", [(1, "expands")]),
        ("A='x\ny'\n", [(1, "line-break")]),
        ('A="a\\nb"\n', [(1, "escape")]),
        ("A=a\\b\n", [(1, "escape")]),
        ("A=a\"b\" c'd'\n", [(1, "quote-inside")]),
        ("A='x'\n", [(1, "quotes")]),
        ("A=x  \n", [(1, "trailing-blank")]),
        ("A=x y\n", [(1, "blank-inside")]),
        ("A=(x\n", [(1, "special-character")]),
        ("A\n", [(1, "bare-name")]),
        ("A=1\r\nB=2\r\n", [(1, "line-ends")]),
        ("\ufeffA=1\n", [(1, "byte-order-mark")]),
        ("A=1\nA=2\n", [(2, "duplicate-name")]),
        ("A.B=1\n", [(1, "invalid-name"), (1, "readers-differ")]),
        ("UID=1\n", [(1, "reserved-name"), (1, "readers-differ")]),
    ],
)
def test_each_rule_has_its_line(text, rules):
    """Every cause is found on its line."""
    assert _rules(text) == rules


def test_trailing_blanks_are_a_warning_where_no_reader_minds():
    """Without docker among the readers nobody sees them, and still they are told."""
    (finding,) = _lint("A=x  \n", "dotenv", "compose")
    assert (finding.rule, finding.severity) == ("trailing-blank", "warning")


def test_an_unescaped_key_is_one_finding_not_one_for_each_of_its_lines():
    """The lines of a key that nobody reads are counted to the key, and none of them is shown."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nhUnter2Canary==\nABCDEF=\n-----END RSA PRIVATE KEY-----\n"
    found = _lines(f"A=1\nKEY={key}B=2\n")
    assert found == [
        (
            ".env:2: KEY: looks like a private key whose lines are not escaped: only its first line is the value. "
            f"if it is a PrivateKey setting, {IN_BASE64}"
        )
    ]


def test_a_key_over_several_lines_has_a_form_for_all():
    """Base64 is read alike by every reader, and the loader decodes it."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEow==\n-----END PRIVATE KEY-----\n"
    (found,) = _lines(f"KEY='{key}'\n", "dotenv", "docker", "shell")
    assert found.endswith(
        f"(readers of raw lines end a value at the end of its line). if it is a PrivateKey setting, {IN_BASE64}"
    )
    escaped = key.replace("-", "\\-").replace("\n", "\\n")
    (found,) = _lines(f"KEY={escaped}\n", "dotenv", "docker", "shell")
    assert found.endswith(
        f"(readers do not agree which backslashes are escapes). if it is a PrivateKey setting, {IN_BASE64}"
    )


def test_base64_is_offered_to_settings_that_decode_it():
    """Where the settings class is known, a PrivateKey gets the form without an if, and other settings get another."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEow==\n-----END PRIVATE KEY-----"
    readers = [channel("dotenv"), channel("docker")]
    for text, others in (
        (f"KEY='{key}'\n", "give it a file of its own (`envkit export --to docker`), or use KEY_FILE"),
        (f"KEY={key}\n", "give it a file of its own (`envkit export --to docker`), or use KEY_FILE"),
    ):
        (remark,) = lint_text(".env", text, readers, lambda _: True)
        assert remark.finding.hint == IN_BASE64
        (remark,) = lint_text(".env", text, readers, lambda _: False)
        assert remark.finding.hint.endswith(others)
    (remark,) = lint_text(".env", f"KEY={key}\n", [channel("dotenv"), channel("shell")], lambda _: False)
    assert remark.finding.hint == "write it with single quotes around all its lines"
    assert _lines(f"KEY='{key}'\n", "dotenv", "shell") == []


def test_the_lines_of_a_closed_value_belong_to_it():
    """Its closing line is swallowed by no quote that wants mending; the line behind it is judged by itself."""
    assert _rules("A='x\ny z\n= B\n--C--'\nB='x'\n") == [(1, "line-break"), (5, "quotes")]
    assert (2, "swallowed-line") in _rules("A='x\nB=1\n", "dotenv", "systemd")


def test_rules_have_a_sentence_each():
    """What lint reports has an explanation under the same name."""
    found = {finding.rule for finding in _lint("A='x\nA = 1\nexport A=1\r\nB.C=3\nUID=1\n")}
    assert found
    assert found <= RULES.keys()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "no value"),
        ("", "empty"),
        ("a", "1 character"),
        ('"ab"', "4 characters, with the quotes"),
        ("a\nb\n", "4 characters, 2 line breaks"),
        (" a", "2 characters, a blank at the start"),
        (" a ", "3 characters, a blank at the start and end"),
        ("a\r", "2 characters, 1 line break, a CR at the end"),
    ],
)
def test_shapes(value, words):
    """A value's shape tells its length and what readers trip over."""
    assert shape(value) == words


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("API_TOKEN", True),
        ("api_token", True),
        ("hUnter2", False),
        ("A" * 61, False),
        ("a-b", False),
        ("MIIEow+/", False),
    ],
)
def test_only_what_is_surely_a_name_is_shown(name, shown):
    """A piece of base64 or of a password can stand before an = as well."""
    assert may_be_shown(name) is shown


_BEFORE = (
    "A=",
    "A='",
    'A="',
    "export A=",
    "A = ",
    "A=x ",
    "A=$",
    "A=${",
    "A=${X:-",
    "A=${X:?",
    "A=`",
    "A=$(",
    "A",
    "A=x\n",
    "=",
)
_AFTER = ("", "'", '"', "}", "`", ")", " # c", "\\", "=", "==\n", "\nB='y", "\r", " y", "$B", "\nB=1\n", ";", ":")


@given(
    st.lists(
        st.builds("{}{}{}\n".format, st.sampled_from(_BEFORE), st.just(CANARY), st.sampled_from(_AFTER)),
        min_size=1,
        max_size=3,
    ).map("".join)
)
def test_no_finding_holds_a_piece_of_a_value(text):
    """Wherever a value stands, well-formed or not, no finding of any reader repeats it."""
    found = _lint(text, *USUAL, "podman", "kubectl", "compose-v1", "npm-dotenv", "github")
    assert CANARY not in repr(found)
    assert all(finding.rule in RULES for finding in found)
