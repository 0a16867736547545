"""Keys in DER (X.690): whether the elements, lengths and numbers of PKCS#1, PKCS#8 and SEC 1 structures are whole."""

from __future__ import annotations

from envkit.settings.key_faults import CHANGED, SEND_AGAIN, TOO_LONG, Fault, cut_short


def der_fault(kind: str, data: bytes) -> Fault | None:
    """What is wrong with the structure that the label announces, or None if it is whole (RFC 5208, 5915, 8017)."""
    if kind not in _SHAPES:  # what stands beside a key: a certificate, parameters
        return None if _elements(data, 0, len(data)) else CHANGED
    header = _outer_header(data)
    if header is None:
        return Fault(f"the body decodes, but not to the structure of a {kind}", SEND_AGAIN)
    start, stop = header
    if stop > len(data):
        return cut_short(len(data), stop)
    if stop < len(data):
        return TOO_LONG
    if _has_shape(kind, data, start, stop):
        return None
    for other in _SHAPES:
        if _has_shape(other, data, start, stop):
            return Fault(f"the BEGIN line says {kind}, but the body is of the kind {other}", "put the two lines right")
    return CHANGED


_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
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

_PUBLIC_TAGS = frozenset((0xA1, 0x81))
"""The public key that may follow in PKCS#8."""

_RSA, _RSA_OAEP, _RSA_PSS = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("01", "07", "0a"))
_EC = bytes.fromhex("2a8648ce3d0201")
_INNER_KINDS = dict.fromkeys((_RSA, _RSA_OAEP, _RSA_PSS), "RSA PRIVATE KEY") | {_EC: "EC PRIVATE KEY"}
"""Algorithms whose key, inside PKCS#8, has the structure of an older label."""

_ONE_NUMBER = {bytes.fromhex(oid) for oid in ("2a864886f70d010301", "2a8648ce380401", "2a8648ce3e0201")}
"""Diffie-Hellman by PKCS#3, DSA, and Diffie-Hellman by X9.42: the private key is an INTEGER."""

_SEED_LENGTHS = {b"\x2b\x65\x6e": 32, b"\x2b\x65\x6f": 56, b"\x2b\x65\x70": 32, b"\x2b\x65\x71": 57}
"""X25519, X448, Ed25519, Ed448: the private key is an OCTET STRING of this length (RFC 8410)."""

_OTHER_ALGORITHMS = tuple(
    bytes.fromhex(prefix)
    for prefix in (
        "6086480165030403",  # NIST's signatures: ML-DSA, SLH-DSA
        "6086480165030404",  # NIST's key encapsulation: ML-KEM
        "2a8503",  # GOST
    )
)


_ENCRYPTIONS = tuple(
    bytes((_OID, len(prefix) + 1)) + prefix
    for prefix in (bytes.fromhex("2a864886f70d0105"), bytes.fromhex("2a864886f70d010c01"))
)
"""The algorithms of PKCS#5 and, older, of PKCS#12 (RFC 8018, RFC 7292 appendix C)."""


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


def _has_shape(kind: str, data: bytes, start: int, stop: int, curve: bytes = b"") -> bool:
    elements = _elements(data, start, stop)
    if elements is None:
        return False
    shape = _SHAPES[kind]
    tags = bytes(tag for tag, _, _ in elements)
    if tags[: len(shape)] != shape or not _OPTIONAL_TAGS.get(kind, frozenset()).issuperset(tags[len(shape) :]):
        return False
    if kind == "RSA PRIVATE KEY":
        numbers = [int.from_bytes(data[low:high], "big") for _, low, high in elements[:9]]
        several = len(elements) > len(shape)  # version 1 (RFC 8017 appendix A.1.2)
        return numbers[0] == several and is_rsa_key(numbers[1:], several_primes=several)
    if kind == "PRIVATE KEY":
        with_public = any(tag in _PUBLIC_TAGS for tag in tags)  # version 2, written as 1 (RFC 5958)
        version = data[elements[0][1] : elements[0][2]]
        return (version == b"\0" or (version == b"\1" and with_public)) and _is_known_key(data, elements)
    if kind == "EC PRIVATE KEY":
        return data[elements[0][1] : elements[0][2]] == b"\1" and _is_ec_key(data, elements, curve)
    if kind == "ENCRYPTED PRIVATE KEY":
        return data[elements[0][1] :].startswith(_ENCRYPTIONS)
    return True


