"""The description's file: which one it is, and its text as TOML, with the line of a mistake."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import FILE
from envkit.findings import Finding, words_of

PROJECT_FILE = "pyproject.toml"
_MAX_BYTES = 1024 * 1024
_HERE = Path()


def find_file(folder: Path = _HERE) -> tuple[Path, bool]:
    """The description in a folder, there or not, and whether it is a table of pyproject.toml.

    Raises:
        DescriptionError: there are two.
    """
    own, project = folder / FILE, folder / PROJECT_FILE
    in_project = os.path.isfile(project) and _mentions_envkit(project)  # noqa: PTH113  as of `_is_there`
    if _is_there(own) and in_project:
        raise DescriptionError(
            [Finding(str(own), "", "pyproject.toml has a table [tool.envkit] as well", "keep one description")]
        )
    if _is_there(own) or not in_project:
        return own, False
    return project, True


def is_described(folder: Path = _HERE) -> bool:
    """Whether a folder has a description, or two."""
    try:
        return _is_there(find_file(folder)[0])
    except DescriptionError:
        return True


def _is_there(file: Path) -> bool:
    return os.path.exists(file)  # noqa: PTH110  pathlib raises where the folder may not be searched


def _mentions_envkit(project: Path) -> bool:
    try:
        text = project.read_bytes()
    except OSError:
        return False
    return re.search(rb"(?m)^\s*\[\s*tool\s*\.\s*[\"']?envkit[\"']?\s*[.\]]", text) is not None


def text_of(file: Path) -> str:
    """The text in `file`, which may be a pipe.

    Raises:
        DescriptionError: it cannot be read, or is no text.
    """
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
        problem = f"cannot be read: {words_of(error)}"
    raise DescriptionError([Finding(str(file), "", problem, hint)])


def parse(text: str, origin: str) -> dict[str, Any]:
    """The raw values in `text`.

    Args:
        text: TOML.
        origin: its file, for the finding.

    Raises:
        DescriptionError: it is not TOML.
    """
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
