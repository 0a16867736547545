"""Reading the description: from `envkit.toml` or `[tool.envkit]` and the environment to a checked `Deployment`."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envkit.deployment.checks import check
from envkit.deployment.errors import DescriptionError, Place, dotted
from envkit.deployment.fields import Key, all_tables, keys_of
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS, read_command
from envkit.deployment.model import Deployment
from envkit.deployment.overrides import Override, dig, find_overrides
from envkit.findings import Finding, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DescriptionError", "load_description", "read_description"]

FILE = "envkit.toml"
_PROJECT_FILE = "pyproject.toml"
_PROJECT_TABLE = ("tool", "envkit")
_MAX_BYTES = 1024 * 1024


def load_description(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Deployment:
    """The description in `path`, or in the current folder's `envkit.toml` or `pyproject.toml` ([tool.envkit]).

    Every key can be overridden by `environ`, as `ENVKIT_HTTP__DOMAINS`.

    Raises:
        DescriptionError: with every problem at once, each with the line or the variable it comes from.
    """
    file, inside = _find() if path is None else (path, path.name == _PROJECT_FILE)
    return read_description(_text_of(file), environ, origin=str(file), inside_project=inside)


def read_description(
    text: str, environ: Mapping[str, str], *, origin: str = FILE, inside_project: bool = False
) -> Deployment:
    """The description that stands in `text`; `inside_project`: in its table [tool.envkit].

    Raises:
        DescriptionError: with every problem at once.
    """
    raw = _parse(text, origin)
    root: tuple[str, ...] = _PROJECT_TABLE if inside_project else ()
    raw = dig(raw, root)
    if inside_project and not raw:
        raise DescriptionError([Finding(origin, "", "has no table [tool.envkit]", "run `envkit init`")])
    reader = _Reader(origin, text, root)
    deployment = reader.read(raw, environ)
    if deployment is None or reader.findings:
        raise DescriptionError(reader.findings)
    return deployment


# --- the file -------------------------------------------------------------------------------------------------------


def _find() -> tuple[Path, bool]:
    own, project = Path(FILE), Path(_PROJECT_FILE)
    in_project = project.is_file() and _mentions_envkit(project)
    if own.exists() and in_project:
        raise DescriptionError(
            [Finding(FILE, "", "pyproject.toml has a table [tool.envkit] as well", "keep one description")]
        )
    if own.exists() or not in_project:
        return own, False
    return project, True


def _mentions_envkit(project: Path) -> bool:
    try:
        text = project.read_bytes()
    except OSError:
        return False
    return re.search(rb"(?m)^\s*\[\s*tool\s*\.\s*[\"']?envkit[\"']?\s*[.\]]", text) is not None


def _text_of(file: Path) -> str:
    problem, hint = "", ""
    try:
        with file.open("rb") as stream:  # which may be a pipe, such as <(…) of a shell
            data = stream.read(_MAX_BYTES + 1)
        if len(data) <= _MAX_BYTES:
            return data.decode("utf-8-sig")
        problem = "is larger than 1 MiB, too large for a description"
    except FileNotFoundError:
        problem, hint = "no such file", "run `envkit init` to write one" if file.name == FILE else ""
    except IsADirectoryError:
        problem = "is a directory"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start + 1})"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise DescriptionError([Finding(str(file), "", problem, hint)])


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem, line = "is not TOML: it is nested too deeply", ""
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        problem, line = _syntax_problem(error, text)
    hint = 'text stands in straight double quotes: "text"' if problem.endswith(": invalid value") else ""
    raise DescriptionError([Finding(origin + line, "", problem, hint)])


def _syntax_problem(error: ValueError, text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
    if not isinstance(error, tomllib.TOMLDecodeError) or not found:
        return "is not TOML: a number has too many digits", ""
    if not found[2]:
        return "is not TOML: the value that begins here never ends", f":{_line_of_the_unended(text)}"
    return f"is not TOML: {found[1][:1].lower()}{found[1][1:]}", f":{found[2]}"


def _line_of_the_unended(text: str) -> int:
    """The line behind the longest beginning of the file that is TOML; the parser tells only where the file ends."""
    lines = text.splitlines(keepends=True)
    for count in range(len(lines) - 1, 0, -1):
        try:
            tomllib.loads("".join(lines[:count]))
        except ValueError:
            continue
        return count + 1
    return 1


# --- the values -----------------------------------------------------------------------------------------------------


class _Reader:
    """Builds the model from raw values, and collects what is wrong on the way."""

    def __init__(self, origin: str, text: str, root: tuple[str, ...]) -> None:
        self.findings: list[Finding] = []
        self._origin = origin
        self._text = text
        self._root = root
        self._lines: dict[Place, int] | None = None
        self._overrides: dict[tuple[str, ...], Override] = {}

    def read(self, raw: dict[str, Any], environ: Mapping[str, str]) -> Deployment | None:
        overrides, findings = find_overrides(environ, raw)
        self._overrides = {override.path: override for override in overrides}
        deployment: Deployment | None = self._table(Deployment, _overlaid(raw, overrides), ())
        self.findings += findings
        if deployment is not None and not self.findings:
            problems = check(deployment, environ, given=self._is_given(raw), overridden=self._overrides)
            for problem in problems:
                self._add(problem.place, problem.text, problem.hint, problem.variable)
        return deployment

    def _table(self, table: type[Any], raw: Any, place: Place) -> Any:
        """An instance of the table's dataclass, or None where a required key is missing or wrong."""
        if not isinstance(raw, dict):
            self._add(place, f"must be a table, not {_type_of(raw)}")
            return None
        keys = keys_of(table)
        for name in raw:
            if name not in keys:
                self._add((*place, name), "unknown key", _meant(name, place, table))
        values: dict[str, Any] = {}
        complete = True
        for key in keys.values():
            if key.name in raw:
                value = self._value(key, raw[key.name], (*place, key.name))
                if value is not None:
                    values[key.name] = value
                    continue
            if key.required:
                complete = False
                if key.name not in raw:
                    self._add((*place, key.name), "is missing", _first_sentence(key.doc))
        return table(**values) if complete else None

    def _value(self, key: Key, raw: Any, place: Place) -> Any:
        """The value in its normal form, or None after a finding."""
        if key.shape == "table":
            return self._table(key.table or Deployment, raw, place)
        if key.shape == "tables":
            return self._tables(key, raw, place)
        if key.shape == "list":
            return self._list(key, raw, place)
        try:
            return _scalar(key, raw)
        except Wrong as wrong:
            self._add(place, wrong.problem, wrong.hint)
        return None

    def _list(self, key: Key, raw: Any, place: Place) -> Any:
        if not isinstance(raw, list):
            self._add(place, f"must be a list, not {_type_of(raw)}", "write it in brackets")
            return None
        values = []
        for index, item in enumerate(raw):
            try:
                if not isinstance(item, str):
                    raise Wrong(f"must be text, not {_type_of(item)}")  # noqa: TRY301 - one place reports both
                values.append(KINDS[key.kind].read(item))
            except Wrong as wrong:
                self._add((*place, index), wrong.problem, wrong.hint)
        return tuple(values)

    def _tables(self, key: Key, raw: Any, place: Place) -> Any:
        if not isinstance(raw, dict):
            self._add(place, f"must be a table, not {_type_of(raw)}")
            return None
        entries = {}
        for name, item in raw.items():
            try:
                entry = KINDS[key.kind].read(name)
            except Wrong as wrong:
                self._add((*place, name), f"the name {wrong.problem}", wrong.hint)
                continue
            built = self._table(key.table or Deployment, item, (*place, name))
            if built is not None:
                entries[entry] = built
        return entries

    # --- where ---

    def _add(self, place: Place, problem: str, hint: str = "", variable: str = "") -> None:
        if variable:
            self.findings.append(Finding("environment", variable, problem, hint))
            return
        for depth in range(len(place), 0, -1):
            override = self._overrides.get(place[:depth])  # type: ignore[arg-type] # an index is in no override
            if override is not None:
                below = dotted(place[depth:])
                words = f"{below}: {problem}" if below and not below.startswith("[") else problem
                self.findings.append(Finding("environment", override.variable, words, hint))
                return
        line = self._line((*self._root, *place))
        origin = f"{self._origin}:{line}" if line else self._origin
        self.findings.append(Finding(origin, dotted(place), problem, hint))

    def _line(self, place: Place) -> int | None:
        """The line of the key, or of the nearest table around it that stands in the file."""
        if self._lines is None:
            from envkit.deployment.lines import lines_of

            self._lines = lines_of(self._text)
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place)

    def _is_given(self, raw: dict[str, Any]) -> Callable[..., bool]:
        def is_given(*place: str) -> bool:
            below: Any = raw
            for part in place:
                if not isinstance(below, dict) or part not in below:
                    return place in self._overrides
                below = below[part]
            return True

        return is_given