def _is_known_key(data: bytes, elements: list[tuple[int, int, int]]) -> bool:
    """Whether the key inside PKCS#8 has the structure that its algorithm asks for."""
    algorithm = _elements(data, elements[1][1], elements[1][2])
    if not algorithm or algorithm[0][0] != _OID:
        return False
    oid = data[algorithm[0][1] : algorithm[0][2]]
    if not _has_parameters_of(oid, algorithm[1:]):
        return False
    inner = _elements(data, elements[2][1], elements[2][2])
    if oid in _ONE_NUMBER:
        return inner is not None and [tag for tag, _, _ in inner] == [_INTEGER]
    if oid in _INNER_KINDS:
        if inner is None or len(inner) != 1 or inner[0][0] != _SEQUENCE:
            return False
        curve = data[algorithm[1][1] : algorithm[1][2]] if algorithm[1:] and algorithm[1][0] == _OID else b""
        return _has_shape(_INNER_KINDS[oid], data, inner[0][1], inner[0][2], curve)
    if oid in _SEED_LENGTHS:
        return inner is not None and [(tag, stop - start) for tag, start, stop in inner] == [
            (_OCTETS, _SEED_LENGTHS[oid])
        ]
    return oid.startswith(_OTHER_ALGORITHMS)


def _has_parameters_of(oid: bytes, parameters: list[tuple[int, int, int]]) -> bool:
    """Whether the algorithm may have these parameters (RFC 4055, 5480, 8410); unknown algorithms may have any."""
    if not parameters:
        return True
    tag, start, stop = parameters[0]
    if len(parameters) > 1 or oid in _SEED_LENGTHS:
        return False
    if oid == _RSA:
        return tag == _NULL and start == stop
    if oid == _EC:
        return tag in {_OID, _SEQUENCE}
    return tag == _SEQUENCE or oid not in {_RSA_OAEP, _RSA_PSS, *_ONE_NUMBER}


def is_rsa_key(numbers: list[int], *, several_primes: bool = False) -> bool:
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


def _is_ec_key(data: bytes, elements: list[tuple[int, int, int]], curve: bytes) -> bool:
    """Whether the curve is of a known family, and the public point, where there is one, lies on it."""
    point = b""
    for tag, start, stop in elements[2:]:
        inner = _elements(data, start, stop)
        if not inner or len(inner) != 1:
            return False
        content = data[inner[0][1] : inner[0][2]]
        if tag == _EC_PARAMETERS and inner[0][0] == _OID:
            curve = content
        elif tag == _EC_PUBLIC:
            if inner[0][0] != _BITS or content[:1] != b"\0":
                return False
            point = content[1:]
    return not curve or is_curve_point(curve, point, elements[1][2] - elements[1][1])


def is_curve_point(curve: bytes, point: bytes, secret_length: int | None = None) -> bool:
    """Whether an uncompressed point satisfies its curve's equation, y² = x³ + ax + b modulo p.

    Args:
        curve: the content of the curve's OID; curves that are not in the table are taken on trust, by family.
        point: as SEC 1 section 2.3.3 writes it, or nothing.
        secret_length: the length of the secret number in bytes, if that is to be checked.
    """
    known = _CURVES.get(curve)
    if known is None:
        return curve.startswith(_CURVE_FAMILIES)
    p, a, b = known
    size = (p.bit_length() + 7) // 8
    if secret_length not in {None, size}:
        return False
    if not point or point[0] in {2, 3}:  # none, or compressed
        return True
    if point[0] != 4 or len(point) != 1 + 2 * size:
        return False
    x, y = int.from_bytes(point[1 : 1 + size], "big"), int.from_bytes(point[1 + size :], "big")
    return x < p and y < p and (y * y - x * x * x - a * x - b) % p == 0


_BITS, _EC_PARAMETERS, _EC_PUBLIC = 0x03, 0xA0, 0xA1
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): (  # P-256; these three: FIPS 186-4 appendix D.1.2
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        -3,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    bytes.fromhex("2b81040022"): (  # P-384
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        -3,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    bytes.fromhex("2b81040023"): (  # P-521
        2**521 - 1,
        -3,
        0x51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    ),
    bytes.fromhex("2b8104000a"): (2**256 - 2**32 - 977, 0, 7),  # secp256k1; SEC 2 section 2.4.1
}
_CURVE_FAMILIES = tuple(bytes.fromhex(prefix) for prefix in ("2a8648ce3d03", "2b810400", "2b240303", "2a811ccf55"))
"""ANSI X9.62, SECG, Brainpool, SM2."""
