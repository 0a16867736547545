"""Linting files: what their texts say to several readers, who else can read them, and what the settings class says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from envkit.channels.linting import Remark, lint_text
from envkit.channels.shapes import may_be_shown
from envkit.channels.statements import normalised, statements
from envkit.findings import Finding, did_you_mean
from envkit.operations.guessing import is_likely_secret

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from envkit.channels.channel import Channel
    from envkit.channels.statements import Statement
    from envkit.settings.plan import Plan


class Report(NamedTuple):
    """What linting some files came to."""

    remarks: tuple[Remark, ...]
    """By file, then by line; of the files as they are after fixing."""
    fixed: dict[str, tuple[int, ...]]
    """File to the lines (as they were numbered) that were rewritten; only files that changed."""


def lint_files(
    paths: Sequence[Path], readers: Sequence[Channel], model: type[BaseModel] | None = None, *, fix: bool = False
) -> Report:
    """Everything that is wrong with the files, without any value.

    Args:
        paths: `.env`-like files.
        readers: the channels whose programs read them.
        model: the settings class whose names the files should have, all of them together; None checks no names.
        fix: first rewrites the lines that one spelling makes alike for all readers.

    Raises:
        OSError: a file cannot be read or written.
    """
    plan = None if model is None else _plan(model)
    takes_key = partial(_takes_key, plan)
    remarks: list[Remark] = []
    fixed: dict[str, tuple[int, ...]] = {}
    known: set[str] = set()
    for path in paths:
        data = _read(path)
        text = _decoded(data)
        if text is None:
            line = 1 + data[: _fault(data)].count(b"\n")
            finding = Finding(f"{path}:{line}", "", "is not UTF-8", "save it as UTF-8", rule="not-utf-8")
            remarks.append(Remark(str(path), line, finding))
            continue
        if fix:
            text, lines = _fix(path, text, readers)
            if lines is not None:
                fixed[str(path)] = lines
        remarks += lint_text(str(path), text, readers, takes_key)
        parts = [part for part in statements(normalised(text)) if part.name is not None]
        known |= {part.name for part in parts if part.name is not None}
        if any(_is_secret(part, plan) for part in parts):
            remarks += _exposed(path)
        if plan is not None:
            remarks += _unknown(path, parts, plan)
    if plan is not None and paths:
        remarks += _missing(paths, known, plan)
    order = {str(path): number for number, path in enumerate(paths)}
    return Report(tuple(sorted(remarks, key=lambda remark: (order[remark.path], remark.line))), fixed)


def _plan(model: type[BaseModel]) -> Plan:
    from envkit.settings.plan import plan_of

    return plan_of(model)


def _takes_key(plan: Plan | None, name: str) -> bool | None:
    """Whether the setting is a PrivateKey; None where no class is known, or it has no such setting."""
    index = None if plan is None else plan.by_name.get(name)
    return None if plan is None or index is None else plan.slots[index].key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        error.filename = str(path)  # of a read that fails, unlike one that is not allowed, it knows no file
        raise


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _fault(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(data)


def _fix(path: Path, text: str, readers: Sequence[Channel]) -> tuple[str, tuple[int, ...] | None]:
    """The text after fixing, which is on the disk then, and the lines rewritten; None where nothing was."""
    import os

    from envkit.channels.respelling import rewrite
    from envkit.operations.writing import write_artifacts
    from envkit.targets.artifacts import Artifact

    rewritten = rewrite(text, readers)
    if rewritten.text == text:
        return text, None
    place = path.resolve()  # a link stays one
    before = place.stat()
    write_artifacts([Artifact(place.name, rewritten.text, before.st_mode & 0o777)], place.parent, force=True)
    if os.geteuid() == 0:  # the file of an app stays the app's, whoever's the folder is
        os.chown(place, before.st_uid, before.st_gid, follow_symlinks=False)
    return rewritten.text, rewritten.lines


# --- who else can read the file -------------------------------------------------------------------------------------


def _is_secret(part: Statement, plan: Plan | None) -> bool:
    """Whether the statement gives a secret a value; a file that only lists names holds none."""
    if not part.value or part.name is None:
        return False
    if plan is not None and part.name in plan.by_name:
        slot = plan.slots[plan.by_name[part.name]]
        return slot.secret or slot.key
    return is_likely_secret(part.name)


def _exposed(path: Path) -> list[Remark]:
    found: list[Remark] = []
    mode = path.stat().st_mode & 0o777
    if mode & 0o044:
        problem = f"holds secrets, and other users of the machine may read it (mode {mode:04o})"
        finding = Finding(str(path), "", problem, f"chmod 600 {path}", "warning", "readable-by-others")
        found.append(Remark(str(path), 0, finding))
    tracked = _is_tracked(path)
    if tracked:
        hint = f"git rm --cached {path}, name it in .gitignore, and replace the secrets: they stay in the history"
        finding = Finding(str(path), "", "holds secrets, and git tracks it", hint, rule="tracked-by-git")
        found.append(Remark(str(path), 0, finding))
    elif tracked is None:
        problem = "holds secrets, and git does not say whether it tracks it: the repository is another user's"
        hint = "run it as that user, or name the repository in git's safe.directory"
        found.append(Remark(str(path), 0, Finding(str(path), "", problem, hint, "warning", "tracked-by-git")))
    return found


def _is_tracked(path: Path) -> bool | None:
    """Whether git has the file in its index; a template of example values may be there, and so may a link.

    None where git refuses to read the repository of another user (git-config(1), safe.directory), as in many containers
    of CI.
    """
    import os
    import shutil
    import subprocess

    path = path.resolve()
    if path.suffix in _TEMPLATES or shutil.which("git") is None:
        return False
    command = ("git", "--literal-pathspecs", "ls-files", "--error-unmatch", "--", path.name)
    environ = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=path.parent, env=environ, capture_output=True, check=False)
    return None if b"dubious ownership" in done.stderr else not done.returncode


_TEMPLATES = {".example", ".sample", ".template", ".dist"}


# --- the settings class ---------------------------------------------------------------------------------------------


def _unknown(path: Path, parts: Sequence[Statement], plan: Plan) -> list[Remark]:
    known = tuple(plan.by_name)
    return [
        Remark(
            str(path),
            part.line,
            Finding(
                f"{path}:{part.line}",
                part.name,
                f"{plan.model.__name__} has no such setting",
                did_you_mean(part.name, known),
                "warning",
                "unknown-setting",
            ),
        )
        for part in parts
        if part.name is not None
        and part.name not in plan.by_name
        and part.name not in plan.by_file_name
        and part.value is not None
        and may_be_shown(part.name)
    ]


def _missing(paths: Sequence[Path], known: set[str], plan: Plan) -> list[Remark]:
    where = str(paths[-1])
    return [
        Remark(
            where,
            0,
            Finding(
                where,
                slot.name,
                f"{plan.model.__name__} needs it, and no file sets it",
                "",
                "warning",
                "missing-setting",
            ),
        )
        for slot in plan.slots
        if slot.required
        and not slot.children
        and not known & set(slot.names)
        and not known & {f"{name}_FILE" for name in slot.names}
    ]
