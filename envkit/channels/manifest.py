"""Reading Secret and ConfigMap manifests: all of JSON, and of YAML what people write in these two.

That is: documents divided by ``---``, block mappings, values plain, in quotes on one line, or as a ``|`` block. What
goes beyond is an error that says so, never a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels import json_lines
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTRY = re.compile(
    r"""(?P<indent>\ *)(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^']|'')*)'|(?P<plain>[A-Za-z0-9_./-]+))"""
    r"""[ ]*:(?:[ \t]+(?P<value>.*))?""",
    re.VERBOSE | re.DOTALL,
)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"(?:[ \t]+#.*|[ \t]*)', re.DOTALL)
_SINGLE = re.compile(r"'((?:[^']|'')*)'(?:[ \t]+#.*|[ \t]*)", re.DOTALL)
_BLOCK = re.compile(r"\|([-+]?)(?:[ \t]+#.*|[ \t]*)")
_BLOCK_START = re.compile(r":[ \t]+\|")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_NULL = re.compile(r"~|null|Null|NULL|")
_NOT_A_STRING = re.compile(
    r"""[yYnN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF
    |[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)
    |(?=.*[0-9])[-+]?(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|<<|=""",
    re.VERBOSE,
)
_HINT = 'write KEY: "value" on one line, or have kubectl convert the manifest to JSON'


class Entry(NamedTuple):
    """One key of `data`, `stringData` or `binaryData`."""

    name: str
    value: str
    line: int


class UnreadableError(Exception):
    """The manifest is wrong, or holds YAML that is not followed here; the message holds nothing of the text."""

    def __init__(self, line: int, problem: str, hint: str = _HINT) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.hint = hint


def resources(text: str) -> Iterator[tuple[str, dict[str, list[Entry]]]]:
    """The kind of each Secret and ConfigMap, and its entries by field.

    Raises:
        UnreadableError: the text is no manifest, or not one that is followed here.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] == "{":
        yield from _from_json(text)
        return
    lines = re.split(r"\r\n|\r|\n", text)
    if lines[-1]:
        # What a | block is worth without a final line end differs between YAML readers.
        if any(_BLOCK_START.search(line) for line in lines):
            raise UnreadableError(len(lines), "no line end after the last line", "end the file with one")
    else:
        lines.pop()
    start = 0
    for number, line in enumerate([*lines, "---"]):
        if line.startswith("---"):
            found = _document(lines[start:number], start + 1)
            if found is not None:
                yield found
            start = number + 1


def _from_json(text: str) -> Iterator[tuple[str, dict[str, list[Entry]]]]:
    document = json_lines.parse(text)
    if isinstance(document, Finding):
        raise UnreadableError(int(document.origin.removeprefix("line ")), document.problem)
    items = document.get("items")
    for node in items.items() if items else [document]:
        kind = node.get("kind")
        if kind is None or kind.value not in ("Secret", "ConfigMap"):
            continue
        fields: dict[str, list[Entry]] = {}
        for field in ("data", "stringData", "binaryData"):
            mapping = node.get(field)
            if mapping is None or not isinstance(mapping.value, dict):
                continue
            fields[field] = []
            for name, member in mapping.value.items():
                if member.value is not None and member.text() is None:
                    raise UnreadableError(member.line, "the value is not a string", "put it in double quotes")
                fields[field].append(Entry(name, member.text() or "", member.line))
        yield str(kind.value), fields


def _document(lines: list[str], first: int) -> tuple[str, dict[str, list[Entry]]] | None:
    kind, field, indent, block_until = "", "", 0, 0
    fields: dict[str, list[Entry]] = {}
    for index, line in enumerate(lines):
        number = first + index
        if index < block_until or not line.strip(" \t") or line.lstrip(" \t")[0] == "#":
            continue
        match = _ENTRY.fullmatch(line)
        own_indent = len(line) - len(line.lstrip(" "))
        if own_indent and field not in ("data", "stringData", "binaryData"):
            continue
        if match is None:
            if own_indent == 0 and line[0] == "-" and field:
                continue  # a list, which no field of interest is
            raise UnreadableError(number, "YAML that is not followed here")
        name = _name(match, number)
        value = match["value"] or ""
        if not own_indent:
            field, indent = name, 0
            if name == "kind":
                kind = _scalar(value, number)
            elif name in ("data", "stringData", "binaryData"):
                if value.partition(" #")[0].strip() not in ("", "{}", "null", "~"):
                    raise UnreadableError(number, "YAML that is not followed here")
                fields[field] = []
            continue
        indent = indent or own_indent
        if own_indent != indent:
            raise UnreadableError(number, "YAML that is not followed here")
        block = _BLOCK.fullmatch(value)
        if block is None:
            fields[field].append(Entry(name, _scalar(value, number), number))
        else:
            text, block_until = _block(lines, index + 1, indent, block[1], number)
            fields[field].append(Entry(name, text, number))
    return (kind, fields) if kind in ("Secret", "ConfigMap") else None


def _name(match: re.Match[str], line: int) -> str:
    if match["double"] is not None:
        return _unescape(match["double"], line)
    if match["single"] is not None:
        return match["single"].replace("''", "'")
    if _NULL.fullmatch(match["plain"]) or _NOT_A_STRING.fullmatch(match["plain"]):
        raise UnreadableError(line, "the name is not a string to YAML", "put it in double quotes")
    return match["plain"]


def _scalar(value: str, line: int) -> str:
    if value[:1] == '"':
        match = _DOUBLE.fullmatch(value)
        if match is None:
            raise UnreadableError(line, "a quoted value over several lines")
        return _unescape(match[1], line)
    if value[:1] == "'":
        match = _SINGLE.fullmatch(value)
        if match is None:
            raise UnreadableError(line, "a quoted value over several lines")
        return match[1].replace("''", "'")
    comment = re.search(r"(?:^|[ \t])#", value)
    plain = (value[: comment.start()] if comment else value).strip(" \t")
    if _NULL.fullmatch(plain):
        return ""
    if _NOT_A_STRING.fullmatch(plain):
        raise UnreadableError(line, "the value is not a string to YAML", "put it in double quotes")
    if plain[0] in "&*!|>%@`{[]},?-:" and (plain[0] not in "?-:" or plain[1:2] in ("", " ")):
        raise UnreadableError(line, "YAML that is not followed here")
    if ": " in plain or plain[-1] == ":":
        raise UnreadableError(line, "YAML that is not followed here")
    return plain


def _unescape(body: str, line: int) -> str:
    def meaning(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            code = int(escape[1:], 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise UnreadableError(line, "an escape that is no character")
            return chr(code)
        if escape not in _ESCAPES:
            raise UnreadableError(line, "an escape that YAML does not know")
        return _ESCAPES[escape]

    return _ESCAPE.sub(meaning, body) if "\\" in body else body


def _block(lines: list[str], start: int, parent: int, chomping: str, number: int) -> tuple[str, int]:
    """The text of a literal block, and the index of the line after it."""
    depth, end = 0, start
    kept: list[str] = []
    for end in range(start, len(lines) + 1):
        line = lines[end] if end < len(lines) else None
        if line is None:
            break
        if not line.strip(" "):
            kept.append(line[depth:] if depth else "")
            continue
        indent = len(line) - len(line.lstrip(" "))
        depth = depth or indent
        if indent <= parent:
            break
        if indent < depth:
            raise UnreadableError(number, "YAML that is not followed here")
        kept.append(line[depth:])
    while kept and not kept[-1] and chomping != "+":
        kept.pop()
    text = "\n".join(kept)
    return (text if chomping == "-" or not kept else text + "\n"), end
