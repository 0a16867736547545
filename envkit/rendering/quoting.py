"""One function per language: a Python value as text which that language reads back as the same value, or a refusal.

No function guesses: what a language cannot hold, or a type it has no spelling for, raises `CannotQuote`. The message
never holds the value.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from functools import wraps
from math import isfinite
from typing import Any, TypeVar, cast


class Fragment(str):
    """Text that envkit itself built in the language of the file; it is written as it stands.

    Joining or formatting a Fragment gives a plain `str`, which is quoted again.
    """

    __slots__ = ()


class CannotQuote(ValueError):  # noqa: N818 - it says what happened
    """The language of the file has no way to write this value."""

    def __init__(self, language: str, problem: str) -> None:
        super().__init__(f"{language} cannot hold {problem}")
        self.language = language
        self.problem = problem
        self.text = ""
        """The text that was refused, for who looks for the key that it came from; it is in no message."""


_Quote = TypeVar("_Quote", bound=Callable[[Any], str])


def _telling(quote: _Quote) -> _Quote:
    """The same function; what it raises knows the text that was refused."""

    @wraps(quote)
    def told(value: Any) -> str:
        try:
            return quote(value)
        except CannotQuote as error:
            if isinstance(value, str) and not error.text:
                error.text = value
            raise

    return cast("_Quote", told)


# --- nginx ----------------------------------------------------------------------------------------------------------

_NGINX_BARE = re.compile(r"[A-Za-z0-9_./:@+,=*-]+")
_NGINX_TOKEN_LIMIT = 4000


@_telling
def quote_nginx(value: Any) -> str:
    r"""One argument of a directive.

    Inside double quotes nginx's reader turns `\"` and `\\` into the character (ngx_conf_read_token). Nothing escapes
    `$`, which begins a variable in most directives, so it is refused. A token must fit the reader's buffer of
    4096 bytes.
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    text = _text("nginx", value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise CannotQuote("nginx", "a control character")
    if "$" in text:
        raise CannotQuote("nginx", "a dollar sign, which begins a variable and has no escape")
    quoted = text if _NGINX_BARE.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if len(quoted.encode()) > _NGINX_TOKEN_LIMIT:
        raise CannotQuote("nginx", f"an argument of more than {_NGINX_TOKEN_LIMIT} bytes")
    return quoted


def nginx_duration(seconds: float) -> Fragment:
    """Seconds in nginx's spelling: `30s`, or `1500ms` where they are not whole."""
    if not isfinite(seconds) or seconds < 0:
        raise CannotQuote("nginx", "a duration that is negative or not finite")
    return Fragment(f"{int(seconds)}s" if seconds == int(seconds) else f"{max(1, round(seconds * 1000))}ms")


def nginx_size(count: int) -> Fragment:
    """Bytes in nginx's spelling: `8k`, `1m`, `1500`."""
    if count < 0:
        raise CannotQuote("nginx", "a negative size")
    for unit, suffix in ((1024 * 1024, "m"), (1024, "k")):
        if count and count % unit == 0:
            return Fragment(f"{count // unit}{suffix}")
    return Fragment(str(count))


# --- Python ---------------------------------------------------------------------------------------------------------


@_telling
def quote_python(value: Any) -> str:
    """A literal: None, booleans, numbers, text, and lists, tuples and mappings of these."""
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number("Python", value)
    if isinstance(value, str):
        text = str.__repr__(value)
        return text if "'" in text[1:-1] or '"' in text else f'"{text[1:-1]}"'
    if isinstance(value, list):
        return "[" + ", ".join(quote_python(item) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(quote_python(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote_python(k)}: {quote_python(v)}" for k, v in value.items()) + "}"
    raise _no_spelling("Python", value)


# --- YAML and what is read from YAML --------------------------------------------------------------------------------


@_telling
def quote_yaml(value: Any) -> str:
    r"""A flow value of YAML 1.2 that YAML 1.1 readers understand alike.

    Text is always double-quoted; what YAML does not call printable (its section 5.1) is written `\x`, `\u` or `\U`.
    """
    return _json_like("YAML", value, quote_yaml, _yaml_text)


@_telling
def quote_compose(value: Any) -> str:
    """YAML for Compose, which interpolates `$` in every value: `$$` is its spelling of one dollar sign."""
    return _json_like("YAML", value, quote_compose, lambda text: _yaml_text(text.replace("$", "$$")))


@_telling
def quote_github(value: Any) -> str:
    """YAML for GitHub Actions, which evaluates `${{` in every value and has no escape for it."""
    return _json_like("YAML", value, quote_github, _github_text)


def _github_text(text: str) -> str:
    if "${{" in text:
        raise CannotQuote("a GitHub workflow", "${{, which begins an expression and has no escape")
    return _yaml_text(text)


def _yaml_text(text: str) -> str:
    text = json.dumps(_text("YAML", text), ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


# --- TOML -----------------------------------------------------------------------------------------------------------


@_telling
def quote_toml(value: Any) -> str:
    """A value of TOML 1.0 on one line; tables are for the template to write."""
    if isinstance(value, Mapping):
        raise _no_spelling("TOML", value)
    if value is None:
        raise CannotQuote("TOML", "a null")
    return _json_like("TOML", value, quote_toml, _toml_text)


def _toml_text(text: str) -> str:
    return json.dumps(_text("TOML", text), ensure_ascii=False).replace("\x7f", "\\u007f")


# --- systemd --------------------------------------------------------------------------------------------------------

_SYSTEMD_PLAIN = re.compile(r"[A-Za-z0-9_./:@+,=-]*")


@_telling
def quote_systemd(value: Any) -> str:
    """A value that means the same in every setting of a unit: such text, and numbers and booleans.

    Settings differ in what they unquote and expand (systemd.syntax(7)), so anything else needs one of
    `systemd_line`, `systemd_word` and `systemd_command`; without it, it is refused.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    text = _unit_text(value)
    if not _SYSTEMD_PLAIN.fullmatch(text):
        raise CannotQuote("a systemd unit", "these characters in this place")
    return text


@_telling
def systemd_line(text: str) -> Fragment:
    """The rest of a line that systemd takes as it stands but for specifiers: `Description=`, `WorkingDirectory=`."""
    text = _unit_text(text)
    if text != text.strip() or text.endswith("\\"):
        raise CannotQuote("a systemd unit", "blanks at an end of a line, or a backslash at its end")
    if text[:1] in ('"', "'"):
        raise CannotQuote("a systemd unit", "a line that begins with a quote")
    return Fragment(text.replace("%", "%%"))


@_telling
def systemd_word(text: str) -> Fragment:
    r"""One word of `Environment=`, `ReadWritePaths=` and the like: unquoted, `\` escapes, `%` specifiers."""
    text = _unit_text(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return Fragment(f'"{text}"')


def systemd_command(words: tuple[str, ...] | list[str]) -> Fragment:
    """A command of `ExecStart=` and its kin: as `systemd_word`, and `$` is doubled (systemd.service(5)).

    The program itself must be plain: systemd reads `@`, `-`, `:`, `+` and `!` before it as orders.
    """
    if not words:
        raise CannotQuote("a systemd unit", "a command without a program")
    if not re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./+@-]*", words[0]):
        raise CannotQuote("a systemd unit", "a program's name with characters that mean an order, a blank or a quote")
    return Fragment(" ".join((words[0], *(_exec_word(word) for word in words[1:]))))


def _exec_word(word: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_./:@+,=-]+", word):
        return word
    return systemd_word(word).replace("$", "$$")


def _unit_text(value: Any) -> str:
    text = _text("a systemd unit", value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise CannotQuote("a systemd unit", "a control character")
    if any(0xFDD0 <= ord(char) <= 0xFDEF or ord(char) & 0xFFFE == 0xFFFE for char in text):
        raise CannotQuote("a systemd unit", "a noncharacter of Unicode, which is no UTF-8 to systemd")
    return text


# --- shell ----------------------------------------------------------------------------------------------------------


@_telling
def quote_shell(value: Any) -> str:
    """One word for a POSIX shell; of a list or tuple, one word for each item."""
    if isinstance(value, list | tuple):
        return " ".join(quote_shell(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text("a shell", value)
    if "\0" in text:
        raise CannotQuote("a shell", "a NUL character")
    return shlex.quote(text)


# --- Dockerfile -----------------------------------------------------------------------------------------------------


def quote_dockerfile(value: Any) -> str:
    """Words in the exec form of CMD, ENTRYPOINT or HEALTHCHECK, where the builder replaces no variable; or a port."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, list | tuple):
        raise _no_spelling("a Dockerfile", value)
    words = [_text("a Dockerfile", word) for word in value]
    if any("\0" in word for word in words):
        raise CannotQuote("a Dockerfile", "a NUL character")
    return json.dumps(words, ensure_ascii=False)  # hadolint knows no \u


# --- shared ---------------------------------------------------------------------------------------------------------


def _text(language: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _no_spelling(language, value)
    if re.search("[\ud800-\udfff]", value):
        raise CannotQuote(language, "half of a surrogate pair, which is no character")
    return str(value)


def _number(language: str, value: float) -> str:
    if not isfinite(value):
        raise CannotQuote(language, "a number that is not finite")
    return repr(value)


def _json_like(language: str, value: Any, recurse: Callable[[Any], str], text: Callable[[str], str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(language, value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(recurse(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{recurse(key)}: {recurse(item)}" for key, item in value.items()) + "}"
    raise _no_spelling(language, value)


def _no_spelling(language: str, value: Any) -> CannotQuote:
    return CannotQuote(language, f"a value of the type {type(value).__name__}")
