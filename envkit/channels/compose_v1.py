"""How docker-compose 1.29 reads `env_file` and a project's `.env`: with python-dotenv 0.21.

Source: docker/compose 1.29.2 `compose/config/environment.py`; theskumar/python-dotenv 0.21.0 `parser.py`,
`variables.py`. It differs from python-dotenv 1.2 in where a quote ends, and in `NAME= # text`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading
from envkit.findings import Finding
from envkit.settings.interpolation import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

_GAP = re.compile(r"\s*")
_EXPORT = re.compile(r"export[^\S\n]+")
_NAME = re.compile(r"'([^']+)'|(?!')([^=#\s]+)")
_BLANKS = re.compile(r"[^\S\n]*")
_CLOSING = {"'": re.compile(r"(?<!\\)'"), '"': re.compile(r'(?<!\\)"')}
_ESCAPES = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"""\\([\\'"abfnrtv])""")}
_MEANINGS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LINE_END = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")


def read(text: str, environ: Mapping[str, str]) -> Reading:
    """The variables of the file with references replaced; lines that cannot be read are skipped with a finding.

    A bare name takes its value from `environ`, None if it is not there.
    """
    # The file is opened in text mode as utf-8-sig: every line end becomes LF, a byte order mark goes.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found: list[tuple[str, str | None, int]] = []
    findings: list[Finding] = []
    position, line, counted = 0, 1, 0
    while (start := _end_of(_GAP, text, position)) < len(text):
        line += text.count("\n", counted, start)
        counted = start
        name, value, position, readable = _statement(text, start)
        if not readable:
            position = min(_line_end(text, position) + 1, len(text))
            hint = "close the quote, or write NAME=value"
            findings.append(Finding(f"line {line}", "", "not readable, so skipped", hint, "warning", "malformed"))
        elif name:
            found.append((name, value, line))
    if "${" in text:
        found = resolve(found, environ, override=True)[1]
    bindings = [Binding(name, environ.get(name) if value is None else value, line) for name, value, line in found]
    return Reading(bindings, findings)


def _statement(text: str, start: int) -> tuple[str, str | None, int, bool]:
    """Name (empty for a comment), value before replacement, where reading went on or gave up, and which of the two."""
    name, value, position = "", None, _end_of(_EXPORT, text, start)
    if text[position : position + 1] != "#":
        match = _NAME.match(text, position)
        if match is None:
            return name, value, position, False
        name, position = match[1] or match[2], match.end()
    position = _end_of(_BLANKS, text, position)
    if text[position : position + 1] == "=":
        position = _end_of(_BLANKS, text, position + 1)
        quote = text[position : position + 1]
        if quote in ("'", '"'):
            closing = _closing(text, position, quote)
            if closing < 0:
                return name, value, position, False
            body = text[position + 1 : closing]
            value = _ESCAPES[quote].sub(lambda match: _MEANINGS.get(match[1], match[1]), body)
            position = closing + 1
        else:
            end = _line_end(text, position)
            value = _uncommented(text[position:end])
            position = end
    match = _LINE_END.match(text, position)
    return (name, value, position, False) if match is None else (name, value, match.end(), True)


def _closing(text: str, opening: int, quote: str) -> int:
    """Index of the closing quote: the first without a backslash before it, or else the last one of all."""
    match = _CLOSING[quote].search(text, opening + 1)
    if match is not None:
        return match.start()
    return text.rfind(quote, opening + 1)


def _uncommented(part: str) -> str:
    position = part.find("#", 1)
    while position > 0 and not part[position - 1].isspace():
        position = part.find("#", position + 1)
    return (part[:position] if position > 0 else part).rstrip()


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return position if match is None else match.end()
