"""The BEGIN and END lines: which blocks a text holds, and which of them is the private key."""

from __future__ import annotations

import re
from typing import NamedTuple

from envkit.settings.key_body import WRITE_NEWLINES, read_body
from envkit.settings.key_contents import PRIVATE_KINDS
from envkit.settings.key_faults import Fault


class Blocks(NamedTuple):
    """All blocks of a text in normal form, the kind of the private key among them, and the repairs."""

    text: str
    kind: str
    repairs: tuple[str, ...]


def read_blocks(text: str) -> Blocks | Fault | None:
    """Reads a text that should hold one private key.

    Text around the blocks (OpenSSL's «Bag Attributes», a name before the key) is dropped. What belongs to one private
    key may stand beside it and stays, in its order: parameters, as ``openssl ecparam -genkey`` writes, certificates,
    and public keys.

    Args:
        text: decoded, with LF line ends.

    Returns:
        The blocks, or what is wrong, or None if the text has neither a BEGIN nor an END line of a known kind.
    """
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    blocks: list[str] = []
    repairs: list[str] = []
    private = ""
    outside = []
    place = 0
    if len(marks) > _MOST_MARKS:
        return Fault("there are too many BEGIN and END lines for one key", "give one private key")
    for begin, end in zip(marks[::2], [*marks[1::2], None], strict=False):
        fault = _pair_fault(text, begin, end)
        if fault or end is None:
            return fault
        kind = _kind(begin)
        if kind in PRIVATE_KINDS:
            if private:
                return Fault("there is more than one private key", "give one private key")
            private = kind
        start, content_start, begin_right = _line(text, begin)
        content_end, stop, end_right = _line(text, end)
        outside.append(text[place:start])
        place = stop
        body = read_body(kind, text[content_start:content_end])
        if isinstance(body, Fault):
            return body if kind in PRIVATE_KINDS else _not_private(kind) if len(marks) == 2 else _beside(kind, body)
        if not (begin_right and end_right):
            repairs.append("BEGIN and END lines put right")
        repairs.extend(body.repairs)
        blocks.append(f"-----BEGIN {kind}-----\n{body.text}-----END {kind}-----\n")
    outside.append(text[place:])
    if not private:
        return _not_private(_kind(marks[0]))
    return Blocks("".join(blocks), private, (*_around(outside), *dict.fromkeys(repairs)))


_BESIDE_KINDS = (
    "EC PARAMETERS",
    "DSA PARAMETERS",
    "DH PARAMETERS",
    "CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "X509 CERTIFICATE",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "PGP PUBLIC KEY BLOCK",
)
_OTHER_KINDS = (
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "X509 CRL",
    "PKCS7",
    "SSH2 PUBLIC KEY",
    "SSH2 ENCRYPTED PRIVATE KEY",
    "PGP MESSAGE",
    "PGP SIGNATURE",
)
_KINDS = sorted((*PRIVATE_KINDS, *_BESIDE_KINDS, *_OTHER_KINDS), key=len, reverse=True)
_KIND_OF = {kind.replace(" ", ""): kind for kind in _KINDS}
_GAP = r"[\s_]*"  # blanks may be lost or become newlines
_MARK = re.compile(rf"(BEGIN|END){_GAP}({'|'.join(_KINDS).replace(' ', _GAP)})", re.IGNORECASE)
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # word processors put longer ones in pairs' places
_QUOTES = "\"'`$\u2018\u2019\u201c\u201d\u00ab\u00bb"
_EATEN_NEWLINES = {"n", "rn", "/n"}  # after the END line; the body's own are repaired, and named, there
_MOST_MARKS = 64  # a certificate chain has a few


def _kind(mark: re.Match[str]) -> str:
    return _KIND_OF[re.sub(r"[\s_]", "", mark[2]).upper()]


def _pair_fault(text: str, begin: re.Match[str], end: re.Match[str] | None) -> Fault | None:
    """What is wrong with two marks that should be the BEGIN and END line of one block."""
    if begin[1].upper() == "END":
        return Fault("the BEGIN line is missing", "give the whole key, from the BEGIN line to the END line")
    if end is None or end[1].upper() == "BEGIN":
        content = text[begin.end() : end.start() if end else len(text)]
        if not content.strip(_DASHES + _QUOTES + " \t\n\\"):
            return Fault("the END line is missing; was the value cut at its first newline?", WRITE_NEWLINES)
        return Fault(
            "the END line is missing; the key was cut off", "give the whole key, from the BEGIN line to the END line"
        )
    if _kind(begin) != _kind(end):
        return Fault(f"the BEGIN line says {_kind(begin)}, but the END line says {_kind(end)}", "copy the key again")
    return None


def _line(text: str, mark: re.Match[str]) -> tuple[int, int, bool]:
    """Where the line around a mark starts and stops, dashes included, and whether it is written as it should be."""
    before = text[max(0, mark.start() - _FAR) : mark.start()]
    after = text[mark.end() : mark.end() + _FAR]
    start = mark.start() - (len(before) - len(before.rstrip(" \t").rstrip(_DASHES)))
    stop = mark.end() + (len(after) - len(after.lstrip(" \t").lstrip(_DASHES)))
    return start, stop, text[start:stop] == f"-----{mark[1].upper()} {_kind(mark)}-----"


_FAR = 32


def _around(outside: list[str]) -> tuple[str, ...]:
    """How to say what was dropped before, between and after the blocks."""
    rest = "".join(outside)
    if not rest.strip() or rest.strip() in _EATEN_NEWLINES:
        ends = [*(piece.removeprefix("\n") for piece in outside[1:]), outside[0]]
        return ("blank space around the key removed",) if any(ends) else ()
    if not rest.strip(_QUOTES + " \t\n"):
        return ("quotes around the key removed",)
    return ("text around the key dropped",)


def _not_private(kind: str) -> Fault:
    if "PUBLIC" in kind:
        how = (
            "export it by gpg --armor --export-secret-keys"
            if "PGP" in kind
            else "give the private key that belongs to it"
        )
        return Fault("this is a public key", how)
    if kind == "SSH2 ENCRYPTED PRIVATE KEY":
        return Fault(
            "this is a key in the format of ssh.com", "convert it by ssh-keygen -i, or puttygen -O private-openssh"
        )
    article = "an" if kind.startswith("X") else "a"
    return Fault(f"this is {article} {kind}, not a private key", "give the private key")


def _beside(kind: str, fault: Fault) -> Fault:
    return Fault(f"in the {kind} beside the private key, {fault.problem}", fault.hint)
