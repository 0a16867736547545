"""Loading: what the sources have becomes a validated model, or one error that names every problem."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from envkit.settings.assembling import Problems, assemble
from envkit.settings.errors import SettingsError
from envkit.settings.histories import remember
from envkit.settings.model import NotDevelopmentError, in_development
from envkit.settings.plan import Plan, plan_of
from envkit.settings.sources import Gathered, gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envkit.findings import Finding
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
        TypeError: `model` is no pydantic model, or it or a model within is of pydantic-settings.
    """
    if model is None:
        from envkit.settings.web import WebSettings

        model = WebSettings
    given: object = model
    if not (isinstance(given, type) and issubclass(given, BaseModel)):
        raise TypeError("load_settings takes a settings class: a subclass of envkit.Settings or pydantic.BaseModel")
    plan = plan_of(model, prefix)
    environ = os.environ if environ is None else environ
    paths = (env_files,) if isinstance(env_files, (str, os.PathLike)) else env_files
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
    problems: Problems = {}
    data = assemble(plan, gathered, overrides, problems)
    if plan.development:
        from envkit.settings.development import apply_development_defaults

        apply_development_defaults(plan, gathered, environ, data, problems)

    settings, rejected, broken = _validate(plan, data)
    if isinstance(broken, NotDevelopmentError):
        from envkit.settings.development import is_development

        if is_development(environ, gathered):
            # A default within a list's models or behind another default, which the plan does not see.
            token = in_development.set(True)
            settings, rejected, broken = _validate(plan, data)
            in_development.reset(token)
    if rejected:
        from envkit.settings.rereading import reread

        # Again for the items of a list that was split only now; each time less of it is text.
        while rejected and reread(plan, rejected, data):
            settings, rejected, broken = _validate(plan, data)
    if broken is not None or rejected:
        from envkit.settings.rejections import add_broken_check, add_rejection

        if broken is not None:
            add_broken_check(plan, broken, problems)
        for details in rejected:
            add_rejection(plan, details, gathered, data, problems)

    if problems or gathered.findings:
        return None, gathered.findings + [finding for index in sorted(problems) for finding in problems[index]]
    assert settings is not None  # noqa: S101  no rejection without a finding
    remember(settings, plan, gathered)
    return settings, []


def _validate(plan: Plan, data: dict[str, Any]) -> tuple[BaseModel | None, list[Any], Exception | None]:
    """The settings, or what pydantic has against them, or what a check of the class itself broke by."""
    validate = plan.model.__pydantic_validator__.validate_python
    try:
        try:
            # Not strict, whatever the class says of Python's values: all that sources have is text.
            return validate(data, strict=False, by_alias=plan.by_alias, by_name=True), [], None
        except ValidationError as error:
            return None, error.errors(include_url=False, include_input=False), None
    except UnicodeError as error:  # of a message that quotes what is not UTF-8
        from envkit.settings.undecodable import refuse_undecodable

        undecodable = refuse_undecodable(plan, data)
        return None, undecodable, None if undecodable else error
    except Exception as error:  # noqa: BLE001  anything may be in it, a value too
        return None, [], error
