"""Keys damaged at random: read to what their program accepts, or refused without showing any of them."""

from __future__ import annotations

import re
import subprocess
import traceback
from functools import cache
from string import ascii_letters, digits

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from envkit.channels.escape import escape, unescape
from envkit.settings.private_key import KeyProblem, KeyText, read_private_key
from tests.settings.made_keys import KEY_NAMES, made_key, public_part

pytestmark = pytest.mark.needs("openssl", "gpg", "ssh-keygen")

SPELLINGS = (
    lambda key: key,
    escape,
    lambda key: key.replace("\n", "\\n"),
    lambda key: key.replace("\n", " "),
    lambda key: key.replace("\n", ""),
    lambda key: key.replace("\n", "n"),
)
JUDGED = ("rsa-pkcs1", "rsa-pkcs8", "ed25519-pkcs8", "openssh-rsa", "openssh-ed25519", "pgp-rsa", "pgp-with-headers")
"""Keys whose formats show every change that their programs mind; inside cipher text, or the secret number of an
elliptic curve, no reader without the passphrase, or without the curve's arithmetic, sees a changed character."""

edits = st.lists(
    st.tuples(
        st.sampled_from(("delete", "insert", "replace", "truncate", "repeat", "swap")),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from((1, 1, 2, 4, 5, 64, 65, 70, 71)),
        st.sampled_from("AB/+=n-\\\n\r \t'\"é\0"),
    ),
    min_size=1,
    max_size=3,
)


def damaged(text: str, changes: list[tuple[str, float, int, str]]) -> str:
    """The text after each change at its relative place."""
    for change, where, length, character in changes:
        place = int(where * len(text))
        before, piece, after = text[:place], text[place : place + length], text[place + length :]
        text = {
            "delete": before + after,
            "insert": before + character + piece + after,
            "replace": before + character + piece[1:] + after,
            "truncate": before,
            "repeat": before + piece + piece + after,
            "swap": before + piece[1:2] + piece[:1] + piece[2:] + after,
        }[change]
    return text


@given(st.sampled_from(KEY_NAMES), st.sampled_from(SPELLINGS), edits)
@settings(max_examples=1500)
def test_no_piece_of_a_damaged_key_is_shown(name, spell, changes):
    """What is printed or raised about a damaged key never holds twelve characters of its body."""
    made = made_key(name)
    outcome = _outcome(damaged(spell(made.text), changes))
    shown = [str(outcome), repr(outcome)]
    if isinstance(outcome, KeyText):
        assert read_private_key(outcome.text) == (outcome.text, outcome.kind, ())
        shown.extend(outcome.repairs)
    else:
        assert outcome.__cause__ is None
        assert outcome.__context__ is None
        shown.extend((*map(str, outcome.args), "".join(traceback.format_exception(outcome))))
    pieces = _pieces(name)
    for text in shown:
        windows = {text[place : place + 12] for place in range(len(text) - 11)}
        assert windows.isdisjoint(pieces)


@pytest.mark.parametrize("name", JUDGED)
def test_what_is_read_from_a_damaged_key_is_a_key(name):
    """A damaged key is refused, or read to the original, or to what the program for that kind of key accepts."""
    accepted = {made_key(name).text: True}

    @given(st.sampled_from(SPELLINGS), edits)
    @settings(max_examples=400)
    def holds(spell, changes):
        outcome = _outcome(damaged(spell(made_key(name).text), changes))
        if isinstance(outcome, KeyText):
            if outcome.text not in accepted and len(accepted) < 20:  # a bound on calls of the program
                accepted[outcome.text] = _is_accepted(name, outcome.text)
            assert accepted.get(outcome.text, True)

    holds()


@pytest.mark.parametrize("name", ["rsa-pkcs1", "rsa-pkcs8", "openssh-rsa", "pgp-rsa", "pgp-ed25519"])
@given(place=st.floats(0, 1, exclude_max=True), character=st.sampled_from("ABab01+/"))
def test_a_changed_character_never_passes(name, place, character):
    """The equations of RSA and the checksum of PGP tell any other base64 character from the right one."""
    text = made_key(name).text
    start, stop = text.index("-----\n") + 6, text.rindex("\n-----END") - 8
    at = start + int(place * (stop - start))
    assume(text[at] not in {"\n", "=", character})
    assume(name != "openssh-rsa" or at < stop - 60)  # the comment at the end belongs to no equation
    assert isinstance(_outcome(text[:at] + character + text[at + 1 :]), KeyProblem)


@pytest.mark.parametrize("name", ["rsa-pkcs1", "rsa-pkcs8"])
def test_no_changed_character_of_the_first_numbers_passes(name):
    """Versions, algorithm and its parameters stand there; no other value of theirs fits the key behind them."""
    text = made_key(name).text
    start = text.index("-----\n") + 6
    passed = [
        (at - start, character)
        for at in range(start, start + 32)
        for character in f"{ascii_letters}{digits}+/"
        if character != text[at] and isinstance(_outcome(text[:at] + character + text[at + 1 :]), KeyText)
    ]
    assert passed == []


@given(st.text() | st.text(st.sampled_from("-BEGIN ENDPRIVATEKEYRSA\n\\n:=Aa/+")))
@example("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----")
@example("BEGINPGPPRIVATEKEYBLOCK:x ENDPGPPRIVATEKEYBLOCK")
@example("-----BEGIN PGP PRIVATE KEY BLOCK-----n:nnn-----END PGP PRIVATE KEY BLOCK-----")
@example("-----BEGIN EC PRIVATE KEY-----n-----END EC PRIVATE KEY-----")
@example("\ud800")
def test_any_text_is_a_key_or_a_problem(text):
    """No text makes the reader fail in another way than by a problem."""
    assert isinstance(_outcome(text), KeyText | KeyProblem)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).filter(lambda text: "\\" not in text))
def test_any_pgp_comment_without_backslashes_survives(comment):
    """The text of an armour header arrives as it was, by escape, by hand, and verbatim."""
    assume(not re.search(r"PGP|PRIVATE|\s$|^\s|[\ufeff\u200b-\u200d\u2060\u00ad]", comment, re.IGNORECASE))
    made = made_key("pgp-ed25519").text
    text = made.replace("\n\n", f"\nComment: {comment.strip()}\n\n", 1)
    assume(text.splitlines() == text.split("\n")[:-1])
    by_hand = text.replace("-", "\\-").replace("\n", "\\n")
    assert unescape(by_hand) == text
    expected = read_private_key(text).text
    for spelling in (escape(text), by_hand, text.replace("\n", "\\n"), text.replace("\n", "\r\n")):
        assert read_private_key(spelling).text == expected


def _outcome(text: str) -> KeyText | KeyProblem:
    try:
        return read_private_key(text)
    except KeyProblem as problem:
        return problem


def _is_accepted(name: str, text: str) -> bool:
    try:
        public_part(name, text)
    except subprocess.CalledProcessError:
        return False
    return True


@cache
def _pieces(name: str) -> frozenset[str]:
    text = made_key(name).text
    body = "".join(text.split("-----")[2].split("\n"))
    return frozenset(body[place : place + 12] for place in range(len(body) - 11))
