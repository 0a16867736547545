"""The kinds of text and number that a description holds: how each is read, and its pattern in the JSON Schema.

A kind takes what TOML gives (text or a number, already of an allowed type) and returns the normal form that the model
holds, or raises `Wrong`. The types and units are those of the settings' field types.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from math import isfinite
from typing import TYPE_CHECKING

from envkit.deployment.addresses import parse_address
from envkit.deployment.container_kinds import CONTAINER_KINDS
from envkit.deployment.kind import Kind, Wrong
from envkit.deployment.schedules import parse_schedule
from envkit.deployment.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SEGMENT = r"[A-Za-z0-9._~-]+"
_NAME = r"[a-z][a-z0-9-]{0,30}"
_PYTHON_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_MODULE = rf"{_PYTHON_NAME}(?:\.{_PYTHON_NAME})*"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_YEARS_10 = 10 * 365 * 86400.0
_PETABYTE = 1024**5

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION_PIECE = r"([0-9]+(?:\.[0-9]+)?)\s*(ms|min|s|m|h|d|w)"
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?\s*(?:ms|min|s|m|h|d|w)\s*)+|[0-9]+(?:\.[0-9]+)?"
_BYTES = {
    "": 1,
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", start=1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", start=1)},
}
_SIZE = r"([0-9]+(?:\.[0-9]+)?)\s*([KkMmGgTt]?[Ii]?[Bb])?"

_SHELL_OPERATORS = {"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"}


# --- names ----------------------------------------------------------------------------------------------------------


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise Wrong("must be 1 to 31 lower-case letters, digits and dashes, with a letter first")
    return text


def _account(text: str) -> str:
    if not re.fullmatch(_ACCOUNT, text):
        raise Wrong("must be the name of a user or group: letters, digits, _ and -, with a letter or _ first")
    return text


_ACCOUNT = r"[A-Za-z_][A-Za-z0-9_-]{0,31}"


def _app(text: str) -> str:
    if not re.fullmatch(_APP, text):
        raise Wrong("must name a callable as module:callable, or a factory as module:create_app()")
    return text


_APP = rf"{_MODULE}:{_PYTHON_NAME}(?:\(\))?"


def _class(text: str) -> str:
    if not re.fullmatch(_CLASS, text):
        raise Wrong("must name a class as module:Class")
    return text


_CLASS = rf"{_MODULE}:{_PYTHON_NAME}"


def _setting(text: str) -> str:
    if not re.fullmatch(_SETTING, text):
        raise Wrong("must be the name of a setting: letters, digits and _, with no digit first")
    return text


_SETTING = r"[A-Za-z_][A-Za-z0-9_]{0,127}"


def _schedule(text: str) -> str:
    try:
        parse_schedule(text)
    except ValueError as error:
        problem = str(error)
    else:
        return " ".join(text.lower().split())
    raise Wrong(problem)


def _version(text: str) -> str:
    try:
        parse_version(text)
    except ValueError:
        pass
    else:
        return text
    raise Wrong("must be a version of numbers and dots, such as 1.29.7", "leave out what a distribution appends")


# --- numbers --------------------------------------------------------------------------------------------------------


def _whole(minimum: int, maximum: int) -> Callable[[int], int]:
    def read(number: int) -> int:
        if not minimum <= number <= maximum:
            raise Wrong(f"must be from {minimum} to {maximum}")
        return number

    return read


def _positive(number: float) -> float:
    if not (isfinite(number) and 0 < number <= _MOST_CPUS):
        raise Wrong(f"must be above 0 and at most {_MOST_CPUS}")
    return float(number)


_MOST_CPUS = 4096


def _duration(value: str | float) -> float:
    if isinstance(value, str):
        text = value.strip().lower()
        if len(text) > _LONGEST_NUMBER or not re.fullmatch(_DURATION, text):
            raise Wrong("must be a duration such as 30s, 15m, 2h, 90d or a number of seconds")
        pieces = re.findall(_DURATION_PIECE, text)
        seconds = sum(float(n) * _SECONDS[unit] for n, unit in pieces) if pieces else float(text)
    else:
        seconds = float(value)
    if not (isfinite(seconds) and 0 <= seconds <= _YEARS_10):
        raise Wrong("must be a duration from 0 to ten years")
    return seconds


_LONGEST_NUMBER = 64


def _size(value: str | int) -> int:
    if isinstance(value, str):
        found = re.fullmatch(_SIZE, value.strip()) if len(value) <= _LONGEST_NUMBER else None
        if not found or (found[2] or "").lower() not in _BYTES:
            raise Wrong("must be a size such as 16 MiB, 1MB or a number of bytes")
        value = int(float(found[1]) * _BYTES[(found[2] or "").lower()]) if found[2] else _bytes(found[1])
    if not 1 <= value <= _PETABYTE:
        raise Wrong("must be a size from 1 byte to 1024 TiB")
    return value


def _bytes(text: str) -> int:
    if "." in text:
        raise Wrong("must be a whole number of bytes", "give the unit: 1.5 MiB")
    return int(text)


def _umask(text: str) -> str:
    if not re.fullmatch(_UMASK, text):
        raise Wrong("must be a file mode mask of three octal digits, such as 007")
    return text


_UMASK = r"0?[0-7]{3}"


# --- the network ----------------------------------------------------------------------------------------------------


def _domain(text: str) -> str:
    if not text.isascii():
        raise Wrong("must be ASCII", "write the name in its xn-- form, as a browser's certificate view shows it")
    if "://" in text or "/" in text:
        raise Wrong("must be a host name alone", "leave out the scheme and the path")
    if ":" in text:
        raise Wrong("must be a host name alone", "ports stand in http.port and http.tls_port")
    if text.endswith("."):
        raise Wrong("must not end in a dot")
    bare = text.removeprefix("*.")
    if "*" in bare:
        raise Wrong("may have a * only as its whole first label: *.example.org")
    if len(text) > _LONGEST_DOMAIN or not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", bare):
        raise Wrong("must be a host name: labels of letters, digits and dashes, joined by dots")
    if re.fullmatch(r"(?:.*\.)?[0-9]+", bare) and (bare != text or not _is_ip_address(bare)):
        raise Wrong("ends in a number but is no IP address")
    return text.lower()


_LONGEST_DOMAIN = 253
_DOMAIN = rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*"


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _email(text: str) -> str:
    if not re.fullmatch(_EMAIL, text):
        raise Wrong("must be one e-mail address")
    return text


_EMAIL = rf"[A-Za-z0-9._%+-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+"


def _address(text: str) -> str:
    try:
        return str(parse_address(text))
    except ValueError as error:
        problem = str(error)
    raise Wrong(problem)


def _resolver(text: str) -> str:
    host, port = text, ""
    if found := re.fullmatch(r"(\[[^\[\]]+\]|[^:]+):([1-9][0-9]{0,4})", text):
        host, port = found[1], found[2]
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not _is_ip_address(bare) or (":" in bare) != bracketed or int(port or 1) > _LAST_PORT:
        raise Wrong("must be the IP address of a DNS server, with an optional port: 127.0.0.11, [::1]:53")
    return text


_LAST_PORT = 65535


def _network(text: str) -> str:
    if "%" in text:
        raise Wrong("must be an address or network without a zone")
    try:
        network = ip_network(text)
    except ValueError:
        pass
    else:
        if network.prefixlen == 0:
            raise Wrong("is every address there is", "name the networks that are meant")
        return str(network) if "/" in text else str(network.network_address)
    raise Wrong(
        "must be an IP address or a network such as 10.0.0.0/8",
        "the bits behind the prefix must be zero" if _has_host_bits(text) else "",
    )


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _header(text: str) -> str:
    if not re.fullmatch(_HEADER, text):
        raise Wrong("must be the name of a header: letters, digits and dashes")
    return text


_HEADER = r"[A-Za-z][A-Za-z0-9-]{0,63}"


def _header_value(text: str) -> str:
    if not re.fullmatch(_HEADER_VALUE, text):
        raise Wrong("must be one line of printable ASCII without blanks at its ends")
    return text


_HEADER_VALUE = r"[!-~](?:[ -~]*[!-~])?"


# --- paths ----------------------------------------------------------------------------------------------------------


def _path(text: str) -> str:
    if _CONTROL.search(text):
        raise Wrong("must not hold a control character")
    if not text.startswith("/"):
        raise Wrong("must be an absolute path")
    if ".." in text.split("/"):
        raise Wrong("must not hold ..")
    path = re.sub(r"/+", "/", text).rstrip("/")
    if not path:
        raise Wrong("must not be the root folder")
    return path


_PATH = r"/[^\u0000-\u001f\u007f]+"


def _url_prefix(text: str) -> str:
    if not re.fullmatch(_URL_PREFIX, text) or _traverses(text):
        raise Wrong("must be a URL prefix such as /static/: folders of letters, digits and . _ ~ -, between slashes")
    return text


_URL_PREFIX = rf"/(?:{_SEGMENT}/)+"


def _url_path(text: str) -> str:
    if not re.fullmatch(_URL_PATH, text) or _traverses(text):
        raise Wrong("must be the path of a URL such as /health: letters, digits and . _ ~ - between slashes")
    return text


_URL_PATH = rf"/(?:{_SEGMENT}/)*(?:{_SEGMENT})?"


def _traverses(url: str) -> bool:
    return bool({".", ".."} & set(url.split("/")))


# --- commands -------------------------------------------------------------------------------------------------------


def read_command(value: str | list[str]) -> tuple[str, ...]:
    """A command as words: from a list as it stands, from one line by the shell's quoting rules.

    Raises:
        Wrong: it is empty, does not parse, or holds what only a shell could do.
    """
    words = _shell_words(value) if isinstance(value, str) else value
    if not words or not words[0]:
        raise Wrong("must begin with a program")
    if any(_CONTROL.search(word) for word in words):
        raise Wrong("must not hold a control character")
    return tuple(words)


def _shell_words(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        words = None
    if words is None:
        raise Wrong("has a quote that is never closed")
    if _SHELL_OPERATORS & set(words):
        raise Wrong("holds an operator of the shell, and no shell runs it", "name a script, or write a list of words")
    return words


def _database(text: str) -> str:
    if "://" in text:
        raise Wrong("must be the name of a setting or the path of a SQLite file", "keep the URL itself in the setting")
    if "/" in text:
        return _path(text)
    if not re.fullmatch(_SETTING_NAME, text):
        raise Wrong("must be the name of a setting, such as DATABASE_URL, or the path of a SQLite file")
    return text


_SETTING_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


KINDS: dict[str, Kind] = {
    "name": Kind(_name, _NAME),
    "process": Kind(_name, _NAME),
    "account": Kind(_account, _ACCOUNT),
    "app": Kind(_app, _APP),
    "class": Kind(_class, _CLASS),
    "setting": Kind(_setting, _SETTING),
    "schedule": Kind(_schedule),
    "version": Kind(_version, r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}"),
    "count": Kind(_whole(1, 10_000), minimum=1, maximum=10_000),
    "whole": Kind(_whole(0, 2**31 - 1), minimum=0, maximum=2**31 - 1),
    "port": Kind(_whole(1, _LAST_PORT), minimum=1, maximum=_LAST_PORT),
    "positive": Kind(_positive, minimum=0, maximum=_MOST_CPUS),
    "duration": Kind(_duration, rf"\s*(?:{_DURATION})\s*", minimum=0, maximum=_YEARS_10, units=True),
    "size": Kind(_size, rf"\s*{_SIZE}\s*", minimum=1, maximum=_PETABYTE, units=True),
    "umask": Kind(_umask, _UMASK),
    "domain": Kind(_domain, _DOMAIN),
    "email": Kind(_email, _EMAIL),
    "address": Kind(_address),
    "resolver": Kind(_resolver),
    "network": Kind(_network),
    "header": Kind(_header, _HEADER),
    "header_value": Kind(_header_value, _HEADER_VALUE),
    "path": Kind(_path, _PATH),
    "database": Kind(_database, rf"{_SETTING_NAME}|{_PATH}"),
    "url_prefix": Kind(_url_prefix, _URL_PREFIX),
    "url_path": Kind(_url_path, _URL_PATH),
    **CONTAINER_KINDS,
}
