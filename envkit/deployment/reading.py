"""Reading the description: from `envkit.toml` or `[tool.envkit]` and the environment to a checked `Deployment`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from envkit.deployment.checks import check
from envkit.deployment.description_file import PROJECT_FILE, find_file, parse, text_of
from envkit.deployment.errors import DescriptionError, Place, dotted
from envkit.deployment.fields import Key, all_tables, keys_of
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.deployment.model import FILE, Deployment
from envkit.deployment.overrides import Override, dig, find_overrides
from envkit.deployment.scalars import read_scalar, type_of
from envkit.findings import Finding, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["DescriptionError", "load_description", "read_description"]

_PROJECT_TABLE = ("tool", "envkit")


def load_description(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Deployment:
    """The description in `path`, or in the current folder's `envkit.toml` or `pyproject.toml` ([tool.envkit]).

    Every key can be overridden by `environ`, as `ENVKIT_HTTP__DOMAINS`.

    Raises:
        DescriptionError: with every problem at once, each with the line or the variable it comes from.
    """
    file, inside = find_file() if path is None else (path, path.name == PROJECT_FILE)
    return read_description(text_of(file), environ, origin=str(file), inside_project=inside)


def read_description(
    text: str, environ: Mapping[str, str], *, origin: str = FILE, inside_project: bool = False
) -> Deployment:
    """The description that stands in `text`; `inside_project`: in its table [tool.envkit].

    Raises:
        DescriptionError: with every problem at once.
    """
    raw = parse(text, origin)
    root: tuple[str, ...] = _PROJECT_TABLE if inside_project else ()
    raw = dig(raw, root)
    if inside_project and not raw:
        raise DescriptionError([Finding(origin, "", "has no table [tool.envkit]", "run `envkit init`")])
    reader = _Reader(origin, text, root)
    deployment = reader.read(raw, environ)
    if deployment is None or reader.findings:
        raise DescriptionError(reader.findings)
    return replace(deployment, origin=origin)


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
            self._add(place, f"must be a table, not {type_of(raw)}")
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
            return read_scalar(key, raw)
        except Wrong as wrong:
            self._add(place, wrong.problem, wrong.hint)
        return None

    def _list(self, key: Key, raw: Any, place: Place) -> Any:
        if not isinstance(raw, list):
            self._add(place, f"must be a list, not {type_of(raw)}", "write it in brackets")
            return None
        values = []
        for index, item in enumerate(raw):
            try:
                if not isinstance(item, str):
                    raise Wrong(f"must be text, not {type_of(item)}")  # noqa: TRY301 - one place reports both
                values.append(KINDS[key.kind].read(item))
            except Wrong as wrong:
                self._add((*place, index), wrong.problem, wrong.hint)
        return tuple(values)

    def _tables(self, key: Key, raw: Any, place: Place) -> Any:
        if not isinstance(raw, dict):
            self._add(place, f"must be a table, not {type_of(raw)}")
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


def _meant(name: str, place: Place, table: type[Any]) -> str:
    """The key of this table that was probably meant, or the table in which a key of this name belongs."""
    if hint := did_you_mean(name, list(keys_of(table))):
        return hint
    homes = [".".join(path) for path, other in all_tables().items() if path and name in keys_of(other)]
    here = ".".join(str(part) for part in place)
    return f"it belongs in [{homes[0]}]" if len(homes) == 1 and homes[0] != here and "*" not in homes[0] else ""


def _first_sentence(doc: str) -> str:
    return doc.split(". ", 1)[0].rstrip(".").replace("\n", " ")
