"""Writing files: each replaced atomically, none half-written, and nobody's own file overwritten by accident."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from envkit.findings import Finding, FindingsError, words_of
from envkit.generated import MARK
from envkit.operations.placing import sync_folder
from envkit.operations.temporaries import open_beside, sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from envkit.targets.artifacts import Artifact

_HEAD = 2000
"""Characters at the start of a file in which the mark is looked for."""

State = Literal["written", "unchanged"]


class Change(NamedTuple):
    """What became of one file."""

    path: str
    """Below the output folder, as the artifact names it."""
    state: State


class Comparison(NamedTuple):
    """One artifact beside the file that stands in its place."""

    path: str
    state: Literal["same", "differs", "missing"]
    diff: str = ""
    """Unified; empty where the file was not made by envkit: its lines may hold anything, secrets too."""


class WriteError(FindingsError):
    """Files cannot be written; `findings` says why, one finding a file. Nothing was written, unless they say so."""


def write_artifacts(artifacts: Sequence[Artifact], folder: Path, *, force: bool = False) -> list[Change]:
    """Writes `artifacts` below `folder`: all of them or, when anything is in the way, none.

    A file that already holds the same text is not touched. A changed one is replaced by a rename, so that a reader
    sees the old or the new file and never a part of one.

    Args:
        artifacts: what to write.
        folder: the output folder, made when it is missing.
        force: also overwrite files that envkit did not make.

    Raises:
        WriteError: with every problem at once.
    """
    findings: list[Finding] = []
    due: list[Artifact] = []
    for artifact in artifacts:
        found, problem = _inspect(folder, artifact, force=force)
        if problem is not None:
            findings.append(problem)
        elif not found:
            due.append(artifact)
    if findings:
        raise WriteError(list(dict.fromkeys(findings)))  # one folder may be in the way of several
    for artifact in artifacts:
        sweep(folder / artifact.path)
    _replace_all(due, folder)
    return [Change(artifact.path, "written" if artifact in due else "unchanged") for artifact in artifacts]


def compare_artifacts(artifacts: Iterable[Artifact], folder: Path) -> list[Comparison]:
    """Says of each artifact whether the file below `folder` is the same; nothing is written.

    Raises:
        WriteError: a file or folder in its place cannot be read.
    """
    findings: list[Finding] = []
    comparisons: list[Comparison] = []
    for artifact in artifacts:
        path = folder / artifact.path
        try:
            present = path.stat().st_mode
            if not stat.S_ISREG(present) and not stat.S_ISDIR(present):  # reading a pipe would wait for ever
                findings.append(Finding(str(path), "", "is no regular file"))
                continue
            text = path.read_bytes().decode(errors="replace")
            has_mode = _has_mode(present, artifact.mode)
        except FileNotFoundError:
            comparisons.append(Comparison(artifact.path, "missing", _diff(artifact.path, "", artifact.text)))
        except OSError as error:
            findings.append(Finding(str(path), "", words_of(error)))
        else:
            if text == artifact.text:
                mode = "" if has_mode else f"mode of {artifact.path}: must be {artifact.mode:04o}\n"
                comparisons.append(Comparison(artifact.path, "differs" if mode else "same", mode))
            else:
                shown = _diff(artifact.path, text, artifact.text) if is_generated(text) else ""
                comparisons.append(Comparison(artifact.path, "differs", shown))
    if findings:
        raise WriteError(findings)
    return comparisons


def is_generated(text: str) -> bool:
    """Whether a file's text has envkit's header."""
    return MARK in text[:_HEAD]


def _diff(path: str, before: str, after: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        fromfile=path if before else "/dev/null",
        tofile=f"{path} (rendered now)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


# --- what is there --------------------------------------------------------------------------------------------------


def _inspect(folder: Path, artifact: Artifact, *, force: bool) -> tuple[bool, Finding | None]:
    """Whether the file is there as it should be, and else what is in the way of writing it."""
    path = folder / artifact.path
    try:
        obstacle = _obstacle(folder, path)
        if obstacle is not None:
            return False, obstacle
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            if path.exists() and not path.is_file():  # such as /dev/stdout, which every program needs
                kind = "a directory" if path.is_dir() else "no regular file"
                return False, Finding(str(path), "", f"is a symbolic link to what is {kind}", "name another file")
            if force:
                return False, None
            return False, Finding(
                str(path), "", "is a symbolic link, which is not followed", "remove it, or add --force"
            )
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            return False, Finding(str(path), "", f"is {kind}; a file is to be written there", "move it away")
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return False, None
    except OSError as error:
        return False, Finding(str(path), "", words_of(error))
    if text == artifact.text and _has_mode(status.st_mode, artifact.mode):
        return True, None
    if force or is_generated(text) or text == artifact.text:
        return False, None
    problem = "was not made by envkit" if is_generated(artifact.text) else "holds something else"
    hint = "move it away, or overwrite it with --force"
    return False, Finding(str(path), "", f"{problem}, so it is not overwritten", hint)


def _obstacle(folder: Path, path: Path) -> Finding | None:
    """What stands where one of the folders above `path` has to be."""
    inner = [parent for parent in path.parents if parent != folder and folder in parent.parents]
    for parent in [*reversed(folder.parents), folder, *reversed(inner)]:
        if not os.path.lexists(parent):
            return None
        if not parent.is_dir():
            return Finding(str(parent), "", "is not a directory; files are to be written below it", "move it away")
        if parent in inner and parent.is_symlink():
            return Finding(str(parent), "", "is a symbolic link, which is not followed", "make it a directory")
    return None


def _has_mode(present: int, wanted: int) -> bool:
    """Whether a mode will do.

    Git keeps the owner's x alone and everybody has a umask of their own, so of an open file's mode only the x counts;
    a private file must be private.
    """
    if wanted & 0o077 == 0 and present & 0o077:
        return False
    return bool(present & 0o100) == bool(wanted & 0o100)


# --- writing --------------------------------------------------------------------------------------------------------


def _replace_all(artifacts: Sequence[Artifact], folder: Path) -> None:
    """First writes every new file beside the old one, and only when all are on the disk, renames them."""
    made: list[Path] = []
    written: list[tuple[Path, Path]] = []
    descriptors: list[int] = []
    failure: Finding | None = None
    path = folder
    try:
        for artifact in artifacts:
            path = folder / artifact.path
            _make_folders(path.parent, made)
            written.append((_write_beside(path, artifact, descriptors), path))
        for temporary, path in written:
            temporary.replace(path)
        for parent in {path.parent for _, path in written}:
            sync_folder(parent)
    except OSError as error:
        failure = Finding(str(path), "", f"cannot be written: {words_of(error)}")
    finally:
        if failure is not None or len(written) < len(artifacts):
            _clean_up([temporary for temporary, _ in written], made)
        for descriptor in descriptors:
            os.close(descriptor)
    if failure is not None:
        raise WriteError([failure])


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        made.append(parent)
        _keep_owner(parent)


def _write_beside(path: Path, artifact: Artifact, descriptors: list[int]) -> Path:
    """A new file in the same folder, complete and on the disk; its mode is the artifact's whatever the umask is.

    Its descriptor, which keeps it from being swept, joins `descriptors`.
    """
    temporary, descriptor = open_beside(path)
    descriptors.append(descriptor)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(artifact.text.encode())
            file.flush()
            _keep_owner(temporary)
            os.fchmod(descriptor, artifact.mode)
            os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _keep_owner(path: Path) -> None:
    """Root who renders into somebody's project leaves what is made there that person's."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        with suppress(OSError):  # a file system without owners
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _clean_up(temporaries: list[Path], made: list[Path]) -> None:
    for temporary in temporaries:
        with suppress(OSError):
            temporary.unlink()
    for folder in reversed(made):
        with suppress(OSError):  # not empty
            folder.rmdir()
