"""What the bytes inside a key's armour must look like: the OpenSSH format, OpenPGP packets and their CRC-24, or DER.

Each check tells an intact body from one that lost, gained or changed a character on its way, as far as the format
itself shows it. None of them judges whether a key is strong, or decrypts it.
"""

from __future__ import annotations

import binascii

from envkit.settings.key_der import der_fault, is_curve_point, is_rsa_key
from envkit.settings.key_faults import CHANGED, EMPTY, SEND_AGAIN, TOO_LONG, Fault, cut_short

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


def base64_bytes(text: str) -> bytes | None:
    """The bytes that `text` encodes, or None unless it is exactly what a base64 encoder writes for them.

    Blanks, missing or extra padding, other characters, and bits left over in the last one (which an encoder sets to
    zero, RFC 4648 section 3.5) are all refused.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    tail = len(data) % 3 or 3  # only the last group can hold bits left over
    return data if binascii.b2a_base64(data[-tail:], newline=False) == text[-4:].encode() else None


def contents_fault(kind: str, data: bytes, *, encrypted: bool = False) -> Fault | None:
    """What is wrong with the decoded body of a block, or None if it is whole.

    Args:
        kind: the label between BEGIN and the dashes.
        data: the decoded body.
        encrypted: the block has the headers of PEM encryption (RFC 1421), so that its bytes are cipher text, of which
            only the length can be checked.
    """
    if not data:
        return EMPTY
    if encrypted:
        return None if len(data) % 8 == 0 else CHANGED
    if kind == "OPENSSH PRIVATE KEY":
        return _openssh_fault(data)
    if kind.startswith("PGP "):
        return _pgp_fault(kind, data)
    return der_fault(kind, data)


def begins_secret_key(start: bytes, room: int) -> bool:
    """Whether a few bytes begin an OpenPGP secret key packet whose stated length is at most `room`."""
    packet = _packet(start, 0)
    if packet is None or packet[0] != _SECRET_KEY or packet[1] >= len(start):
        return False
    return start[packet[1]] in _KEY_VERSIONS and packet[2] <= room


def crc24(data: bytes) -> int:
    """The checksum at the end of OpenPGP armour (RFC 4880 section 6.1)."""
    table = _CRC24_TABLE or _crc24_table()
    crc = 0xB704CE
    for byte in data:
        crc = (crc << 8 & 0xFFFFFF) ^ table[crc >> 16 ^ byte]
    return crc


_CRC24_TABLE: list[int] = []


def _crc24_table() -> list[int]:
    for byte in range(256):
        crc = byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
        _CRC24_TABLE.append(crc)
    return _CRC24_TABLE


# OpenSSH's own format (PROTOCOL.key in its source) --------------------------------------------------------------------

_OPENSSH_MAGIC = b"openssh-key-v1\0"
_OPENSSH_TAG_LENGTHS = {
    b"aes128-gcm@openssh.com": 16,
    b"aes256-gcm@openssh.com": 16,
    b"chacha20-poly1305@openssh.com": 16,
}
"""Ciphers that put a tag after the encrypted part."""


_SSH_CURVES = {
    b"nistp256": bytes.fromhex("2a8648ce3d030107"),
    b"nistp384": bytes.fromhex("2b81040022"),
    b"nistp521": bytes.fromhex("2b81040023"),
}
"""The OIDs of the curves that RFC 5656 requires; OpenSSH has no others."""
_SSH_FIELDS = {b"ssh-ed25519": 3, b"ssh-rsa": 7}
"""How many strings follow the type in the private part, the comment included (PROTOCOL.key, draft-miller-ssh-agent)."""
_SSH_PADDING = 16
"""Bytes at most: OpenSSH writes up to 7 after a key that is not encrypted, PuTTY (puttygen -O private-openssh) 16."""


def _openssh_fault(data: bytes) -> Fault | None:
    if not data.startswith(_OPENSSH_MAGIC):
        return Fault("the body decodes, but not to the structure of an OPENSSH PRIVATE KEY", SEND_AGAIN)
    head, place = _ssh_strings(data, len(_OPENSSH_MAGIC), 3)  # cipher, key derivation and its options
    parts, stop = _ssh_strings(data, place + 4, 2)  # the public key, the private part
    if len(head) < 3 or len(parts) < 2:
        return Fault("the body is cut short, or a character in it was changed", SEND_AGAIN)
    stop += _OPENSSH_TAG_LENGTHS.get(head[0], 0)
    if stop > len(data):
        return cut_short(len(data), stop)
    if stop < len(data):
        return TOO_LONG
    one_key = data[place : place + 4] == b"\0\0\0\1"  # OpenSSH reads no file of several
    public, private = parts
    if head[0] == b"none":
        whole = head[1:] == [b"none", b""] and _is_openssh_key(public, private)
    else:
        whole = head[0].isascii() and head[1] == b"bcrypt" and len(private) % 8 == 0
    return None if one_key and whole else CHANGED


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
    if len(fields) != count or len(padding) > _SSH_PADDING or padding != bytes(range(1, len(padding) + 1)):
        return False
    if named[0] == b"ssh-rsa":
        n, e, d, inverse, p, q = (int.from_bytes(field, "big") for field in fields[1:7])
        public_numbers = [int.from_bytes(field, "big") for field in named[1:]]
        return public_numbers == [e, n] and p > 1 < q and is_rsa_key([n, e, d, p, q, d % (p - 1), d % (q - 1), inverse])
    if named[0] == b"ssh-ed25519":
        return named[1:] == fields[1:2] and len(fields[2]) == 64 and fields[2][32:] == fields[1]
    return named[1:] == fields[1:3] and is_curve_point(_SSH_CURVES.get(named[1], b""), named[2])


# OpenPGP (RFC 4880 section 4.2, RFC 9580) -----------------------------------------------------------------------------

_SECRET_KEY, _PUBLIC_KEY = 5, 6
_KEY_VERSIONS = frozenset((3, 4, 5, 6))


def _pgp_fault(kind: str, data: bytes) -> Fault | None:
    start = 0
    first = True
    while start < len(data):
        packet = _packet(data, start)
        if packet is None:
            return CHANGED
        tag, begin, stop = packet
        if stop > len(data):
            return cut_short(len(data), stop)
        if first:
            wanted = _SECRET_KEY if kind == "PGP PRIVATE KEY BLOCK" else _PUBLIC_KEY
            if tag == _PUBLIC_KEY != wanted:
                return Fault(
                    "this is a public key under the label of a private one",
                    "export it by gpg --armor --export-secret-keys",
                )
            if tag != wanted or begin == stop or data[begin] not in _KEY_VERSIONS:
                return Fault(f"the body decodes, but not to a {kind}", SEND_AGAIN)
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
