"""Heroku's config vars: a script of `heroku config:set` commands, and the file that `heroku local` reads."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import NameRule
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried, to_a_file
from envkit.channels.shell_words import BeyondError, commands, quote
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RULES = (
    (
        "Each argument NAME=value of heroku config:set is one config var, exactly as it is, line breaks too; all "
        "in one command make one release and one restart (devcenter.heroku.com, Config Vars)."
    ),
    "All names and values of an app together may have 32 kB (devcenter.heroku.com, Limits).",
    (
        "A name holds letters, digits and _, with no digit first; it does not begin with __ or HEROKU_ "
        "(devcenter.heroku.com, Config Vars)."
    ),
    (
        "The command shows the values that it has set on the terminal: send its output to /dev/null in CI. They "
        "stand in its arguments: other users of the machine can see them while it runs (ps)."
    ),
    "Heroku sets PORT and DYNO itself in every dyno.",
    "Also read: the output of heroku config --json.",
)
LOCAL_RULES = (
    (
        "A file that is one JSON object is read as such; names are taken in upper case, nested ones joined by _ "
        "(foreman 3.0.1, lib/envs.js)."
    ),
    "Any other file is read as NAME=value lines, trimmed; lines of fewer than three characters are dropped.",
    (
        "A value that begins with ' or \" ends at the next one, which must be on the same line: else the program "
        "stops. Any other ends before the first # and the blanks before that."
    ),
    "There is no escape, and no line break in the NAME=value form. The file wins over the environment.",
)

LONGEST_TOTAL = 32 * 1024
"""Bytes of all names and values of one app."""

_NAME = NameRule(
    re.compile(r"(?!__|HEROKU_)[A-Za-z_][A-Za-z0-9_]*"),
    "a config var's name must consist of letters, digits and _, and not begin with a digit, __ or HEROKU_",
    "rename the setting",
)
_LOCAL_NAME = NameRule(
    re.compile(r"[A-Z_][A-Z0-9_]*"),
    "heroku local takes names in upper case only",
    "rename the setting in upper case",
)


class Heroku:
    """A script of one `heroku config:set` command."""

    name = "heroku"
    summary = "a script of one command: heroku config:set NAME=VALUE …"
    reader = "heroku 10 and 11 behind a POSIX shell, and the Heroku platform"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses names that the platform keeps for itself, and what alone is over its limit."""
        refusal = _NAME.refuse(name) or refuse_not_text(value)
        if refusal is None and len(name) + len(value.encode()) > LONGEST_TOTAL:
            return Refusal("the setting is longer than the 32 kB that an app's config vars can take", to_a_file(name))
        return refusal

    def write(self, settings: Mapping[str, str]) -> str:
        """A POSIX shell script; the app is the one of the folder's git remote, or of ``HEROKU_APP``.

        Raises:
            ValueError: a value is refused, or all together are over the platform's limit; the message holds no value.
        """
        require_carried(self, settings)
        total = sum(len(name) + len(value.encode()) for name, value in settings.items())
        if total > LONGEST_TOTAL:
            raise ValueError(
                f"heroku: all settings together have {total:,} bytes, and an app's config vars can have "
                f"{LONGEST_TOTAL:,}. put the longest into a file or a service of its own"
            )
        if not settings:
            return ""
        arguments = "".join(f" \\\n  {quote(f'{name}={value}')}" for name, value in settings.items())
        return f"heroku config:set{arguments}\n"

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """The config vars that the commands set, or those in the output of ``heroku config --json``."""
        if text.lstrip().startswith("{"):
            return _read_json(text)
        bindings: list[Binding] = []
        findings: list[Finding] = []
        try:
            for words in commands(text):
                arguments = [word.text() for word in words]
                if arguments[:2] != ["heroku", "config:set"]:
                    findings.append(_finding(words[0].line, "not a command heroku config:set", "not-an-assignment"))
                    continue
                for word, argument in zip(words[2:], arguments[2:], strict=True):
                    if argument is None:
                        findings.append(_finding(word.line, "a value that the shell expands", "expands"))
                        continue
                    name, equals, value = argument.partition("=")
                    if equals and _NAME.pattern.fullmatch(name):
                        bindings.append(Binding(name, value, word.line))
                    else:
                        findings.append(_finding(word.line, "an argument that is no NAME=value", "malformed"))
        except BeyondError as error:
            return Reading(bindings, [*findings, _finding(error.line, error.problem, error.rule)], fatal=True)
        return Reading(bindings, findings)


class HerokuLocal:
    """The file that `heroku local` reads, as a JSON object."""

    name = "heroku-local"
    summary = ".env of heroku local, as a JSON object"
    reader = "heroku local (node-foreman 3)"
    rules = LOCAL_RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses only names that change their case."""
        return _LOCAL_NAME.refuse(name) or refuse_not_text(value) or refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One JSON object, a line for each setting.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return json.dumps(dict(settings), indent=2, ensure_ascii=False) + "\n"

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the started processes get."""
        found = _json_object(text)
        return _read_lines(text) if found is _NO_JSON else _read_local_json(text, found)


