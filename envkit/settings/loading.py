"""Loading: what the sources have becomes a validated model, or one error that names every problem."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from envkit.findings import Finding, did_you_mean
from envkit.settings.errors import SettingsError
from envkit.settings.histories import remember
from envkit.settings.model import DEVELOPMENT, ENVIRONMENT_VARIABLE, NotDevelopmentError, in_development
from envkit.settings.plan import Plan, Slot, plan_of
from envkit.settings.sources import Found, Gathered, Origin, gather, origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envkit.settings.web import WebSettings

M = TypeVar("M", bound=BaseModel)


@overload
def load_settings(
    *,
    env_files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    environ: Mapping[str, str] | None = None,
    secrets_dir: str | os.PathLike[str] | None = None,
    interpolate: bool = True,
    prefix: str | None = None,
    **overrides: Any,
) -> WebSettings: ...
@overload
def load_settings(
    model: type[M],
    /,
    *,
    env_files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    environ: Mapping[str, str] | None = None,
    secrets_dir: str | os.PathLike[str] | None = None,
    interpolate: bool = True,
    prefix: str | None = None,
    **overrides: Any,
) -> M: ...
def load_settings(
    model: type[BaseModel] | None = None,
    /,
    *,
    env_files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    environ: Mapping[str, str] | None = None,
    secrets_dir: str | os.PathLike[str] | None = None,
    interpolate: bool = True,
    prefix: str | None = None,
    **overrides: Any,
) -> BaseModel:
    """Loads and checks the settings that `model` declares.

    Sources, strongest first: `overrides`; the process environment; a file named by ``NAME_FILE``; the secrets
    directory; `.env` files, later ones first; the defaults. An empty value counts as unset.

    Args:
        model: a `Settings` class or any pydantic model; without one, the settings of a plain web app.
        env_files: one path or several, later ones win, all of which must exist; None reads `.env` in the current
            folder if it is there; `()` reads none.
        environ: what stands for the process environment; None takes the real one.
        secrets_dir: a folder whose files are named like settings; None looks into systemd's $CREDENTIALS_DIRECTORY
            and into /run/secrets if they are there.
        interpolate: whether `${NAME}` in `.env` files is replaced, as python-dotenv does.
        prefix: put before every name; None takes the class's own.
        **overrides: values by field name.

    Returns:
        An instance of `model`; `explain` tells where each of its values came from.

    Raises:
        SettingsError: one error with every problem; it holds no value.
        TypeError: `model` is no pydantic model.
    """
    if model is None:
        from envkit.settings.web import WebSettings

        model = WebSettings
    given: object = model
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise TypeError("load_settings takes a settings class: a subclass of envkit.Settings or pydantic.BaseModel")
    environ = os.environ if environ is None else environ
    paths = (env_files,) if isinstance(env_files, (str, os.PathLike)) else env_files
    plan = plan_of(model, prefix)
    gathered = gather(plan, environ=environ, env_files=paths, secrets_dir=secrets_dir, interpolate=interpolate)
    settings, problems = load_gathered(plan, gathered, environ, overrides)
    # Whoever prints this frame's variables with a traceback must find no value here.
    del environ, overrides, gathered
    if settings is None:
        raise SettingsError(model.__name__, problems)
    return settings


def load_gathered(
    plan: Plan, gathered: Gathered, environ: Mapping[str, str], overrides: dict[str, Any]
) -> tuple[BaseModel | None, list[Finding]]:
    """The settings that the sources had, or None and every problem.

    Args:
        plan: of the model.
        gathered: by `sources.gather` for this plan.
        environ: what stands for the process environment.
        overrides: values by field name.
    """
    problems: dict[int, list[Finding]] = {}
    data = _assemble(plan, gathered, overrides, problems)
    if plan.development:
        _apply_development_defaults(plan, gathered, environ, data, problems)

    settings, rejected, broken = _validate(plan, data)
    if isinstance(broken, NotDevelopmentError) and _is_development(environ, gathered):
        # A default within a list's models or behind another default, which the plan does not see.
        token = in_development.set(True)
        settings, rejected, broken = _validate(plan, data)
        in_development.reset(token)
    if broken is not None:
        from envkit.settings.rejections import broken_check

        problems.setdefault(_OUTSIDE, []).append(broken_check(plan, broken))
    for details in rejected:
        _add_rejection(plan, details, gathered, data, problems)

    if problems or gathered.findings:
        return None, gathered.findings + [finding for index in sorted(problems) for finding in problems[index]]
    assert settings is not None  # noqa: S101  no rejection without a finding
    remember(settings, plan, gathered)
    return settings, []


def _validate(plan: Plan, data: dict[str, Any]) -> tuple[BaseModel | None, list[Any], Exception | None]:
    """The settings, or what pydantic has against them, or what a check of the class itself broke by."""
    validate = plan.model.__pydantic_validator__.validate_python
    try:
        # Not strict, whatever the class says of Python's values: all that sources have is text.
        return validate(data, strict=False, by_alias=plan.by_alias, by_name=True), [], None
    except ValidationError as error:
        return None, error.errors(include_url=False, include_input=False), None
    except Exception as error:  # noqa: BLE001  anything may be in it, a value too
        return None, [], error


_OUTSIDE = -1
"""The index under which problems stand that belong to no slot: before all others."""


def _assemble(
    plan: Plan, gathered: Gathered, overrides: dict[str, Any], problems: dict[int, list[Finding]]
) -> dict[str, Any]:
    """Nested dictionaries for pydantic, by field names."""
    data: dict[str, Any] = {}
    found, slots = gathered.found, plan.slots
    for index in plan.containers:
        if slots[index].required:  # so that each missing setting inside it is named
            _put(data, slots[index].path, {})
    for index in sorted(found):
        item = found[index]
        slot = slots[index]
        value: Any = item[1]
        if slot.shape != "text":
            value, problem = _decode(slot, item)
            if problem is not None:
                problems.setdefault(index, []).append(problem)
                gathered.failed.add(index)
                continue
        path = slot.path
        if len(path) == 1:
            data[path[0]] = value
        else:
            _put(data, path, value)
    if overrides:
        _override(plan, gathered, overrides, data, problems)
    return data


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for part in path[:-1]:
        inner = data.get(part)
        if not isinstance(inner, dict):
            inner = data[part] = {}
        data = inner
    data[path[-1]] = value


def _decode(slot: Slot, item: Found) -> tuple[Any, Finding | None]:
    """A list from commas or JSON, anything else structured from JSON."""
    name, text, _, _ = item
    text = text.strip()
    if slot.shape == "list" and not (text.startswith("[") and text.endswith("]")):
        return [part for part in map(str.strip, text.split(",")) if part], None
    import json

    try:
        return json.loads(text), None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
    except RecursionError:
        place = "its depth"
    hint = 'write it with commas, or as JSON such as ["a", "b"]' if slot.shape == "list" else "write it as JSON"
    return None, Finding(str(origin_of(item)), name, f"is not valid JSON at {place}", hint)


def _override(
    plan: Plan,
    gathered: Gathered,
    overrides: dict[str, Any],
    data: dict[str, Any],
    problems: dict[int, list[Finding]],
) -> None:
    """Puts keyword overrides over what the sources had."""
    for field_name, value in overrides.items():
        index = plan.by_path.get((field_name,))
        if index is None:
            fields = [slot.path[0] for slot in plan.slots if len(slot.path) == 1]
            problems.setdefault(_OUTSIDE, []).append(
                Finding("keyword", field_name, "no such field", did_you_mean(field_name, fields))
            )
            continue
        slot = plan.slots[index]
        if isinstance(value, str) and slot.shape != "text":
            value, problem = _decode(slot, (slot.name, value, _KEYWORD, ""))  # noqa: PLW2901  one value, decoded
            if problem is not None:
                problems.setdefault(index, []).append(problem)
                continue
        covered = [i for i, other in enumerate(plan.slots) if other.path[: len(slot.path)] == slot.path]
        for i in covered:
            if i in gathered.found:
                gathered.overrode.setdefault(i, []).insert(0, origin_of(gathered.found.pop(i)))
            gathered.failed.discard(i)
            problems.pop(i, None)
        gathered.found[index] = (slot.name, "", _KEYWORD, "")
        data[field_name] = value


_KEYWORD = Origin("keyword")


def _apply_development_defaults(
    plan: Plan,
    gathered: Gathered,
    environ: Mapping[str, str],
    data: dict[str, Any],
    problems: dict[int, list[Finding]],
) -> None:
    """Takes the defaults fit only for development in development; elsewhere each is a problem."""
    development = _is_development(environ, gathered)
    for index, slot in enumerate(plan.slots):
        if not slot.development or index in gathered.found or index in gathered.failed:
            continue
        inside: Any = data
        for part in slot.path[:-1]:
            inside = inside.get(part, {}) if isinstance(inside, dict) else {}
        if isinstance(inside, dict) and slot.path[-1] in inside:  # given as part of a nested model's JSON
            continue
        if len(slot.path) > 1 and not inside and not _is_wanted(plan, slot, data):
            continue
        _put(data, slot.path, slot.field.default_factory.value)  # type: ignore[union-attr]  # a DevelopmentOnly
        if not development:
            from envkit.settings.blanks import blank_of

            blank = blank_of(plan, index, gathered)
            gathered.failed.add(index)
            problems.setdefault(index, []).append(
                Finding(
                    blank.origin if blank else plan.model.__name__,
                    blank.name if blank else slot.name,
                    f"{blank.problem if blank else 'is not set'}, and its default is fit only for development",
                    f"set {slot.name} in the environment, name its file in {slot.name}_FILE, "
                    f"or say {ENVIRONMENT_VARIABLE}={DEVELOPMENT}",
                )
            )


def _is_wanted(plan: Plan, slot: Slot, data: dict[str, Any]) -> bool:
    """Whether the nested model around `slot` is going to be made: not an optional one that nobody set."""
    outer = plan.slots[plan.by_path[slot.path[:1]]]
    return outer.required or outer.path[0] in data or outer.field.default_factory is outer.annotation


def _is_development(environ: Mapping[str, str], gathered: Gathered) -> bool:
    word = environ.get(ENVIRONMENT_VARIABLE) or next(
        (value for file in reversed(gathered.env_files) if (value := file.parsed.values.get(ENVIRONMENT_VARIABLE))),
        "",
    )
    return word == DEVELOPMENT


def _add_rejection(
    plan: Plan,
    details: Any,
    gathered: Gathered,
    data: dict[str, Any],
    problems: dict[int, list[Finding]],
) -> None:
    """Adds what pydantic says of one place, unless a better message stands there already."""
    from envkit.settings.rejections import rejection

    index = _slot_at(plan, details["loc"])
    if index in gathered.failed:
        return
    if any(failed in gathered.failed for failed in _inside(plan, index)):
        return
    finding = rejection(plan, index, details, gathered, data)
    known = problems.setdefault(_OUTSIDE if index is None else index, [])
    if finding not in known:
        known.append(finding)


def _slot_at(plan: Plan, location: tuple[str | int, ...]) -> int | None:
    """The slot of the innermost field that `location` passes through."""
    best = None
    for length in range(1, len(location) + 1):
        best = plan.by_location.get(tuple(map(str, location[:length])), best)
    return best


def _inside(plan: Plan, index: int | None) -> list[int]:
    if index is None:
        return []
    path = plan.slots[index].path
    return [i for i, slot in enumerate(plan.slots) if slot.path[: len(path)] == path and i != index]
