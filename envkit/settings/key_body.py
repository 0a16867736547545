"""The inside of one armoured block: its headers and base64 lines, put back where there is only one way to do it.

Nothing is guessed. A damaged body is read in every way that its damage allows; it is repaired when the bytes of exactly
one reading are a whole key by their own format (lengths, structure, checksum), and refused otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envkit.settings.key_contents import base64_bytes, begins_secret_key, contents_fault, crc24
from envkit.settings.key_faults import EMPTY, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITE_NEWLINES = r"write newlines as \n"


class Body(NamedTuple):
    """The lines between BEGIN and END in normal form, each with its line end, and the repairs that led there."""

    text: str
    repairs: tuple[str, ...] = ()


def read_body(kind: str, content: str) -> Body | Fault:
    """Reads what stands between the BEGIN and END lines.

    Args:
        kind: the label of the block.
        content: the text between the two lines, with LF line ends.

    Returns:
        The normal form: headers, an empty line after them, base64 in lines as they were, or 64 characters long (70 for
        OpenSSH, as ssh-keygen writes) if they were lost or uneven; or what is wrong.
    """
    if not content.strip():
        return EMPTY
    faults: list[Fault] = []
    whole: list[_Reading] = []
    for count, reading in enumerate(_readings(kind, content)):
        if count == _MOST_READINGS:
            return Fault("the newlines were lost, and the rest can be read in too many ways", _WRITE_OR_ENCODE)
        fault = _fault(kind, reading)
        if fault:
            faults.append(fault)
        elif all(reading.body != other.body for other in whole):
            whole.append(reading)
            if "\n" in content:  # the lines are there, so that the first reading is the plain one
                break
    if len(whole) == 1:
        return _body(kind, whole[0])
    if whole:
        return Fault("the newlines were lost, and the rest can be read in more than one way", _WRITE_OR_ENCODE)
    if "\n" not in content and not (faults and faults[0] in _TELLING):
        return Fault("the newlines were lost, and what is left is not one whole key", _WRITE_OR_ENCODE)
    return faults[0]


class _Reading(NamedTuple):
    headers: tuple[str, ...]
    lines: tuple[str, ...]
    """Base64 in lines as found; one line if their ends were lost."""
    checksum: str
    """The four characters of the CRC-24, or nothing."""
    repairs: tuple[str, ...]

    @property
    def body(self) -> str:
        return "".join(self.lines)


_MOST_READINGS = 100  # a bound for hostile input: a real key has a handful
_WIDEST = 76  # of the line lengths in use: 64 (RFC 7468, GnuPG), 70 (OpenSSH), 76 (MIME encoders)
_DROPPED = "lost newlines put back (they had been dropped)"
_WRITE_OR_ENCODE = f"{WRITE_NEWLINES}, or give base64 of the whole file"
_COPY_AGAIN = "copy the key again"
_PLACEHOLDER = Fault("the body is left out («...»): this is a placeholder", "give the whole key")
_BACKSLASHES = Fault("backslashes are left in the body after decoding", f"{WRITE_NEWLINES} and nothing else")
_CHECKSUM = Fault("the CRC-24 at the end does not fit: a character was changed, lost or added", _COPY_AGAIN)
_NO_HEADERS = Fault("there are lines before the body which do not belong to this kind of key", _COPY_AGAIN)
_SHORT = Fault("the body is cut short, or characters in it were lost", "give the whole key")
_NOT_BASE64 = Fault("the body is not base64: a character in it was changed, lost or added", _COPY_AGAIN)
_TELLING = (_PLACEHOLDER, _BACKSLASHES, _CHECKSUM)
"""Faults that say more than that newlines were lost."""


def _fault(kind: str, reading: _Reading) -> Fault | None:
    data = base64_bytes(reading.body)
    if data is None:
        return _base64_fault(reading.body)
    fault = contents_fault(kind, data, encrypted=bool(reading.headers) and not kind.startswith("PGP "))
    if fault is None and reading.checksum and base64_bytes(reading.checksum) != crc24(data).to_bytes(3, "big"):
        return _CHECKSUM
    return fault


def _base64_fault(body: str) -> Fault:
    if "..." in body or "…" in body:
        return _PLACEHOLDER
    if "\\" in body:
        return _BACKSLASHES
    if ":" in body:
        return _NO_HEADERS
    return _SHORT if re.fullmatch(r"[A-Za-z0-9+/]*=*", body) else _NOT_BASE64


def _body(kind: str, reading: _Reading) -> Body:
    lines, repairs = reading.lines, reading.repairs
    width = len(lines[0])
    uneven = len(lines[-1]) > width or any(len(line) != width for line in lines[:-1])
    if uneven or width > _WIDEST or _DROPPED in repairs:
        width = 70 if kind == "OPENSSH PRIVATE KEY" else 64
        if not repairs:
            repairs = (f"lines wrapped anew at {width} characters",)
        body = reading.body
        lines = tuple(body[place : place + width] for place in range(0, len(body), width))
    if reading.headers or kind.startswith("PGP "):
        lines = (*reading.headers, "", *lines)
    if reading.checksum:
        lines = (*lines, f"={reading.checksum}")
    return Body("".join(f"{line}\n" for line in lines), repairs)


# How the text can be read ---------------------------------------------------------------------------------------------

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*:(?: |$)")
_ENCRYPTION = re.compile(
    r"\s*Proc-Type:\s*4,ENCRYPTED\s*"
    r"DEK-Info:\s*((?:(?:AES|ARIA|CAMELLIA)-\d{3}-CBC,[0-9A-Fa-f]{32}|SEED-CBC,[0-9A-Fa-f]{32}"
    r"|(?:DES|DES-EDE3|IDEA|RC2|BF|CAST5)-CBC,[0-9A-Fa-f]{16}))\s*"
)
"""The headers of PEM encryption as OpenSSL writes them; the initial vector has the length of the cipher's block."""
_HEADER_NAMES = "(?:Version|Comment|MessageID|Hash|Charset): "  # RFC 4880 section 6.2
_SECRET_KEY_START = re.compile("l[A-Za-v]|x[Q-Za-f]")
"""How base64 of a secret key packet begins: by the bytes 0x94 to 0x96 (old packet format) or 0xC5 (new format)."""
_EATEN = (
    ("n", r"the backslash of \n was lost"),
    ("rn", r"the backslashes of \r\n were lost"),
    ("/n", "they were written /n"),
)
"""What stands where a newline was: a shell, or systemd, takes the backslash from an unquoted value."""


