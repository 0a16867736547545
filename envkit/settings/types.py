"""Field types that a settings class is written with: secrets, private keys, database URLs, durations, byte sizes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, ByteSize
from pydantic_core import PydanticCustomError, core_schema

from envkit.settings.private_key import KeyProblem, KeyText, read_private_key

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["ByteSize", "DatabaseUrl", "Duration", "PrivateKey", "Secret", "refused"]


def refused(problem: str, hint: str = "") -> PydanticCustomError:
    """The error a validator raises so that `SettingsError` shows `problem` and `hint` word for word.

    Neither may hold any part of the value.
    """
    return PydanticCustomError("envkit", "{problem}", {"problem": problem, "hint": hint})


def is_undecodable(text: str) -> bool:
    """Whether a text holds bytes that are not UTF-8, which Python keeps as lone surrogates."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


class Secret:
    """Text that shows itself nowhere: not by `str`, `repr`, formatting, logging or serialisation.

    >>> token = Secret("xoxb-123")
    >>> f"{token}"
    '<secret, 8 characters>'
    >>> token.get_secret_value()
    'xoxb-123'
    """

    __slots__ = ("_text",)

    _kind = "secret"

    def __init__(self, text: str) -> None:
        """Keeps `text`."""
        if not isinstance(text, str):
            raise TypeError(f"a {type(self).__name__} is made of text")
        self._text = text

    def get_secret_value(self) -> str:
        """The text itself (the name is pydantic's, of `SecretStr`)."""
        return self._text

    def to_bytes(self) -> bytes:
        """The text as UTF-8, as `hmac.new`, `cryptography` and file writing want it."""
        return self._text.encode()

    def __str__(self) -> str:
        return f"<{self._kind}, {characters(self._text)}>"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._text == self._text

    def __hash__(self) -> int:
        return hash((type(self), self._text))

    @classmethod
    def _from(cls, value: Any) -> Self:
        """Validates what a settings source or a caller gives."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise refused("is not text")
        if is_undecodable(value):
            raise refused("is not valid UTF-8", "write it in UTF-8, or base64 if it is binary")
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._from,
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "writeOnly": True}


class PrivateKey(Secret):
    """A private key in PEM or PGP armour, in its normal form: LF line ends and one final newline.

    Reads the key verbatim, with escaped newlines and dashes, with CR LF line ends, from base64, or from a file, and
    checks that it is whole. See `envkit.settings.private_key` for what is repaired and what is refused.
    """

    __slots__ = ("kind", "repairs")

    _kind = "private key"

    kind: str
    """The label of the armour, such as ``RSA PRIVATE KEY``."""
    repairs: tuple[str, ...]
    """What was done to the text to get the key back, in words."""

    def __init__(self, text: str) -> None:
        """Reads `text`.

        Raises:
            KeyProblem: the text is not a whole private key.
        """
        self._keep(read_private_key(text))

    def _keep(self, key: KeyText) -> None:
        self._text = key.text
        self.kind = key.kind
        self.repairs = key.repairs

    @classmethod
    def _from(cls, value: Any) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise refused("is not text")
        refusal: tuple[str, str]
        try:
            key = read_private_key(value)
        except KeyProblem as problem:
            refusal = (problem.problem, problem.hint)
        else:
            self = cls.__new__(cls)
            self._keep(key)
            return self
        raise refused(*refusal)


class DatabaseUrl(Secret):
    """The URL of a database; prints without its password and query.

    Attributes:
        scheme: what precedes ``://``.
        username: percent-decoded; None where the URL has none.
        password: percent-decoded, masked; None where the URL has none.
        host: without the brackets of an IPv6 address; None where the URL has none.
        port: None where the URL has none.
        name: percent-decoded.
    """

    __slots__ = ("host", "name", "password", "port", "scheme", "username")

    _kind = "database URL"

    scheme: str
    username: str | None
    password: Secret | None
    host: str | None
    port: int | None
    name: str
    """What follows the host: the database's name, or the path of a file."""

    def __init__(self, text: str) -> None:
        """Takes `text` apart.

        Raises:
            PydanticCustomError: (a ValueError) it is not a database URL; the message holds nothing of it.
        """
        super().__init__(text)
        problem = self._take_apart(text)
        if problem:
            raise refused(problem, "write it as scheme://user:password@host:port/name")

    def _take_apart(self, text: str) -> str:
        try:
            parts = urlsplit(text)
            self.port = parts.port
            self.host = parts.hostname
        except ValueError:
            return "is not a URL; percent-encode the special characters of the password"
        if not parts.scheme or "://" not in text:
            return "is not a URL; it has no scheme"
        if re.search(r"[\s\x00-\x1f\x7f]", text):
            return "holds a blank or control character"
        rest = parts.path + parts.query + parts.fragment
        if parts.netloc.count("@") > 1 or (parts.netloc and "@" in rest) or parts.fragment:
            # An unencoded @, / or # in a password moves a part of it to where it would be shown.
            return "holds an unencoded special character; percent-encode the user name and password"
        self.scheme = parts.scheme
        self.username = None if parts.username is None else unquote(parts.username)
        self.password = None if parts.password is None else Secret(unquote(parts.password))
        self.name = unquote(parts.path[1:])
        return ""

    def __str__(self) -> str:
        if not hasattr(self, "name"):  # refused, and shown by somebody who prints the variables of a traceback
            return f"<{self._kind}>"
        user = self.username or ""
        account = f"{user}:***@" if self.password is not None else f"{user}@" if user else ""
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        port = "" if self.port is None else f":{self.port}"
        query = "?…" if "?" in self._text else ""
        return f"{self.scheme}://{account}{host}{port}/{self.name}{query}"

    def __repr__(self) -> str:
        return f"DatabaseUrl({str(self)!r})"

    @classmethod
    def _from(cls, value: Any) -> Self:
        return value if isinstance(value, cls) else cls(super()._from(value).get_secret_value())


def _duration(value: Any) -> Any:
    """Reads ``30s``, ``15m``, ``1h30m`` or a plain number of seconds; leaves anything but text to pydantic."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text.startswith("p"):  # ISO 8601, which pydantic reads
        return text.upper()
    if re.fullmatch(_NUMBER, text):
        return _seconds(float(text))
    if re.fullmatch(rf"(?:{_PIECE}\s*)+", text):
        return _seconds(sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PIECE, text)))
    raise refused("is not a duration", "write it as 30s, 15m, 2h, 7d or a plain number of seconds")


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except OverflowError:
        pass
    raise refused("is longer than any duration can be")


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PIECE = rf"({_NUMBER})\s*(ms|min|s|m|h|d|w)"
# Patterns are compiled when a duration is read: a class without one should not pay for them at import.

Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""A `timedelta`, from text with units, a plain number of seconds, or ISO 8601 (``PT1H30M``).

Units are ms, s, m or min, h, d and w, in either case, with decimals if need be and one behind the other: ``500ms``,
``1.5h``, ``1h30m``. A `timedelta` and a number are taken as they are. Anything else is refused by a problem in the
`SettingsError`: it is not a duration, or longer than a `timedelta` can be.
"""


def characters(text: str) -> str:
    """The length of `text` in words, all that a mask may show."""
    return "1 character" if len(text) == 1 else f"{len(text)} characters"
