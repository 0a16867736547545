"""The layers around a damaged or wrapped key, taken off one by one: line ends, escapes, base64."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.escape import unescape
from envkit.settings.key_blocks import Blocks, read_blocks
from envkit.settings.key_contents import PRIVATE_KINDS, base64_bytes, contents_fault
from envkit.settings.key_faults import Fault
from envkit.settings.private_key import KeyText, escapes_decoded

if TYPE_CHECKING:
    from collections.abc import Iterator


def decode_key(raw: str, *, layers: int = 3) -> KeyText | Fault:
    """Reads a private key out of any text.

    Args:
        raw: the text as its channel delivered it.
        layers: how many times base64 is taken off (a Kubernetes Secret of an encoded file has two).
    """
    text = _INVISIBLE.sub("", raw)
    repairs = ("byte order mark and invisible characters removed",) if text != raw else ()
    if not text.strip():
        return Fault("the value is empty", "give a private key in PEM, OpenSSH or PGP armour")
    if text.lstrip().startswith("{"):
        return Fault(
            "this is JSON, not a private key", "give only the key that is inside, or declare the setting as Secret"
        )
    fault = None
    for reading, decoded in _escape_readings(text):
        lines = reading.replace("\r\n", "\n").replace("\r", "\n")
        ends = () if lines == reading else (_line_ends(reading),)
        outcome = read_blocks(lines)
        if isinstance(outcome, Blocks):
            return KeyText(outcome.text, outcome.kind, (*repairs, *decoded, *ends, *outcome.repairs))
        fault = outcome or fault
    if fault:
        return fault
    inner = _from_base64(text)
    if isinstance(inner, Fault):
        return inner
    if inner is not None and layers:
        key = decode_key(inner, layers=layers - 1)
        if isinstance(key, KeyText):
            return key._replace(repairs=(*repairs, "decoded from base64", *key.repairs))
        if key.problem.startswith("the END line is missing"):
            return _CUT_BASE64
        return Fault(f"in the text decoded from base64: {key.problem}", key.hint)
    from envkit.settings.key_mistakes import name_mistake

    return name_mistake(text)


_CUT_BASE64 = Fault("the base64 of the key is cut short or damaged", "encode the file again, by base64 -w0 FILE")
_INVISIBLE = re.compile("[\ufeff\u200b\u200c\u200d\u2060\u00ad]")
_MOST_ESCAPES = 4  # how often a value may have been escaped on its way


def _line_ends(text: str) -> str:
    return "CR LF line ends changed to LF" if "\r\n" in text else "CR line ends changed to LF"


def _escape_readings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    r"""The text as it is (backslashes in PGP headers may be meant), then decoded as often as it changes.

    The last reading is for escapes of other languages (JSON in PHP writes ``\/``, ``printf %q`` a backslash before
    every blank and plus sign); no key holds a backslash outside PGP headers, so that it has no second meaning.
    """
    yield text, ()
    raw = text
    phrase = escapes_decoded(dashes="\\-" in text)
    for times in range(1, _MOST_ESCAPES + 1):
        decoded = unescape(text)
        if decoded == text:
            break
        text = decoded
        yield text, (phrase if times == 1 else f"{phrase}, {times} times over",)
    header_reading = _with_backslashes_in_headers(raw)
    if header_reading != raw:
        yield unescape(header_reading), (phrase,)
    if "\\" in text:
        text = re.sub(r"\\u00([0-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text)
        yield re.sub(r"\\([^A-Za-z0-9])", r"\1", text), ("foreign escapes decoded",)


_PGP_BEGIN = re.compile(r"PRIVATE KEY BLOCK(?:\\?-){5}\\n(?=[A-Z])")
_NOT_A_LINE_END = re.compile(r"\\(?=r(?!\\n)|n(?!(?:Version|Comment|MessageID|Hash|Charset): ))")


def _with_backslashes_in_headers(escaped: str) -> str:
    r"""Keeps a backslash before n in ``Comment: C:\new``: a newline stands only before another header or the body."""
    begin = _PGP_BEGIN.search(escaped)
    stop = escaped.find(r"\n\n", begin.end()) if begin else -1
    if begin is None or stop < 0:
        return escaped
    headers = _NOT_A_LINE_END.sub(r"\\\\", escaped[begin.end() : stop])
    return escaped[: begin.end()] + headers + escaped[stop:]


def _from_base64(text: str) -> str | Fault | None:
    """The text inside base64, or a fault for what is base64 of something else, or None if it is no base64."""
    compact = re.sub(r"\s", "", unescape(text)).strip("\"'").rstrip("=").translate(_FROM_URL_ALPHABET)
    data = base64_bytes(compact + "=" * (-len(compact) % 4))
    if data is None:
        if compact.startswith(_BEGIN_IN_BASE64):
            return _CUT_BASE64
        return None
    inner = _text(data)
    if inner is not None and ("BEGIN" in inner or _BASE64_TEXT.fullmatch(inner)):
        return inner
    if any(contents_fault(kind, data) is None for kind in PRIVATE_KINDS):
        return Fault(
            "this is the body of a private key without its BEGIN and END lines",
            "give the whole file in armour, from the BEGIN line to the END line",
        )
    return None


_FROM_URL_ALPHABET = str.maketrans("-_", "+/")
_BEGIN_IN_BASE64 = "LS0tLS1CRUdJT"
_BASE64_TEXT = re.compile(r"[A-Za-z0-9+/_\s-]{40,}={0,2}\s*")


def _text(data: bytes) -> str | None:
    encoding = "utf-8"
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:  # as PowerShell's Unicode encoding writes
        encoding = "utf-16"
    elif data[1:2] == b"\0":
        encoding = "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None
