"""Values that are no whole private key: each is refused by a message that says what happened and shows no content."""

from __future__ import annotations

import base64
import pickle
import re
import subprocess

import pytest

from envkit.channels.escape import escape
from envkit.settings.private_key import KeyProblem, read_private_key
from tests.settings.made_keys import made_key

pytestmark = pytest.mark.needs("openssl", "gpg", "ssh-keygen")

CUT = r"the END line is missing; was the value cut at its first newline? write newlines as \n"
CHANGED = (
    "the body decodes, but a character in it was changed, lost or added. "
    "copy the key again, or send it as base64 of the whole file"
)
NOT_BASE64 = "the body is not base64: a character in it was changed, lost or added. copy the key again"
SHORT = "the body is cut short, or characters in it were lost. give the whole key"
LOST = (
    "the newlines were lost, and what is left is not one whole key. "
    r"write newlines as \n, or give base64 of the whole file"
)
PATH = (
    "this looks like the path of a file, not a key. "
    "to read the key from a file, add _FILE to the setting's name and give the path"
)
UNKNOWN = (
    "there is neither a BEGIN line nor base64 of a whole key. "
    r"give a private key in PEM, OpenSSH or PGP armour; write newlines as \n"
)
UNKNOWN_LABEL = (
    "the BEGIN line names no kind of private key that is known. give a private key in PEM, OpenSSH or PGP armour"
)
REFERENCE = "this is a reference that nothing expanded. give the key itself, or a path by NAME_FILE"
PLACEHOLDER = "this is a placeholder, not a key. give the private key"
LEFT_OUT = "the body is left out («...»): this is a placeholder. give the whole key"
EMPTY = "the value is empty. give a private key in PEM, OpenSSH or PGP armour"
AGAIN = "copy the key again, or send it as base64 of the whole file"
BASE64_CUT = "the base64 of the key is cut short or damaged. encode the file again, by base64 -w0 FILE"
BYTES_MISSING = r"the body is cut short: \d+ of its \d+ bytes are there. give the whole key"
CHECKSUM = "the CRC-24 at the end does not fit: a character was changed, lost or added. copy the key again"
BARE = (
    "this is the body of a private key without its BEGIN and END lines. "
    "give the whole file in armour, from the BEGIN line to the END line"
)
STRAY_LINES = "there are lines before the body which do not belong to this kind of key. copy the key again"
OTHER_END = "the BEGIN line says RSA PRIVATE KEY, but the END line says PRIVATE KEY. copy the key again"
OTHER_BODY = "the BEGIN line says PRIVATE KEY, but the body is of the kind RSA PRIVATE KEY. put the two lines right"
WHOLE = "give the whole key, from the BEGIN line to the END line"

BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", EMPTY),
        (" \n\t", EMPTY),
        ("\ufeff", EMPTY),
        (BEGIN, CUT),
        (f'"{BEGIN}', CUT),
        (f"{BEGIN}\\n", CUT),
        (f"{BEGIN}\\", CUT),
        (
            base64.b64encode(BEGIN.encode()).decode(),
            BASE64_CUT,
        ),
        (END, f"the BEGIN line is missing. {WHOLE}"),
        (f"{BEGIN}\n{END}", "there is nothing between the BEGIN and END lines. give the whole key, the body included"),
        (f"{BEGIN}{END}", "there is nothing between the BEGIN and END lines. give the whole key, the body included"),
        (f"{BEGIN}\n...\n{END}", LEFT_OUT),
        (f"{BEGIN}\\nMIIE…\\n{END}", LEFT_OUT),
        (f"{BEGIN} MIIE... {END}", LEFT_OUT),
        ("BEGIN KEY END KEY", PLACEHOLDER),
        ("<your private key>", PLACEHOLDER),
        ("changeme", PLACEHOLDER),
        ("/run/keys/github.pem", PATH),
        ("~/key.pem", PATH),
        ("./key", PATH),
        ("keys/github.pem", PATH),
        (r"C:\keys\new.pem", PATH),
        ("@github.pem", PATH),
        ("$GITHUB_KEY", REFERENCE),
        ("${GITHUB_KEY}", REFERENCE),
        ("$(cat github.pem)", REFERENCE),
        ("%GITHUB_KEY%", REFERENCE),
        ("hunter2", UNKNOWN),
        ("two words", UNKNOWN),
        ("\\", UNKNOWN),
        ("-----BEGIN SECRET-----\nAAAA\n-----END SECRET-----", UNKNOWN_LABEL),
        ("-----BEGIN FOO PRIVATE KEY-----\nAAAA\n-----END FOO PRIVATE KEY-----", UNKNOWN_LABEL),
        (
            "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none",
            "this is a key in PuTTY's format. convert it by puttygen KEY.ppk -O private-openssh",
        ),
        (
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAAgI\n---- END SSH2 ENCRYPTED PRIVATE KEY ----",
            "this is a key in the format of ssh.com. convert it by ssh-keygen -i, or puttygen -O private-openssh",
        ),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample made@tests.invalid",
            "this is a public key. give the private key: the file without .pub",
        ),
        (
            "AGE-SECRET-KEY-1QQQQ",
            "this is an age identity, not a key in PEM, OpenSSH or PGP armour. declare the setting as Secret",
        ),
        (
            '{"private_key": "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----"}',
            "this is JSON, not a private key. give only the key that is inside, or declare the setting as Secret",
        ),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nMAAw\n-----END CERTIFICATE REQUEST-----",
            "this is a CERTIFICATE REQUEST, not a private key. give the private key",
        ),
        (
            "-----BEGIN X509 CRL-----\nMAAw\n-----END X509 CRL-----",
            "this is an X509 CRL, not a private key. give the private key",
        ),
    ],
)
def test_what_is_no_key_is_named(value, message):
    """A value that never was a private key is told by its look, with the way to give one."""
    assert _refusal(value) == message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda first, *_: first, CUT),
        (lambda *lines: "\n".join(lines[:-1]), f"the END line is missing; the key was cut off. {WHOLE}"),
        (lambda *lines: "\n".join(lines)[:-12], f"the END line is missing; the key was cut off. {WHOLE}"),
        (lambda *lines: "\n".join(lines[:9]), f"the END line is missing; the key was cut off. {WHOLE}"),
        (lambda *lines: "\n".join(lines[1:]), f"the BEGIN line is missing. {WHOLE}"),
        (lambda *lines: "\n".join((*lines[:5], *lines[6:])), BYTES_MISSING),
        (lambda *lines: "\n".join((*lines[:5], lines[5][1:], *lines[6:])), SHORT),
        (lambda *lines: "\n".join((*lines[:5], lines[5][:-4], *lines[6:])), BYTES_MISSING),
        (
            lambda *lines: "\n".join((*lines[:5], lines[5], lines[5], *lines[6:])),
            f"the body goes on after the end of the key inside it. {AGAIN}",
        ),
        (lambda *lines: "\n".join((*lines[:5], _other(lines[5]), *lines[6:])), CHANGED),
        (lambda *lines: "\n".join((*lines[:5], lines[5][::-1], *lines[6:])), CHANGED),
        (lambda *lines: "\n".join((*lines[:5], lines[6], lines[5], *lines[7:])), CHANGED),
        (lambda *lines: "\n".join((*lines[:5], "*" + lines[5][1:], *lines[6:])), NOT_BASE64),
        (lambda *lines: "\n".join((*lines[:5], "\0" + lines[5][1:], *lines[6:])), NOT_BASE64),
        (lambda *lines: "\n".join((*lines[:5], "\udc80" + lines[5][1:], *lines[6:])), NOT_BASE64),
        (lambda *lines: "\n".join((*lines[:5], lines[5][:30] + "=" + lines[5][31:], *lines[6:])), NOT_BASE64),
        (lambda *lines: "\n".join(f'"{line}",' for line in lines), NOT_BASE64),
        (lambda *lines: "".join((*lines[:5], lines[5][1:], *lines[6:])), LOST),
        (lambda *lines: "n".join((*lines[:5], lines[5][1:], *lines[6:])), LOST),
        (lambda *lines: " ".join((*lines[:5], *lines[6:])), LOST),
        (lambda *lines: "\n".join((*lines[:-1], "-----END PRIVATE KEY-----")), OTHER_END),
        (lambda *lines: "\n".join(lines).replace("RSA ", ""), OTHER_BODY),
        (lambda *lines: "\n".join((*lines, *lines)), "there is more than one private key. give one private key"),
        (lambda *lines: "\n".join(lines[1:-1]), BARE),
        (lambda *lines: "\n".join((lines[0], "Comment: x", "", *lines[1:])), STRAY_LINES),
        (lambda *lines: base64.b64encode("\n".join(lines).encode()).decode()[:333], BASE64_CUT),
        (lambda *lines: base64.b64encode("\n".join(lines).encode()).decode()[:400], BASE64_CUT),
        (
            lambda *lines: base64.b64encode("\n".join((*lines[:5], *lines[6:])).encode()).decode(),
            f"in the text decoded from base64: {BYTES_MISSING}",
        ),
    ],
)
def test_what_happened_to_a_damaged_key_is_told(damage, message):
    """A key that lost, gained or changed something is refused by a message that says what, in any spelling."""
    damaged = damage(*made_key("rsa-pkcs1").text.splitlines())
    pattern = message if r"\d" in message else re.escape(message)
    assert re.fullmatch(pattern, _refusal(damaged))
    if "\0" not in damaged and "\\" not in damaged:
        assert re.fullmatch(pattern, _refusal(escape(damaged)))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("pgp-rsa", lambda text: text.replace("\n=", "\n=A"), NOT_BASE64),
        ("pgp-rsa", lambda text: re.sub("\n=(.)", lambda found: f"\n={_other(found[1])}", text), CHECKSUM),
        ("pgp-rsa", lambda text: text[:400] + _other(text[400]) + text[401:], CHECKSUM),
        ("pgp-without-checksum", lambda text: re.sub("\n.{4}(.*\n-----END)", "\n\\1", text), BYTES_MISSING),
        ("openssh-rsa", lambda text: text[:840] + _other(text[840]) + text[841:], CHANGED),
        ("openssh-ed25519", lambda text: re.sub("\n.{70}\n", "\n", text, count=1), SHORT),
        (
            "rsa-pkcs1-aes-encrypted",
            lambda text: text.replace("DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,0"),
            SHORT,
        ),
        ("rsa-pkcs1-aes-encrypted", lambda text: text.replace("AES-128-CBC,", "AES-128-CTR,"), STRAY_LINES),
    ],
)
def test_damage_that_only_one_format_shows(name, damage, message):
    """Checksums, packet lengths, check numbers and the equations of RSA show a change that base64 does not."""
    pattern = message if r"\d" in message else re.escape(message)
    assert re.fullmatch(pattern, _refusal(damage(made_key(name).text)))