def _overlaid(raw: dict[str, Any], overrides: list[Override]) -> dict[str, Any]:
    """The raw values with each override in its place; nothing of `raw` is changed."""
    result = dict(raw)
    for override in overrides:
        level = result
        for part in override.path[:-1]:
            below = level.get(part)
            if below is not None and not isinstance(below, dict):
                break  # the file has a wrong shape there, which is reported
            level[part] = dict(below or {})
            level = level[part]
        else:
            level[override.path[-1]] = override.value
    return result


_WORDS = {"text": "text", "whole": "a whole number", "number": "a number", "boolean": "true or false"}
_TYPES: dict[str, tuple[type[Any], ...]] = {
    "text": (str,),
    "choice": (str,),
    "whole": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "command": (str, list),
}


def _scalar(key: Key, raw: Any) -> Any:
    kind = KINDS.get(key.kind)
    wanted = _TYPES[key.shape] + ((str,) if kind and kind.units else ())
    if not isinstance(raw, wanted) or (isinstance(raw, bool) and key.shape != "boolean"):
        raise Wrong(*_wrong_type(key, raw))
    if key.shape == "choice":
        if raw not in key.choices:
            raise Wrong(f"must be one of {', '.join(key.choices)}", did_you_mean(raw, key.choices))
        return raw
    if key.shape == "command":
        if isinstance(raw, list) and not all(isinstance(word, str) for word in raw):
            raise Wrong("must be a list of text alone")
        return read_command(raw)
    return kind.read(raw) if kind else raw


