"""One value in the spelling of one channel, and back: channels by name, and the two forms `escape` and `base64`."""

from __future__ import annotations

from envkit.findings import Finding, FindingsError

FORMS = ("escape", "base64")
"""Spellings of a value that belong to no one channel: the loader decodes both for private keys."""


class EncodingError(FindingsError):
    """The value cannot be spelt or read that way; `findings` says why and what to do instead."""


def form_names() -> tuple[str, ...]:
    """Every name that `encode` and `decode` take."""
    from envkit.channels.registry import names

    return (*FORMS, *names())


def encode(form: str, name: str, value: bytes) -> str:
    """The text that carries `value` in this form; it ends with a newline.

    Args:
        form: a channel's name, `escape` or `base64`.
        name: the setting's name, for channels whose text holds it.
        value: what is to arrive, byte for byte.

    Raises:
        EncodingError: the channel cannot carry the value, or it is not text.
        UnknownChannelError: there is no such form.
    """
    if form == "base64":
        from base64 import b64encode

        return b64encode(value).decode("ascii") + "\n"
    text = _text(value)
    if form == "escape":
        from envkit.channels.escape import escape

        return escape(text) + "\n"
    from envkit.channels.registry import channel

    carrier = channel(form)
    refusal = carrier.refuse(name, text)
    if refusal is not None:
        from envkit.channels.lint_hints import KEY_BEGIN

        is_key = KEY_BEGIN.match(text) and carrier.refuse(name, "-") is None  # it is not the name that is refused
        hint = _hint_for_key(name) if is_key else refusal.hint
        raise EncodingError([Finding(carrier.name, name, refusal.problem, hint)])
    written = carrier.write({name: text})
    return written if written.endswith("\n") else f"{written}\n"


def _hint_for_key(name: str) -> str:
    line = f'`echo "{name}=$(envkit encode --for base64 < key.pem)"`'
    return f"if it is a PrivateKey setting, append what {line} prints, or name the key's file in {name}_FILE"


def decode(form: str, name: str | None, text: bytes) -> bytes:
    """The value that `text` carries in this form.

    Args:
        form: a channel's name, `escape` or `base64`.
        name: which setting's value is wanted; None where the text holds one only.
        text: what the channel's program would read. One final newline belongs to the text and not to the value.

    Raises:
        EncodingError: the channel's program refuses the text, or it does not hold that setting.
        UnknownChannelError: there is no such form.
    """
    if form == "base64":
        return _from_base64(text)
    if form == "escape":
        from envkit.channels.escape import unescape

        return unescape(_text(without_final_newline(text))).encode()
    from envkit.channels.registry import channel
    from envkit.channels.shapes import may_be_shown

    carrier = channel(form)
    reading = carrier.read(_text(text))
    if reading.fatal:
        raise EncodingError(_shown(reading.findings) or [Finding(carrier.name, "", "its reader refuses the text")])
    values = reading.values()
    if name is None:
        if len(values) != 1:
            known = ", ".join(filter(may_be_shown, values))
            hint = f"choose by --name: {known}" if known else ""
            problem = f"holds {len(values)} settings, not one" if values else "holds no setting"
            raise EncodingError([Finding("standard input", "", problem, hint), *_shown(reading.findings)])
        name = next(iter(values))
    value = values.get(name)
    if value is None:
        problem = "has no value there" if name in values else "is not in the text"
        raise EncodingError([Finding("standard input", name, problem), *_shown(reading.findings)])
    return value.encode(errors="surrogateescape")


def _shown(findings: list[Finding]) -> list[Finding]:
    """The findings of a reader; in a broken file a name can be a piece of a key, and is left out."""
    from envkit.channels.shapes import may_be_shown

    return [finding if may_be_shown(finding.name) else finding._replace(name="") for finding in findings]


def without_final_newline(data: bytes) -> bytes:
    """The data without the one newline at its end that editors and `echo` leave."""
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\r\n") else data.removesuffix(b"\n")


def _text(value: bytes) -> str:
    place = None
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        place = error.start
    hint = "use the form base64, which takes any bytes"
    raise EncodingError([Finding("standard input", "", f"is not UTF-8 (byte {place + 1})", hint)])


def _from_base64(text: bytes) -> bytes:
    from base64 import b64decode
    from binascii import Error

    try:
        return b64decode(b"".join(text.split()), validate=True)
    except Error:
        pass
    raise EncodingError([Finding("standard input", "", "is not base64")])
