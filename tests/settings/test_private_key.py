"""Whole keys: every route that a key may take leads to the same bytes, which the real programs accept."""

from __future__ import annotations

import base64
import re
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization

from envkit.channels.escape import escape
from envkit.settings.key_decoding import decode_key
from envkit.settings.private_key import KeyProblem, _well_formed, read_private_key
from tests.settings.made_keys import KEY_NAMES, PASSPHRASE, PEM_NAMES, PGP_NAMES, SSH_NAMES, made_key, public_part

pytestmark = pytest.mark.needs("openssl", "gpg", "ssh-keygen")

HEADERS_WITH_BLANKS = {"pgp-with-headers"}
"""Free text in headers: blanks cannot be told from newlines that became blanks once both are gone."""

NEEDS_THE_LONG_WAY = {
    "ecdsa-sec1-with-parameters",
    "rsa-pkcs1-aes-encrypted",
    "rsa-pkcs1-3des-encrypted",
    *PGP_NAMES,
}
"""Keys with headers or several blocks."""

EXACT_ROUTES = {
    "as it is": (lambda key: key, ()),
    "without the final newline": (lambda key: key.rstrip("\n"), ()),
    "escape": (escape, ("escaped dashes and newlines decoded",)),
    "manual recipe": (
        lambda key: key.replace("-", "\\-").replace("\n", "\\n"),
        ("escaped dashes and newlines decoded",),
    ),
    "newlines written \\n": (lambda key: key.replace("\n", "\\n"), None),
    "escaped twice": (lambda key: escape(escape(key)), ("escaped dashes and newlines decoded, 2 times over",)),
    "newlines written \\\\n": (lambda key: key.replace("\n", "\\\\n"), None),
    "CR LF": (lambda key: key.replace("\n", "\r\n"), ("CR LF line ends changed to LF",)),
    "CR": (lambda key: key.replace("\n", "\r"), ("CR line ends changed to LF",)),
    "CR LF written \\r\\n": (lambda key: key.replace("\n", "\\r\\n"), None),
    "CR LF, escaped": (lambda key: escape(key.replace("\n", "\r\n")), None),
    "base64": (lambda key: base64.b64encode(key.encode()).decode(), ("decoded from base64",)),
    "base64 in lines": (lambda key: base64.encodebytes(key.encode()).decode(), ("decoded from base64",)),
    "base64 for URLs, unpadded": (
        lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
        ("decoded from base64",),
    ),
    "base64 with dashes escaped": (
        lambda key: escape(base64.urlsafe_b64encode(key.encode()).decode()),
        ("decoded from base64",),
    ),
    "base64 in quotes": (lambda key: f'"{base64.b64encode(key.encode()).decode()}"', ("decoded from base64",)),
    "base64 twice": (
        lambda key: base64.b64encode(base64.encodebytes(key.encode())).decode(),
        ("decoded from base64", "decoded from base64"),
    ),
    "base64 of UTF-16": (lambda key: base64.b64encode(key.encode("utf-16-le")).decode(), ("decoded from base64",)),
    "base64 of UTF-16 with mark": (lambda key: base64.b64encode(key.encode("utf-16")).decode(), None),
    "base64 of CR LF": (
        lambda key: base64.b64encode(key.replace("\n", "\r\n").encode()).decode(),
        ("decoded from base64", "CR LF line ends changed to LF"),
    ),
    "byte order mark": (lambda key: "\ufeff" + key, ("byte order mark and invisible characters removed",)),
    "double quotes": (lambda key: f'"{key}"', ("quotes around the key removed",)),
    "single quotes, escaped": (lambda key: "'" + key.replace("\n", "\\n") + "'", None),
    "only an opening quote": (lambda key: f'"{key}', ("quotes around the key removed",)),
    "word processor's quotes": (lambda key: f"\u201c{key}\u201d", ("quotes around the key removed",)),
    "bash's $'' quotes": (lambda key: "$'" + key.replace("\n", "\\n") + "'", None),
    "blank lines around": (lambda key: f"\n\n  {key}\n\n", ("blank space around the key removed",)),
    "text around": (lambda key: f"Bag Attributes\n    friendlyName: x\n{key}\nend", ("text around the key dropped",)),
    "the name again": (lambda key: f"GITHUB_KEY={key}", ("text around the key dropped",)),
    "indented": (lambda key: re.sub("(?m)^", "    ", key), None),
    "indented by tabs": (lambda key: re.sub("(?m)^", "\t", key), None),
    "blanks at line ends": (lambda key: key.replace("\n", "  \n"), None),
    "every line end doubled": (lambda key: key.replace("\n", "\n\n"), None),
    "some newlines escaped": (lambda key: key.replace("\n", "\\n", 3), None),
    "escaped and real newlines": (lambda key: key.replace("\n", "\\n\n"), None),
    "lines continued": (lambda key: key.replace("\n", "\\\n"), None),
    "slashes escaped as in PHP's JSON": (lambda key: key.replace("\n", "\\n").replace("/", "\\/"), None),
    "= and + as in HTML-safe JSON": (
        lambda key: key.replace("\n", "\\n").replace("=", "\\u003d").replace("+", "\\u002b"),
        None,
    ),
    "zero-width characters": (lambda key: key.replace("KEY-----\n", "KEY-----\u200b\n"), None),
    "long dashes": (lambda key: key.replace("-----", "\u2014\u2013"), ("BEGIN and END lines put right",)),
    "four dashes": (lambda key: re.sub("-----", "----", key), ("BEGIN and END lines put right",)),
    "six dashes": (lambda key: re.sub("-----", "------", key), ("BEGIN and END lines put right",)),
    "lower-case END": (lambda key: key.replace("-----END", "-----end"), ("BEGIN and END lines put right",)),
}
"""Routes on which no line end is lost, with the repairs where they are the same for every kind of key."""