def _wrong_type(key: Key, raw: Any) -> tuple[str, str]:
    if key.shape == "choice":
        return f"must be one of {', '.join(key.choices)}, not {_type_of(raw)}", ""
    if key.shape == "command":
        return f"must be a list of text, or one line, not {_type_of(raw)}", ""
    kind = KINDS.get(key.kind)
    if kind and kind.units:
        return f"must be a {key.kind}, as text with a unit or a plain number, not {_type_of(raw)}", ""
    hint = ""
    if key.shape == "text" and isinstance(raw, int | float) and not isinstance(raw, bool):
        hint = "write it in quotes"
    if key.shape == "boolean" and isinstance(raw, str):
        hint = "write true or false without quotes"
    if key.shape in {"whole", "number"} and isinstance(raw, str):
        hint = "write the number without quotes"
    return f"must be {_WORDS[key.shape]}, not {_type_of(raw)}", hint


def _type_of(raw: Any) -> str:
    names = {
        str: "text",
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        list: "a list",
        dict: "a table",
        type(None): "null",
    }
    return names.get(type(raw), "a date or time")


def _meant(name: str, place: Place, table: type[Any]) -> str:
    """The key of this table that was probably meant, or the table in which a key of this name belongs."""
    if hint := did_you_mean(name, list(keys_of(table))):
        return hint
    homes = [".".join(path) for path, other in all_tables().items() if path and name in keys_of(other)]
    here = ".".join(str(part) for part in place)
    return f"it belongs in [{homes[0]}]" if len(homes) == 1 and homes[0] != here and "*" not in homes[0] else ""


def _first_sentence(doc: str) -> str:
    return doc.split(". ", 1)[0].rstrip(".").replace("\n", " ")
