"""The project in the current folder: its description and its settings class, as the commands take them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment.description_file import PROJECT_FILE, find_file, is_described, text_of
from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import FILE
from envkit.deployment.overrides import dig
from envkit.findings import Finding
from envkit.operations.app_module import find_no_module
from envkit.operations.importing import CannotImportError, settings_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from envkit.deployment.model import Deployment


class Check(NamedTuple):
    """Everything that `envkit check` has to say."""

    subjects: list[str]
    """What was checked."""
    findings: tuple[Finding, ...]
    notes: list[str]


def check_project(
    description: Path | None, class_name: str | None, env_files: Sequence[Path], *, let_errors_through: bool = False
) -> Check:
    """Checks the description, whether the app's module is there, and the settings; nothing hides the others' problems.

    Args:
        description: its file; None takes the current folder's. It may be missing where `class_name` is given.
        class_name: the settings class; None takes the one that the description names.
        env_files: read instead of `.env`.
        let_errors_through: errors of the app's own module are raised as they are.
    """
    from envkit.operations.checking import check_settings

    subjects: list[str] = []
    findings: list[Finding] = []
    notes: list[str] = []
    if description is not None or class_name is None or is_described():
        file, deployment, problems = _read(description)
        subjects.append(file)
        findings += problems
        if deployment is not None:
            findings += _find_missing(deployment)
        if class_name is None:
            class_name = deployment.settings if deployment else _named_in(description)
        if class_name is None and deployment is not None:
            notes.append(f'{file} names no settings class, so no settings were checked; add settings = "module:Class"')
    if class_name is not None:
        subjects.append(class_name)
        try:
            model = settings_class(class_name, let_errors_through=let_errors_through)
        except CannotImportError as problem:
            findings += problem.findings
        else:
            findings += check_settings(model, env_files=env_files).findings
    return Check(subjects, tuple(findings), notes)


def _find_missing(deployment: Deployment) -> list[Finding]:
    """What the description names and is not there."""
    targets: list[Finding] = []
    if deployment.targets:
        from envkit.operations.rendering import find_no_target

        targets = find_no_target(deployment)
    return [*targets, *find_no_module(deployment)]


def check_image(
    image: str, description: Path | None, class_name: str | None, *, let_errors_through: bool = False
) -> Check:
    """Checks an image, for the secrets of the settings class as well, where there is one.

    Where the class cannot be had, which is a warning, files and private keys are looked for all the same.

    Raises:
        ImageError: the image cannot be read.
    """
    from envkit.operations.image_scanning import scan_image

    problems: Sequence[Finding] = ()
    secrets: frozenset[str] = frozenset()
    if class_name is None and (description is not None or is_described()):
        _, deployment, problems = _read(description)
        class_name = deployment.settings if deployment else _named_in(description)
    if class_name is not None:
        from envkit.operations.setting_names import names_of

        try:
            model = settings_class(class_name, let_errors_through=let_errors_through)
        except CannotImportError as problem:
            problems = (*problems, *problem.findings)
        else:
            secrets = frozenset(setting.name for setting in names_of(model) if setting.secret)
    warnings = [problem._replace(severity="warning") for problem in problems]
    return Check([image], (*scan_image(image, secrets), *warnings), [])


def project_settings_class(
    description: Path | None, class_name: str | None, *, let_errors_through: bool = False
) -> tuple[str, type[BaseModel]]:
    """The settings class and its name: the one asked for, or the one that the description names.

    Raises:
        DescriptionError: the description is wrong or names no class.
        CannotImportError: the class cannot be imported.
    """
    if class_name is None:
        from envkit.deployment.reading import load_description

        deployment = load_description(description)
        class_name = deployment.settings
        if class_name is None:
            hint = 'add settings = "module:Class", or give --settings module:Class'
            raise DescriptionError([Finding(deployment.origin, "settings", "names no settings class", hint)])
    return class_name, settings_class(class_name, let_errors_through=let_errors_through)


def project_description(description: Path | None) -> Deployment | None:
    """The description, for who can do without; None where there is none.

    Raises:
        DescriptionError: it is wrong.
    """
    from envkit.deployment.reading import load_description

    return load_description(description) if description is not None or is_described() else None


def _file(description: Path | None) -> Path:
    """The description's file: the one asked for, or this folder's, there or not."""
    if description is not None:
        return description
    try:
        return find_file()[0]
    except DescriptionError:  # there are two, and whoever reads the description says so
        return Path(FILE)


def _read(description: Path | None) -> tuple[str, Deployment | None, Sequence[Finding]]:
    from envkit.deployment.reading import load_description

    file = str(_file(description))
    try:
        return file, load_description(description), ()
    except DescriptionError as error:
        return file, None, error.findings


def _named_in(description: Path | None) -> str | None:
    """The settings class that a description names which is wrong elsewhere, so that one run shows all problems."""
    import tomllib

    file = _file(description)
    # A pipe was read, and has no more to say. pathlib raises where a folder may not be searched.
    if not os.path.isfile(file):  # noqa: PTH113
        return None
    try:
        raw = tomllib.loads(text_of(file))
    except (DescriptionError, ValueError, RecursionError):
        return None
    name = dig(raw, ("tool", "envkit") if file.name == PROJECT_FILE else ()).get("settings")
    return name if isinstance(name, str) and name.count(":") == 1 else None