SPACES = "lost newlines put back (they had become spaces)"
DROPPED = "lost newlines put back (they had been dropped)"
LOSSY_ROUTES = {
    "newlines became spaces": (lambda key: key.replace("\n", " "), SPACES),
    "blanks joined": (lambda key: " ".join(key.split()), SPACES),
    "newlines became tabs": (lambda key: key.replace("\n", "\t"), SPACES),
    "spaces, in quotes": (lambda key: '"' + " ".join(key.split()) + '"', SPACES),
    "newlines dropped": (lambda key: key.replace("\n", ""), DROPPED),
    "backslash of \\n lost": (
        lambda key: key.replace("\n", "n"),
        r"lost newlines put back (the backslash of \n was lost)",
    ),
    "backslashes of \\r\\n lost": (
        lambda key: key.replace("\n", "rn"),
        r"lost newlines put back (the backslashes of \r\n were lost)",
    ),
    "newlines written /n": (lambda key: key.replace("\n", "/n"), "lost newlines put back (they were written /n)"),
}
BLANKLESS_ROUTES = {
    "all blanks removed": (lambda key: re.sub(r"\s", "", key), DROPPED),
    "all blanks became newlines": (lambda key: key.replace(" ", "\n"), None),
    "printf %q": (lambda key: re.sub(r"([ +=,:])", r"\\\1", key.replace("\n", " ")), SPACES),
    # A blank at the end of a line cannot be told from one that an editor left.
    "+ became blank": (lambda key: re.sub(r"(?<!\n)\+(?!\n)", " ", key), None),
}
"""Routes that also change blanks, which only keys without free text in headers survive."""


@pytest.mark.parametrize("name", KEY_NAMES)
@pytest.mark.parametrize("route", EXACT_ROUTES)
def test_every_exact_route_leads_to_the_same_bytes(name, route):
    """Escapes, base64, line ends, quotes, marks and indentation lead to the text that the key's program wrote."""
    made = made_key(name)
    damage, repairs = EXACT_ROUTES[route]
    key = read_private_key(damage(made.text))
    assert key.text == made.text
    assert key.kind == made.kind
    if repairs is not None:
        assert key.repairs == repairs


