"""What the bytes inside a key's armour must look like: DER, the OpenSSH format, OpenPGP packets, and the CRC-24.

Each check tells an intact body from one that lost, gained or changed a character on its way, as far as the format
itself shows it. None of them judges whether a key is strong, or decrypts it.
"""

from __future__ import annotations

import binascii
from typing import NamedTuple

PRIVATE_KINDS = (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
)
"""The labels of the private keys that OpenSSL, OpenSSH and GnuPG read; PGP comes last."""


class Fault(NamedTuple):
    """What is wrong and what to do about it, without any content of the key."""

    problem: str
    hint: str = ""


def base64_bytes(text: str) -> bytes | None:
    """The bytes that `text` encodes, or None unless it is exactly what a base64 encoder writes for them.

    Blanks, missing or extra padding, other characters, and bits left over in the last one (which an encoder sets to
    zero, RFC 4648 section 3.5) are all refused.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return data if binascii.b2a_base64(data, newline=False) == text.encode() else None


def contents_fault(kind: str, data: bytes, *, encrypted: bool = False) -> Fault | None:
    """What is wrong with the decoded body of a block, or None if it is whole.

    Args:
        kind: the label between BEGIN and the dashes.
        data: the decoded body.
        encrypted: the block has the headers of PEM encryption (RFC 1421), so that its bytes are cipher text, of which
            only the length can be checked.
    """
    if not data:
        return Fault("there is nothing between the BEGIN and END lines", "give the whole key, the body included")
    if encrypted:
        return None if len(data) % 8 == 0 else Fault(_CHANGED, _SEND_AGAIN)
    if kind == "OPENSSH PRIVATE KEY":
        return _openssh_fault(data)
    if kind.startswith("PGP "):
        return _pgp_fault(kind, data)
    return _der_fault(kind, data)


def crc24(data: bytes) -> int:
    """The checksum at the end of OpenPGP armour (RFC 4880 section 6.1)."""
    table = _CRC24_TABLE or _crc24_table()
    crc = 0xB704CE
    for byte in data:
        crc = (crc << 8 & 0xFFFFFF) ^ table[crc >> 16 ^ byte]
    return crc


_SEND_AGAIN = "copy the key again, or send it as base64 of the whole file"
_CHANGED = "the body decodes, but a character in it was changed, lost or added"
_TOO_LONG = Fault("the body goes on after the end of the key inside it", _SEND_AGAIN)
_CRC24_TABLE: list[int] = []


def _crc24_table() -> list[int]:
    for byte in range(256):
        crc = byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
        _CRC24_TABLE.append(crc)
    return _CRC24_TABLE


def _cut_short(there: int, wanted: int) -> Fault:
    return Fault(f"the body is cut short: {there} of its {wanted} bytes are there", "give the whole key")


# DER (X.690), as RFC 5208, 5958, 8017, 5915 use it ------------------------------------------------------------------

_INTEGER, _OCTETS, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_SHAPES = {
    "PRIVATE KEY": bytes((_INTEGER, _SEQUENCE, _OCTETS)),
    "ENCRYPTED PRIVATE KEY": bytes((_SEQUENCE, _OCTETS)),
    "EC PRIVATE KEY": bytes((_INTEGER, _OCTETS)),
    "RSA PRIVATE KEY": bytes((_INTEGER,) * 9),
    "DSA PRIVATE KEY": bytes((_INTEGER,) * 6),
}
"""The tags of the first elements inside the outer SEQUENCE."""

_OPTIONAL_TAGS = {
    "PRIVATE KEY": frozenset((0xA0, 0xA1, 0x81)),
    "EC PRIVATE KEY": frozenset((0xA0, 0xA1)),
    "RSA PRIVATE KEY": frozenset((_SEQUENCE,)),
}
"""The tags of what may follow them."""

_INNER_KINDS = {
    bytes.fromhex("2a864886f70d010101"): "RSA PRIVATE KEY",
    bytes.fromhex("2a8648ce3d0201"): "EC PRIVATE KEY",
}
"""Algorithms whose key, inside PKCS#8, has the structure of an older label: rsaEncryption and id-ecPublicKey."""

_SEED_LENGTHS = {b"\x2b\x65\x6e": 32, b"\x2b\x65\x6f": 56, b"\x2b\x65\x70": 32, b"\x2b\x65\x71": 57}
"""X25519, X448, Ed25519, Ed448: the private key is an OCTET STRING of this length (RFC 8410)."""

_OTHER_ALGORITHMS = tuple(
    bytes.fromhex(prefix)
    for prefix in (
        "2a864886f70d01",  # PKCS: RSASSA-PSS, Diffie-Hellman
        "2a8648ce38",  # DSA
        "2a8648ce3e",  # X9.42 Diffie-Hellman
        "608648016503",  # NIST: ML-DSA, ML-KEM, SLH-DSA
        "2a8503",  # GOST
    )
)