def _readings(kind: str, content: str) -> Iterator[_Reading]:
    """The plain reading first, then each that undoes one kind of damage."""
    if "\n" in content:
        yield from _readings_of_lines(kind, content)
        return
    text = content.strip()
    if kind.startswith("PGP ") and ":" in text:
        yield from _run_together(kind, content)
    else:
        headers, rest = _encryption_headers(text)
        plain = _reading(kind, headers, rest.split(), _lost(content, rest))
        yield plain
        yield from _padded(plain)
    for separator, phrase in _EATEN:
        for headers, lines in _joined(kind, text, separator):
            yield _reading(kind, headers, lines, (f"lost newlines put back ({phrase})",))


def _reading(kind: str, headers: tuple[str, ...], lines: list[str], repairs: tuple[str, ...]) -> _Reading:
    """A reading of base64 lines, of which the last of a PGP block may hold, or be, the checksum."""
    checksum = ""
    if kind.startswith("PGP ") and lines:
        found = re.fullmatch(r"([A-Za-z0-9+/]*={0,2})=([A-Za-z0-9+/]{4})", lines[-1])
        if found:
            checksum = found[2]
            lines = [*lines[:-1], *filter(None, [found[1]])]
    return _Reading(headers, tuple(lines) or ("",), checksum, repairs)


def _padded(reading: _Reading) -> Iterator[_Reading]:
    missing = -len(reading.body) % 4
    if missing in {1, 2} and not reading.body.endswith("="):
        lines = (*reading.lines[:-1], reading.lines[-1] + "=" * missing)
        yield reading._replace(lines=lines, repairs=(*reading.repairs, "lost = at the end of the body put back"))