@pytest.mark.parametrize("name", KEY_NAMES)
@pytest.mark.parametrize("route", LOSSY_ROUTES)
def test_lost_newlines_are_put_back(name, route):
    """A key whose newlines became spaces, vanished or lost their backslash comes back whole, and the repair is told."""
    made = made_key(name)
    damage, repair = LOSSY_ROUTES[route]
    key = read_private_key(damage(made.text))
    assert key.text == made.text
    assert repair in key.repairs


@pytest.mark.parametrize("name", [name for name in KEY_NAMES if name not in HEADERS_WITH_BLANKS])
@pytest.mark.parametrize("route", BLANKLESS_ROUTES)
def test_changed_blanks_are_put_right(name, route):
    """Where every blank of a key has one possible place, its loss is repaired as well."""
    made = made_key(name)
    damage, repair = BLANKLESS_ROUTES[route]
    key = read_private_key(damage(made.text))
    assert key.text == made.text
    assert repair is None or repair in key.repairs


@pytest.mark.parametrize("name", KEY_NAMES)
def test_the_normal_form_is_stable(name):
    """Reading a key that was read already changes nothing and reports nothing."""
    key = read_private_key(made_key(name).text)
    assert read_private_key(key.text) == (key.text, key.kind, ())
    assert key.text.endswith("-----\n")
    assert "\r" not in key.text


@pytest.mark.parametrize("name", KEY_NAMES)
def test_the_keys_own_program_accepts_what_was_repaired(name):
    """openssl, ssh-keygen and gpg read the same key from a repaired text as from the original."""
    made = made_key(name)
    repaired = read_private_key(made.text.replace("\n", "")).text
    assert public_part(name, repaired) == public_part(name, made.text)


@pytest.mark.parametrize("name", [name for name in (*PEM_NAMES, *SSH_NAMES) if name != "openssh-encrypted"])
def test_cryptography_accepts_what_was_decoded(name):
    """The library cryptography loads the decoded key."""
    made = made_key(name)
    key = read_private_key(escape(made.text))
    password = PASSPHRASE.encode() if made.encrypted else None
    load = serialization.load_ssh_private_key if name in SSH_NAMES else serialization.load_pem_private_key
    assert load(key.text.encode(), password).public_key() == load(made.text.encode(), password).public_key()