def _der_fault(kind: str, data: bytes) -> Fault | None:
    if kind not in _SHAPES:  # what stands beside a key: a certificate, parameters
        return None if _elements(data, 0, len(data)) else Fault(_CHANGED, _SEND_AGAIN)
    header = _outer_header(data)
    if header is None:
        return Fault(f"the body decodes, but not to the structure of a {kind}", _SEND_AGAIN)
    start, stop = header
    if stop > len(data):
        return _cut_short(len(data), stop)
    if stop < len(data):
        return _TOO_LONG
    return None if _has_shape(kind, data, start, stop) else Fault(_CHANGED, _SEND_AGAIN)


def _outer_header(data: bytes) -> tuple[int, int] | None:
    """Start and stop of the outer SEQUENCE's content; the stop may lie beyond the data."""
    if len(data) < 2 or data[0] != _SEQUENCE:
        return None
    if data[1] < 0x80:
        return 2, 2 + data[1]
    start = 2 + (data[1] & 0x7F)
    if not 3 <= start <= 5 or data[2] == 0:
        return None
    return start, start + int.from_bytes(data[2:start], "big")


def _elements(data: bytes, start: int, stop: int) -> list[tuple[int, int, int]] | None:
    """Tag, start and stop of each element, or None unless they fill the range exactly, in DER's shortest lengths."""
    found = []
    while start < stop:
        if stop - start < 2:
            return None
        tag, length = data[start], data[start + 1]
        start += 2
        if length >= 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or size > stop - start:
                return None
            length = int.from_bytes(data[start : start + size], "big")
            if length < 0x80 or data[start] == 0:
                return None
            start += size
        if length > stop - start:
            return None
        found.append((tag, start, start + length))
        start += length
    return found


def _has_shape(kind: str, data: bytes, start: int, stop: int) -> bool:
    elements = _elements(data, start, stop)
    if elements is None:
        return False
    shape = _SHAPES[kind]
    tags = bytes(tag for tag, _, _ in elements)
    if tags[: len(shape)] != shape or not _OPTIONAL_TAGS.get(kind, frozenset()).issuperset(tags[len(shape) :]):
        return False
    if kind == "RSA PRIVATE KEY":
        numbers = [int.from_bytes(data[low:high], "big") for _, low, high in elements[:9]]
        return numbers[0] <= 1 and _is_rsa_key(numbers[1:], several_primes=numbers[0] == 1)
    if kind == "PRIVATE KEY":
        return data[elements[0][1] : elements[0][2]] in {b"\0", b"\1"} and _is_known_key(data, elements)
    if kind == "EC PRIVATE KEY":
        return data[elements[0][1] : elements[0][2]] == b"\1"
    return True


def _is_known_key(data: bytes, elements: list[tuple[int, int, int]]) -> bool:
    """Whether the key inside PKCS#8 has the structure that its algorithm asks for."""
    algorithm = _elements(data, elements[1][1], elements[1][2])
    if not algorithm or algorithm[0][0] != _OID:
        return False
    oid = data[algorithm[0][1] : algorithm[0][2]]
    inner = _elements(data, elements[2][1], elements[2][2])
    if oid in _INNER_KINDS:
        whole = inner is not None and len(inner) == 1 and inner[0][0] == _SEQUENCE
        return whole and _has_shape(_INNER_KINDS[oid], data, *inner[0][1:])  # type: ignore[index]  # `whole` says so
    if oid in _SEED_LENGTHS:
        return inner is not None and [(tag, stop - start) for tag, start, stop in inner] == [
            (_OCTETS, _SEED_LENGTHS[oid])
        ]
    return oid.startswith(_OTHER_ALGORITHMS)


def _is_rsa_key(numbers: list[int], *, several_primes: bool = False) -> bool:
    """Whether n, e, d, p, q, d mod p-1, d mod q-1 and 1/q mod p belong together (RFC 8017 section 3.2).

    A character that was changed anywhere in the numbers breaks one of these equations.
    """
    n, e, d, p, q, dp, dq, inverse = numbers
    if several_primes or p == q == 0:  # OpenSSL writes zeros for parts that it does not have
        return True
    if p < 2 or q < 2 or p * q != n:
        return False
    return (
        (d - dp) % (p - 1) == 0
        and (d - dq) % (q - 1) == 0
        and e * dp % (p - 1) == 1
        and e * dq % (q - 1) == 1
        and inverse * q % p == 1
    )


# OpenSSH's own format (PROTOCOL.key in its source) --------------------------------------------------------------------

_OPENSSH_MAGIC = b"openssh-key-v1\0"
_OPENSSH_TAG_LENGTHS = {
    b"aes128-gcm@openssh.com": 16,
    b"aes256-gcm@openssh.com": 16,
    b"chacha20-poly1305@openssh.com": 16,
}
"""Ciphers that put a tag after the encrypted part."""


_SSH_FIELDS = {b"ssh-ed25519": 3, b"ssh-rsa": 7}
"""How many strings follow the type in the private part, the comment included (PROTOCOL.key, draft-miller-ssh-agent)."""


