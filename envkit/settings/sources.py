"""Where settings are looked for, strongest first, and what was found where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from envkit.findings import Finding, words_of
from envkit.settings import dotenv
from envkit.settings.files import UnreadableFile, load_text, read_secret_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envkit.settings.plan import Plan

DEFAULT_ENV_FILE = ".env"
DEFAULT_SECRETS_DIRECTORY = "/run/secrets"
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd names the folder of a service's credentials (systemd.exec(5), LoadCredential=)."""


class Origin(NamedTuple):
    """Where a value was found: a source, and the place in it."""

    source: str
    """`keyword`, `environment`, `file` (by NAME_FILE), `secrets`, `dotenv` or `default`."""
    place: str = ""
    """A path, and for a file named by NAME_FILE the name that names it."""
    line: int = 0

    def __str__(self) -> str:
        if self.source == "dotenv":
            return f"{self.place}:{self.line}"
        return self.place or self.source


class EnvFile(NamedTuple):
    """A `.env` file as it was read."""

    path: str
    parsed: dotenv.Parsed


Found = tuple[str, str, "Origin | EnvFile", str]
"""The name under which a setting was found, its text, where (`origin_of`), and what reading changed.

A plain tuple: loading makes one for each setting, and a NamedTuple takes eight times as long to make.
"""


def origin_of(found: Found) -> Origin:
    """Where `found` comes from; the line of a `.env` file is looked up only here, when somebody asks."""
    name, _, place, _ = found
    return place if isinstance(place, Origin) else Origin("dotenv", place.path, place.parsed.lines[name])


class Gathered:
    """Everything the sources had for a plan's slots."""

    __slots__ = ("emptied", "env_files", "exported", "failed", "findings", "found", "overrode")

    def __init__(self) -> None:
        self.found: dict[int, Found] = {}
        """Slot index to the strongest value that counts as set."""
        self.overrode: dict[int, list[Origin]] = {}
        """Slot index to the weaker origins whose value lost."""
        self.env_files: list[EnvFile] = []
        self.exported: set[str] = set()
        """The names in the process environment."""
        self.findings: list[Finding] = []
        """Sources that could not be read."""
        self.emptied: dict[int, Origin] = {}
        """Slot index to the strongest file that was read for it and is empty."""
        self.failed: set[int] = set()
        """Slots whose file could not be read; they are reported once, not as missing too."""


def gather(
    plan: Plan,
    *,
    environ: Mapping[str, str],
    env_files: Sequence[str | os.PathLike[str]] | None,
    secrets_dir: str | os.PathLike[str] | None,
    interpolate: bool,
) -> Gathered:
    """Looks for every slot of `plan` in every source but the keyword overrides and the defaults.

    Args:
        plan: the settings that are looked for.
        environ: the process environment.
        env_files: `.env` files, later ones win; None reads `.env` if it is there. A file named here must exist.
        secrets_dir: a folder of files named like settings, in any case; None looks into the one that systemd names
            in $CREDENTIALS_DIRECTORY and then into /run/secrets, where they are there.
        interpolate: whether `${NAME}` in `.env` files is replaced.
    """
    gathered = Gathered()
    gathered.env_files.extend(_read_env_files(env_files, environ, gathered.findings, interpolate=interpolate))
    present = set(environ)  # one pass; asking os.environ for a name that is not there costs an exception each
    gathered.exported = present
    for view in plan.views or (plan,):
        _take(view, gathered, environ, present & view.by_name.keys(), _ENVIRONMENT)
        _take_named_files(view, gathered, environ, present)
        if secrets_dir is not None:
            _take_secrets_directory(view, gathered, os.fspath(secrets_dir), required=True)
        else:
            # A shell that a service started inherits the variable, and may not read the folder: it need not be there.
            if CREDENTIALS_DIRECTORY in present:
                _take_secrets_directory(view, gathered, environ[CREDENTIALS_DIRECTORY])
            _take_secrets_directory(view, gathered, DEFAULT_SECRETS_DIRECTORY)
        for file in reversed(gathered.env_files):
            _take(view, gathered, file.parsed.values, file.parsed.values.keys() & view.by_name.keys(), file)
    if plan.views:  # one file that two settings would have taken is one problem
        gathered.findings = list(dict.fromkeys(gathered.findings))
    return gathered


_ENVIRONMENT = Origin("environment")


def _take(
    plan: Plan, gathered: Gathered, values: Mapping[str, str | None], names: set[str], place: Origin | EnvFile
) -> None:
    """Adds what one source has, unless a stronger source had it. An empty value counts as unset."""
    by_name, found, failed, keeping_empty = plan.by_name, gathered.found, gathered.failed, plan.keeping_empty
    for name in sorted(names, key=plan.ranks.__getitem__) if plan.ranks else names:
        index = by_name[name]
        text = values[name]
        if not text and (text is None or index not in keeping_empty):
            continue
        if index in found or index in failed:
            gathered.overrode.setdefault(index, []).append(origin_of((name, text, place, "")))
        else:
            found[index] = (name, text, place, "")