def test_keys_written_by_cryptography_are_read():
    """Keys that the library cryptography writes pass through unchanged, in each of its formats."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    for made in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.OpenSSH):
            text = made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
            assert read_private_key(text) == (text, text[11 : text.index("-----", 11)], ())
            joined = read_private_key(text.replace("\n", "")).text
            assert joined.replace("\n", "") == text.replace("\n", "")


def test_padding_as_putty_writes_it_is_read():
    """PuTTY pads an OpenSSH key to 16 bytes, OpenSSH itself to 8: ssh-keygen takes both, and so does envkit."""
    lines = made_key("openssh-ed25519").text.splitlines()
    data = base64.b64decode("".join(lines[1:-1]))
    start = data.index(b"ssh-ed25519", data.index(b"ssh-ed25519") + 1) - 12  # the private part, behind its length
    private = data[start : data.rindex(b"made for tests") + len(b"made for tests")]
    padding = bytes(range(1, 17 - len(private) % 16))
    assert len(padding) > 8
    body = data[: start - 4] + (len(private) + len(padding)).to_bytes(4, "big") + private + padding
    text = "\n".join([lines[0], *re.findall(".{1,64}", base64.b64encode(body).decode()), lines[-1], ""])
    assert public_part("openssh-ed25519", text) == public_part("openssh-ed25519", made_key("openssh-ed25519").text)
    assert read_private_key(text).text == text


@pytest.mark.parametrize(
    "command",
    [
        ("genpkey", "-algorithm", "x25519"),
        ("genpkey", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"),
        ("genrsa", "-traditional", "-primes", "3", "2048"),
        ("ecparam", "-name", "secp224r1", "-genkey", "-noout"),
        ("ecparam", "-name", "sect233k1", "-genkey", "-noout"),
        ("ecparam", "-name", "SM2", "-genkey", "-noout"),
        ("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit"),
        ("ecparam", "-name", "prime256v1", "-genkey", "-conv_form", "compressed"),
    ],
    ids=lambda command: " ".join(command[2:] or command),
)
def test_unusual_keys_of_openssl_pass(command):
    """Keys whose numbers the reader cannot check are taken as their structure shows them."""
    text = subprocess.run(["openssl", *command], capture_output=True, text=True, check=True).stdout
    key = read_private_key(text)
    assert (key.text, key.repairs) == (text, ())
    assert read_private_key(text.replace("\n", "")).text == text


def test_a_key_without_its_public_point_passes():
    """An elliptic curve key may leave its public point out; its short body is wrapped as openssl does."""
    key = made_key("ecdsa-sec1").text
    command = ["openssl", "ec", "-no_public"]
    text = subprocess.run(command, input=key, capture_output=True, text=True, check=True).stdout
    assert read_private_key(text) == (text, "EC PRIVATE KEY", ())
    assert read_private_key(text.replace("\n", "")).text == text


@pytest.mark.parametrize("width", [60, 70, 76])
def test_even_lines_of_another_length_stay(width):
    """A key's own bytes are kept: even lines of any usual length are not wrapped anew."""
    text = _rewrapped(width)
    assert read_private_key(text) == (text, "PRIVATE KEY", ())
    assert read_private_key(" ".join(text.splitlines())).text == text


@pytest.mark.parametrize("width", [77, 100, 5000])
def test_too_long_lines_are_wrapped_anew(width):
    """Lines longer than armour allows become 64 characters long, and that is told."""
    key = read_private_key(_rewrapped(width))
    assert key.text == made_key("rsa-pkcs8").text
    assert key.repairs == ("lines wrapped anew at 64 characters",)


def test_a_lost_padding_is_put_back():
    """The = signs at the end of a body come back where the rest is whole."""
    names = [name for name in KEY_NAMES if "=\n" in made_key(name).text and not name.startswith("pgp")]
    assert names
    for name in names:
        made = made_key(name)
        key = read_private_key(re.sub("=+\n", "\n", made.text))
        if not made.encrypted:
            assert key.text == made.text
            assert key.repairs == ("lost = at the end of the body put back",)


def test_certificates_and_parameters_beside_the_key_stay_in_order():
    """What belongs to one private key may stand before or after it, as in the bundles that servers read."""
    key, certificate = made_key("rsa-pkcs8").text, _certificate()
    for bundle in (key + certificate, certificate + key, certificate + key + certificate):
        assert read_private_key(bundle) == (bundle, "PRIVATE KEY", ())
        assert read_private_key(escape(bundle)).text == bundle
        assert read_private_key(bundle.replace("\n", " ")).text == bundle
        assert read_private_key(bundle.replace("\n", "")).text == bundle


def test_text_around_the_blocks_of_a_pkcs12_export_is_dropped():
    """OpenSSL's Bag Attributes go, as other programs refuse them; the key is what openssl reads from the file."""
    made = made_key("rsa-pkcs8").text
    key = read_private_key(f"Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n{made}")
    assert key == (made, "PRIVATE KEY", ("text around the key dropped",))


def test_backslashes_in_pgp_headers_are_themselves_where_lines_are_there():
    r"""A comment such as C:\new keeps its backslash: verbatim, escaped, and where \n stands for newlines by hand."""
    text = made_key("pgp-with-headers").text.replace("Comment: ", "Comment: C:\\new\\readme ")
    assert read_private_key(text) == (text, "PGP PRIVATE KEY BLOCK", ())
    assert read_private_key(escape(text)).text == text
    assert read_private_key(text.replace("-", "\\-").replace("\n", "\\n")).text == text
    assert read_private_key(text.replace("\n", "\\n")).text == text
    assert read_private_key(text.replace("\n", "\r\n")).text == text