def _readings_of_lines(kind: str, content: str) -> Iterator[_Reading]:
    lines = [line.strip() for line in content.split("\n") if line.strip()]
    if kind.startswith("PGP "):
        count = next((place for place, line in enumerate(lines) if not _HEADER.match(line)), len(lines))
        headers, rest = tuple(lines[:count]), lines[count:]
        division = [""]
    else:
        headers, after = _encryption_headers("\n".join(lines))
        rest = after.split("\n")
        division = [""] if headers else []
    usual = "".join(f"{line}\n" for line in ("", *headers, *division, *rest))
    blanks = any(len(line.split()) > 1 for line in rest)
    repairs = ("blanks and empty lines put right",) if content != usual or blanks else ()
    plain = _reading(kind, headers, " ".join(rest).split(), repairs)
    yield plain
    yield from _padded(plain)
    if blanks:  # the decoding of web forms turns + into a blank
        pluses = [line.replace(" ", "+") for line in content.split("\n") if line.strip()][-len(rest) :]
        yield _reading(kind, headers, pluses, ("+ put back where blanks stood in lines",))


def _encryption_headers(text: str) -> tuple[tuple[str, ...], str]:
    found = _ENCRYPTION.match(text)
    if not found:
        return (), text
    return ("Proc-Type: 4,ENCRYPTED", f"DEK-Info: {found[1]}"), text[found.end() :]


def _lost(content: str, body: str) -> tuple[str, ...]:
    became_spaces = content != content.strip() or len(body.split()) > 1
    return ("lost newlines put back (they had become spaces)" if became_spaces else _DROPPED,)


def _run_together(kind: str, content: str) -> Iterator[_Reading]:
    """Readings of PGP armour with headers and body on one line: the body may begin anywhere after the last colon."""
    colon = content.rindex(":") + 2  # the blank after a header's name included
    headers = _divided(content[:colon].lstrip())
    if not headers:
        return
    for start in _SECRET_KEY_START.finditer(content, colon):
        place = start.start()
        data = base64_bytes(content[place : place + 12])
        if data and begins_secret_key(data, len(content) - place):
            last = (headers[-1] + content[colon:place]).rstrip()
            body = content[place:]
            yield _reading(kind, (*headers[:-1], last), body.split(), _lost(content, body))


def _divided(text: str, separator: str = "") -> tuple[str, ...]:
    """The header lines that were joined to `text`, or nothing where a name may stand in another header's value.

    ``Version`` comes first and its value is short; after any other header, a name could be a part of the text.
    """
    begin, *headers = re.split(f"{separator}(?={_HEADER_NAMES})", separator + text)
    if begin or not headers:
        return ()
    versions = [header.startswith("Version: ") for header in headers]
    return (*map(str.rstrip, headers[:-1]), headers[-1]) if versions in ([True, False], [True], [False]) else ()


def _joined(kind: str, text: str, separator: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Headers and lines of a block whose lines are joined by `separator`, for each usual line length that fits."""
    size = len(separator)
    if not (text.startswith(separator) and text.endswith(separator)) or len(text) <= 2 * size:
        return
    text = text[size:-size]
    last: list[str] = []
    if kind.startswith("PGP ") and text[-5 - size : -4] == f"{separator}=":
        last = [text[-5:]]
        text = text[: -5 - size]
    for headers, start in _joined_headers(kind, text, separator):
        for width in (64, 70, _WIDEST):
            starts = range(start, len(text), width + size)
            if starts and all(text.startswith(separator, place - size) for place in starts[1:]):
                lines = [text[place : place + width] for place in starts]
                if starts[-1] + width >= len(text):
                    yield headers, [*lines, *last]


def _joined_headers(kind: str, text: str, separator: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Headers, and where the body starts: after an empty line, which two separators in a row make."""
    if ":" not in text:
        if not kind.startswith("PGP "):
            yield (), 0
        elif text.startswith(separator):
            yield (), len(separator)
        return
    colon = text.rindex(":") + 2
    if kind.startswith("PGP "):
        headers = _divided(text[:colon], separator)
    else:
        headers = tuple(text[:colon].split(f"{separator}DEK-Info: ", 1))
        headers = (headers[0], f"DEK-Info: {headers[1]}") if len(headers) == 2 else ()
    place = text.find(separator * 2, colon)
    while headers and place >= 0:
        found = (*headers[:-1], headers[-1] + text[colon:place])
        if not kind.startswith("PGP ") and (len(found[-1]) > _WIDEST or not _ENCRYPTION.fullmatch("\n".join(found))):
            return  # the first empty line must end these headers: their values hold no n
        yield found, place + 2 * len(separator)
        place = text.find(separator * 2, place + 1)