def _read_env_files(
    paths: Sequence[str | os.PathLike[str]] | None,
    environ: Mapping[str, str],
    findings: list[Finding],
    *,
    interpolate: bool,
) -> list[EnvFile]:
    """Reads the `.env` files; what python-dotenv would drop with a warning is a finding."""
    if paths is None:
        if not os.path.lexists(DEFAULT_ENV_FILE):
            return []
        paths = (DEFAULT_ENV_FILE,)
    files: list[EnvFile] = []
    for path in [os.fspath(path) for path in paths]:
        try:
            text = load_text(path)
        except UnreadableFile as error:
            findings.append(Finding(str(path), "", error.problem, error.hint))
            continue
        # An exported variable beats the file in ${NAME} as well; files that came earlier lend their values.
        lent = _layered(environ, files) if files and interpolate and "${" in text else environ
        parsed = dotenv.parse(text, interpolate=interpolate, environ=lent, override=False)
        findings.extend(Finding(f"{path}:{line}", "", problem, hint) for line, problem, hint in parsed.problems)
        files.append(EnvFile(path, parsed))
    return files


def _layered(environ: Mapping[str, str], files: list[EnvFile]) -> Mapping[str, str]:
    """The environment over what the files read so far define."""
    layered: dict[str, str] = {}
    for file in files:
        layered.update((name, value) for name, value in file.parsed.values.items() if value is not None)
    layered.update(environ)
    return layered


def _take_named_files(plan: Plan, gathered: Gathered, environ: Mapping[str, str], present: set[str]) -> None:
    """Adds settings whose NAME_FILE, in the environment or in a `.env` file, names a file."""
    pointers: dict[str, tuple[str, Origin | EnvFile]] = {
        name: (path, file)
        for file in gathered.env_files
        for name in file.parsed.values.keys() & plan.by_file_name.keys()
        if (path := file.parsed.values[name])
    }
    exported = {name: (path, _ENVIRONMENT) for name in present & plan.by_file_name.keys() if (path := environ[name])}
    for file_name, (path, place) in {**pointers, **exported}.items():
        index = plan.by_file_name[file_name]
        may_be_shown = _is_surely_a_path(path)
        origin = Origin("file", path if may_be_shown else file_name)
        if index in gathered.found:
            gathered.overrode.setdefault(index, []).append(origin)
        elif may_be_shown:
            _take_file(plan, gathered, index, file_name.removesuffix("_FILE"), origin)
        else:
            gathered.failed.add(index)
            hint = "it takes a path; was the value itself put there?"
            pointer = origin_of((file_name, path, place, ""))
            gathered.findings.append(Finding(str(pointer), file_name, "names no file that exists", hint))


def _is_surely_a_path(text: str) -> bool:
    """Whether `text` can be shown as a path: somebody may have put the secret itself into NAME_FILE."""
    if len(text) > _PATH_MAX or not text.isprintable():
        return False
    if os.path.lexists(text):
        return True
    top = text.split("/", 2)[1:2]
    return text.startswith("/") and bool(top and top[0]) and os.path.isdir(f"/{top[0]}")  # noqa: PTH112  hot path


_PATH_MAX = 4096  # linux/limits.h


def _take_file(plan: Plan, gathered: Gathered, index: int, name: str, origin: Origin) -> None:
    """Adds the content of the file at the origin's place."""
    slot = plan.slots[index]
    try:
        text, dropped_newline = read_secret_file(origin.place)
    except UnreadableFile as error:
        gathered.failed.add(index)
        gathered.findings.append(Finding(origin.place, slot.name, error.problem, error.hint))
        return
    if text or index in plan.keeping_empty:
        # A private key's final newline belongs to its normal form, whatever the file had.
        note = "the file's final newline dropped" if dropped_newline and not slot.key else ""
        gathered.found[index] = (name, text, origin, note)
    else:
        gathered.emptied.setdefault(index, origin)


def slots_of_files(plan: Plan, names: Iterable[str]) -> list[tuple[str, int]]:
    """The names of files that are a setting's in any case, each with the index of its slot; others are left out.

    What is a setting's name to the letter is that setting's and comes first: two may differ in case alone.
    """
    folded = {name.upper(): index for name, index in plan.by_name.items()}
    ordered = sorted(names, key=lambda name: (name not in plan.by_name, name))
    found = ((name, plan.by_name.get(name, folded.get(name.upper()))) for name in ordered)
    return [(name, index) for name, index in found if index is not None]


def _take_secrets_directory(plan: Plan, gathered: Gathered, folder: str, *, required: bool = False) -> None:
    """Adds the files of a secrets directory (Docker, Kubernetes, systemd) whose names match, in any case."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  a path object costs more than the listing
    except OSError as error:
        if required:
            gathered.findings.append(Finding(str(folder), "", f"the secrets directory: {words_of(error)}"))
        return
    for file_name, index in slots_of_files(plan, names):
        origin = Origin("secrets", f"{folder}/{file_name}")
        if index in gathered.found or index in gathered.failed:
            gathered.overrode.setdefault(index, []).append(origin)
        else:
            _take_file(plan, gathered, index, plan.slots[index].name, origin)