def test_a_missing_empty_line_after_pgp_headers_is_put_back():
    """Armour whose empty line was lost, which gpg refuses, is repaired: a base64 line is never a header."""
    for name in ("pgp-ed25519", "pgp-with-headers"):
        text = made_key(name).text
        key = read_private_key(text.replace("\n\n", "\n"))
        assert key == (text, "PGP PRIVATE KEY BLOCK", ("blanks and empty lines put right",))


@pytest.mark.parametrize("separator", [" ", "", "\t"])
@pytest.mark.parametrize(
    "headers", ["Comment: first\nComment: second", "Comment: my Hash: abc", "Charset: x\nComment: y"]
)
def test_headers_that_may_be_one_or_two_are_not_guessed(headers, separator):
    """Where a header's name may stand in another header's text, the key is refused although its body is whole."""
    text = made_key("pgp-ed25519").text.replace("\n\n", f"\n{headers}\n\n")
    assert read_private_key(text).text == text
    with pytest.raises(KeyProblem) as caught:
        read_private_key(text.replace("\n", separator))
    assert caught.value.problem == "the newlines were lost, and what is left is not one whole key"


@pytest.mark.parametrize("separator", [" ", "", "n", "/n"])
@pytest.mark.parametrize(
    "headers",
    [
        "Version: GnuPG v2",
        "Comment: written by OpenSSL: yes",
        "Comment: http://x.invalid/lQOY",
        "Version: 1\nComment: n: n",
    ],
)
def test_headers_with_one_reading_are_put_back(headers, separator):
    """One header, or a version and one header, come back with their text although newlines were lost."""
    text = made_key("pgp-ed25519").text.replace("\n\n", f"\n{headers}\n\n")
    assert read_private_key(text.replace("\n", separator)).text == text


def test_a_key_shows_nothing_of_itself():
    """The repr of a loaded key holds its kind and repairs only."""
    key = read_private_key(escape(made_key("ed25519-pkcs8").text))
    assert repr(key) == "KeyText(kind='PRIVATE KEY', repairs=('escaped dashes and newlines decoded',))"
    assert str(key) == repr(key)


@pytest.mark.parametrize("name", KEY_NAMES)
def test_the_short_way_and_the_long_way_agree(name):
    """The pass for well-formed keys gives what the code for damaged ones gives, down to the repairs."""
    text = made_key(name).text
    for spelling in (text, text.rstrip("\n"), escape(text), text.replace("\n", "\\n")):
        short = _well_formed(spelling)
        assert short is None or short == decode_key(spelling)
    assert (_well_formed(text) is None) == (name in NEEDS_THE_LONG_WAY)


def test_the_common_case_loads_no_repair_code():
    """A well-formed key, escaped or not, is read without the modules that mend damaged ones."""
    code = (
        "import sys; from envkit.settings.private_key import read_private_key\n"
        "text = sys.stdin.read(); assert read_private_key(text) == read_private_key(text.strip())\n"
        "read_private_key(text.replace('\\n', '\\\\n'))\n"
        "print(*sys.modules)"
    )
    for name in ("rsa-pkcs8", "openssh-ed25519"):
        made = made_key(name).text
        run = subprocess.run([sys.executable, "-c", code], input=made, capture_output=True, text=True, check=True)
        assert {"envkit.settings.key_decoding", "pydantic", "dataclasses"}.isdisjoint(run.stdout.split())


def _rewrapped(width: int) -> str:
    first, *body, last = made_key("rsa-pkcs8").text.splitlines()
    joined = "".join(body)
    lines = [joined[place : place + width] for place in range(0, len(joined), width)]
    return "".join(f"{line}\n" for line in (first, *lines, last))


def _certificate() -> str:
    command = ["openssl", "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=made", "-days", "2"]
    made = made_key("rsa-pkcs8").text
    return subprocess.run(command, input=made, capture_output=True, text=True, check=True).stdout