def test_public_keys_and_certificates_are_told_apart():
    """A public key in any armour, also under a private label, and a certificate are named as what they are."""
    key = made_key("rsa-pkcs8").text
    public = _openssl(key, "pkey", "-pubout")
    certificate = _openssl(key, "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=made")
    assert _refusal(public) == "this is a public key. give the private key that belongs to it"
    assert _refusal(escape(public)) == "this is a public key. give the private key that belongs to it"
    assert _refusal(certificate) == "this is a CERTIFICATE, not a private key. give the private key"
    body = "".join(public.splitlines()[1:-1])
    assert _refusal(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----") == CHANGED


def test_a_problem_can_be_sent_between_processes():
    """A problem survives pickling with its two parts."""
    problem = pickle.loads(pickle.dumps(KeyProblem("the END line is missing", r"write newlines as \n")))  # noqa: S301
    assert (problem.problem, problem.hint) == ("the END line is missing", r"write newlines as \n")
    assert str(problem) == r"the END line is missing. write newlines as \n"


def _refusal(value: str) -> str:
    with pytest.raises(KeyProblem) as caught:
        read_private_key(value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


def _other(text: str) -> str:
    return ("A" if text[0] != "A" else "B") + text[1:]


def _openssl(stdin: str, *command: str) -> str:
    return subprocess.run(["openssl", *command], input=stdin, capture_output=True, text=True, check=True).stdout