def _openssh_fault(data: bytes) -> Fault | None:
    if not data.startswith(_OPENSSH_MAGIC):
        return Fault("the body decodes, but not to the structure of an OPENSSH PRIVATE KEY", _SEND_AGAIN)
    head, place = _ssh_strings(data, len(_OPENSSH_MAGIC), 3)  # cipher, key derivation and its options
    parts, stop = _ssh_strings(data, place + 4, 2)  # the public key, the private part
    if len(head) < 3 or len(parts) < 2:
        return Fault("the body is cut short, or a character in it was changed", _SEND_AGAIN)
    stop += _OPENSSH_TAG_LENGTHS.get(head[0], 0)
    if stop > len(data):
        return _cut_short(len(data), stop)
    if stop < len(data):
        return _TOO_LONG
    one_key = data[place : place + 4] == b"\0\0\0\1"  # OpenSSH reads no file of several
    public, private = parts
    if head[0] == b"none":
        whole = head[1:] == [b"none", b""] and _is_openssh_key(public, private)
    else:
        whole = head[0].isascii() and head[1] == b"bcrypt" and len(private) % 8 == 0
    return None if one_key and whole else Fault(_CHANGED, _SEND_AGAIN)


def _ssh_strings(data: bytes, start: int, count: int) -> tuple[list[bytes], int]:
    """Up to `count` strings of the SSH wire format (RFC 4251 section 5), and where they end."""
    strings: list[bytes] = []
    while len(strings) < count and start + 4 <= len(data):
        stop = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if stop > len(data):
            break
        strings.append(data[start + 4 : stop])
        start = stop
    return strings, start


def _is_openssh_key(public: bytes, private: bytes) -> bool:
    """Whether an unencrypted private part is whole and holds the key that the public part names."""
    if len(private) % 8 or private[:4] != private[4:8]:
        return False
    named, _ = _ssh_strings(public, 0, 3)
    fields, _ = _ssh_strings(private, 8, 1)
    if not named or fields != named[:1]:
        return False
    if named[0].startswith(b"ecdsa-sha2-"):
        count = 5
    elif named[0] in _SSH_FIELDS:
        count = 1 + _SSH_FIELDS[named[0]]
    else:  # a type that this table does not know, such as sk-ssh-ed25519@openssh.com
        return True
    fields, end = _ssh_strings(private, 8, count)
    padding = private[end:]
    if len(fields) != count or padding != bytes(range(1, len(padding) + 1)) or len(padding) >= 8:
        return False
    if named[0] == b"ssh-rsa":
        n, e, d, inverse, p, q = (int.from_bytes(field, "big") for field in fields[1:7])
        public_numbers = [int.from_bytes(field, "big") for field in named[1:]]
        return (
            public_numbers == [e, n] and p > 1 < q and _is_rsa_key([n, e, d, p, q, d % (p - 1), d % (q - 1), inverse])
        )
    if named[0] == b"ssh-ed25519":
        return named[1:] == fields[1:2] and len(fields[2]) == 64 and fields[2][32:] == fields[1]
    return named[1:] == fields[1:3]


# OpenPGP (RFC 4880 section 4.2, RFC 9580) -----------------------------------------------------------------------------

_SECRET_KEY, _PUBLIC_KEY = 5, 6


def _pgp_fault(kind: str, data: bytes) -> Fault | None:
    start = 0
    first = True
    while start < len(data):
        packet = _packet(data, start)
        if packet is None:
            return Fault(_CHANGED, _SEND_AGAIN)
        tag, begin, stop = packet
        if stop > len(data):
            return _cut_short(len(data), stop)
        if first:
            wanted = _SECRET_KEY if kind == "PGP PRIVATE KEY BLOCK" else _PUBLIC_KEY
            if tag == _PUBLIC_KEY != wanted:
                return Fault(
                    "this is a public key under the label of a private one",
                    "export it by gpg --armor --export-secret-keys",
                )
            if tag != wanted or begin == stop or data[begin] not in {3, 4, 5, 6}:  # the packet's version
                return Fault(f"the body decodes, but not to a {kind}", _SEND_AGAIN)
        first = False
        start = stop
    return None


def _packet(data: bytes, start: int) -> tuple[int, int, int] | None:
    """Tag, start and stop of the content of the packet at `start`; its stop may lie beyond the data."""
    head = data[start : start + 6].ljust(6, b"\0")
    if head[0] < 0x80:
        return None
    if head[0] < 0xC0:  # old format
        size = (1, 2, 4, 0)[head[0] & 3]
        if not size:  # of indeterminate length: no key packet is
            return None
        begin = start + 1 + size
        return head[0] >> 2 & 15, begin, begin + int.from_bytes(head[1 : 1 + size], "big")
    tag = head[0] & 63
    if head[1] < 192:
        return tag, start + 2, start + 2 + head[1]
    if head[1] < 224:
        return tag, start + 3, start + 3 + (head[1] - 192 << 8) + head[2] + 192
    if head[1] < 255:  # partial lengths are for data packets only
        return None
    return tag, start + 6, start + 6 + int.from_bytes(head[2:6], "big")