# ECMAScript's \s and line terminators (ECMA-262), as in the module npm_dotenv.
_JS_LINE_END = "\n\r\u2028\u2029"
_JS_SPACE = "\t\x0b\x0c \xa0\u1680\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B))) + _JS_LINE_END
_JS_LINE_START = f"(?:\\A|(?<=[{_JS_LINE_END}]))"
_REMOVED = "\ud800"
"""Stands for a line end that foreman removes, so that lines keep their numbers; no decoded file holds it."""
_COMMENT_LINE = re.compile(f"{_JS_LINE_START}[{_JS_SPACE}]*#[^{_JS_LINE_END}]*(?=[{_JS_LINE_END}]|\\Z)")
_BLANK_LINE = re.compile(f"{_JS_LINE_START}[{_JS_SPACE}{_REMOVED}]*(?=[{_JS_LINE_END}]|\\Z)")
_COMMENT = re.compile(f"[{_JS_SPACE}]*#[^{_JS_LINE_END}]*\\Z")
_QUOTED = {quote: re.compile(f"{quote}([^{quote}]*){quote}") for quote in ("'", '"')}
_MOST_EXACT = 2**53


def _read_lines(text: str) -> Reading:
    bindings: list[Binding] = []
    findings: list[Finding] = []
    for pattern in (_COMMENT_LINE, _BLANK_LINE):
        text = pattern.sub(_without_line_ends, text)
    following = 1
    for line in text.split("\n"):
        number = following + len(line) - len(line.lstrip(_REMOVED))
        following += 1 + line.count(_REMOVED)
        trimmed = line.replace(_REMOVED, "").strip(_JS_SPACE)
        # JavaScript counts a character beyond U+FFFF as two.
        if len(trimmed) < 3 and len(trimmed) + sum(character > "\uffff" for character in trimmed) < 3:
            if trimmed:
                findings.append(_finding(number, "fewer than three characters, which are dropped", "too-short"))
            continue
        name, _, value = trimmed.partition("=")
        name, value = name.strip(_JS_SPACE), value.strip(_JS_SPACE)
        if value[:1] in _QUOTED:
            quoted = _QUOTED[value[0]].match(value)
            if quoted is None:
                findings.append(_finding(number, "a quote that does not close on its line", "unclosed-quote"))
                return Reading(bindings, findings, fatal=True)
            value = quoted[1]
        elif "#" in value:
            value = _COMMENT.sub("", value, count=1)
        bindings.append(Binding(name, value, number))
    return Reading(bindings, findings)


def _without_line_ends(found: re.Match[str]) -> str:
    return _REMOVED * (found.group().count("\n") + found.group().count(_REMOVED))


def _read_json(text: str) -> Reading:
    """A flat object, as ``heroku config --json`` prints it."""
    found = _json_object(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return Reading([], [_finding(1, "no JSON object of texts", "malformed")], fatal=True)
    return Reading([Binding(name, value, line) for name, value, line in _with_lines(found, text)], [])


def _read_local_json(text: str, found: object) -> Reading:
    bindings: list[Binding] = []
    findings: list[Finding] = []
    for path, value, line in _with_lines(_flat(found), text):
        name = path.upper()
        if isinstance(value, bool):
            bindings.append(Binding(name, "true" if value else "false", line))
        elif isinstance(value, int) and abs(value) <= _MOST_EXACT:
            bindings.append(Binding(name, str(value), line))
        elif isinstance(value, str):
            bindings.append(Binding(name, value, line))
        else:
            findings.append(_finding(line, "a number that JavaScript writes in its own way", "number"))
    return Reading(bindings, findings)


def _flat(found: object, prefix: str = "") -> dict[str, object]:
    items: Iterable[tuple[str, object]] = ()
    if isinstance(found, dict):
        items = found.items()
    elif isinstance(found, list | str):
        # A text that is the whole document is taken apart into its characters, as JavaScript's for … in does.
        items = ((str(index), value) for index, value in enumerate(found))
    flat: dict[str, object] = {}
    for key, value in items:
        path = f"{prefix}{key}"
        if value is None or isinstance(value, dict | list):
            flat.update(_flat(value, f"{path}_"))
        else:
            flat[path] = value
    return flat


def _with_lines(found: Mapping[str, Any], text: str) -> Iterator[tuple[str, Any, int]]:
    """The items, each with the line on which its name seems to stand; names are searched in their order."""
    position, counted, line = 0, 0, 1
    for name, value in found.items():
        position = max(position, text.find(json.dumps(name, ensure_ascii=False), position))
        line += text.count("\n", counted, position)
        counted = position
        yield name, value, line


def _json_object(text: str) -> object:
    """The JSON value; `_NO_JSON` if it is none."""
    try:
        found: object = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return _NO_JSON
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _finding(line: int, problem: str, rule: str) -> Finding:
    return Finding(f"line {line}", "", problem, rule=rule)


_NO_JSON = object()

CHANNEL = Heroku()
LOCAL = HerokuLocal()
