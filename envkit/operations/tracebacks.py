"""What gunicorn prints when it cannot import the app or read its file: of a traceback, the lines that matter."""

from __future__ import annotations

import os
import re
from shlex import quote
from typing import TYPE_CHECKING

from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN = "Traceback (most recent call last):\n"
_FRAME = re.compile(r'  File "(.+)", line (\d+)')
_IN_ENVIRON = re.compile(r'File "(?:<frozen os>|.*/os\.py)", line \d+, in __getitem__$')
_WORDS_OF_CODE = {
    *("ModuleNotFoundError", "ImportError", "NameError", "UnboundLocalError"),
    *("SyntaxError", "IndentationError", "TabError"),
    "AppImportError",  # gunicorn's: the callable is not there, or is none
}
"""Exceptions whose messages surely are names of code; any other may show a value."""


def shortened(text: str, app: str) -> str:
    """The findings in a traceback, one a line; the text as it is where there is no traceback.

    Args:
        text: what the program printed.
        app: what it was to import, as `shop:create_app()`.
    """
    begin = text.rfind(_BEGIN)
    if begin < 0:
        return text
    name, shown_by = app, f"`gunicorn --check-config {quote(app)}`"
    if "Failed to read config file" in text[:begin]:
        name, shown_by = "gunicorn.conf.py", "`gunicorn --check-config --config FILE`"
    return "".join(f"{line}\n" for line in _lines(text[begin + len(_BEGIN) :], name, shown_by))


def _lines(trace: str, name: str, shown_by: str) -> Iterator[str]:
    lines = trace.splitlines()
    last = max((index for index, line in enumerate(lines) if _FRAME.match(line)), default=-1)
    # The source of a frame is indented; of the exception, and of what others print behind it, nothing is.
    rest = [line for line in lines[last + 1 :] if not line.startswith(" ")]
    kind, _, message = (rest[0] if rest else "").partition(": ")
    kind = kind.rpartition(".")[2]
    count = re.fullmatch(r"\w+: (\d+) problems?", message)
    if kind == "SettingsError" and count:
        yield from rest[1 : 1 + int(count[1])]  # they hold no value
        return
    place = _place(lines)
    if kind == "KeyError" and _IN_ENVIRON.search(lines[last] if last >= 0 else ""):
        hint = "export it, or let the code take it from load_settings, which also reads .env"
        yield str(Finding(place, name, "cannot be loaded: it reads a variable from os.environ that is not set", hint))
    elif kind in _WORDS_OF_CODE:
        yield str(Finding(place, name, f"{kind}: {message}" if kind != "AppImportError" else message))
    else:
        shown = kind if kind.isidentifier() else "an exception"
        hint = f"its message is withheld, for it may show a value; {shown_by} shows it"
        yield str(Finding(place, name, f"cannot be loaded: {shown}", hint))


def _place(lines: list[str]) -> str:
    """File and line of the project's own code that was running; empty where none was."""
    here = os.getcwd()  # noqa: PTH109  compared as text
    own = ""
    for line in lines:
        frame = _FRAME.match(line)
        if frame and frame[1].startswith(f"{here}/") and "/site-packages/" not in frame[1]:
            own = f"{os.path.relpath(frame[1], here)}:{frame[2]}"
    return own
