"""How Docker Compose 2 reads `env_file` and a project's `.env`.

Source: compose-spec/compose-go 2 `dotenv/parser.go`, `dotenv/godotenv.go`. Checked against Compose 2.26 and 2.40.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import category

from envkit.channels.channel import Binding, Reading
from envkit.channels.compose_template import MisreadError, substitute
from envkit.channels.raw_lines import GO_SPACE
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_GAP = re.compile(f"[{GO_SPACE}]*")
_BLANKS = re.compile("[\t\x0b\x0c\r \x85\xa0]*")
_EXPORT = re.compile("export[\t\n\x0c\r ]")
_NAME = re.compile("[A-Za-z0-9_.\\-\\[\\]\t\x0b\x0c\r \x85\xa0]*")
_QUOTED = {"'": re.compile(r"[^'\\]*(?:\\.[^'\\]*)*", re.DOTALL), '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)}
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_MEANINGS = {
    r"\a": "\a",
    r"\b": "\b",
    r"\f": "\f",
    r"\n": "\n",
    r"\r": "\r",
    r"\t": "\t",
    r"\v": "\v",
    r"\"": '"',
    "\\\\": "\\",
    r"\$": "$$",
}


def read(text: str, environ: Mapping[str, str]) -> Reading:
    """The variables of the file; the first thing that Compose does not understand is fatal.

    `environ` is Compose's own environment: it goes before the file's earlier lines where ``$NAME`` is replaced, and
    gives a bare name its value.
    """
    text = text.removeprefix("\ufeff")
    bindings: list[Binding] = []
    known: dict[str, str] = {}
    position, line, counted = 0, 1, 0

    def lookup(name: str) -> str | None:
        return environ[name] if name in environ else known.get(name)

    try:
        while (start := _statement_start(text, position)) < len(text):
            line += text.count("\n", counted, start)
            counted = start
            name, position, bare = _name(text, start)
            if bare:
                value = environ.get(name)
                if name and (value is not None or name not in known):
                    bindings.append(Binding(name, value, line))
            else:
                value, position = _value(text, position, lookup)
                bindings.append(Binding(name, value, line))
            if value is not None:
                known[name] = value
    except MisreadError as error:
        problem, hint, rule = error.problem, error.hint, error.rule
    else:
        return Reading(bindings, [])
    return Reading(bindings, [Finding(f"line {line}", "", problem, hint, rule=rule)], fatal=True)


def _statement_start(text: str, position: int) -> int:
    while True:
        match = _GAP.match(text, position)
        position = position if match is None else match.end()
        if text[position : position + 1] != "#":
            return position
        position = _line_end(text, position)


def _name(text: str, start: int) -> tuple[str, int, bool]:
    """The name, where its value begins or the next statement, and whether it is a bare name."""
    position = start
    if _EXPORT.match(text, start):
        position = _end_of(_BLANKS, text, start + len("export"))
    if position == len(text):
        raise MisreadError("export without a name", "write NAME=value", "no-name")
    begin, position = position, _end_of(_NAME, text, position)
    while (character := text[position : position + 1]) not in {"=", ":", "\n", ""}:
        if category(character)[0] not in "LN":
            raise MisreadError("a character that no name can have", "write NAME=value, in quotes", "bad-name")
        position = _end_of(_NAME, text, position + 1)
    if not character:
        # A bare name at the end of a file without a final line end: Compose takes it for the value of a variable
        # without a name.
        return "", _end_of(_BLANKS, text, begin), False
    name = text[begin:position].rstrip(GO_SPACE)
    if " " in name:
        raise MisreadError("a blank in the name", "write NAME=value", "blank-in-name")
    return name, _end_of(_BLANKS, text, position + 1), character == "\n"


def _value(text: str, position: int, lookup: Callable[[str], str | None]) -> tuple[str, int]:
    """The value that begins at `position`, and where the next statement begins."""
    quote = text[position : position + 1]
    if quote not in _QUOTED:
        end = _line_end(text, position)
        value = text[position:end].partition(" #")[0].rstrip(GO_SPACE)
        return substitute(value, lookup), end
    end = _end_of(_QUOTED[quote], text, position + 1)
    if text[end : end + 1] != quote:
        raise MisreadError("a quote that is not closed", f"close it, or write \\{quote} inside", "unclosed-quote")
    body = text[position + 1 : end]
    if quote in body:
        body = _PAIR.sub(lambda match: quote if match[1] == quote else match[0], body)
    if quote == '"':
        body = substitute(_ESCAPE.sub(_meaning, body), lookup)
    return body, end + 1


def _meaning(match: re.Match[str]) -> str:
    escape = match.group()
    known = _MEANINGS.get(escape)
    if known is not None:
        return known
    # Compose drops the 0 of an octal escape and has Go read the rest, which takes three digits up to 377 or nothing.
    digits = escape[2:]
    if escape[1] == "0" and len(digits) == 3 and digits <= "377" and not set(digits) & {"8", "9"}:
        return chr(int(digits, 8))
    return "\\" + digits if escape[1] == "0" else escape


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()
