"""What commands are given to read: a file, or standard input."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


_LONGEST = 256 << 20
"""Bytes of a file of settings."""


def read_text(path: Path) -> str:
    """The file's text with its line ends as they are; ``-`` is standard input.

    Raises:
        click.UsageError: it cannot be read, or is not UTF-8.
    """
    from envkit.findings import words_of

    problem = ""
    try:
        # It may be a pipe, or a device that never ends.
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as stream:
            data = stream.read(_LONGEST + 1)
        if len(data) <= _LONGEST:
            return data.decode()
        problem = f"is larger than {_LONGEST >> 20} MiB, too large for settings"
    except OSError as error:
        problem = words_of(error)
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start + 1})"
    raise click.UsageError(f"{called(path)}: {problem}")


def called(path: Path) -> str:
    """How messages call what `read_text` reads."""
    return "standard input" if str(path) == "-" else str(path)


def read_standard_input(what: str) -> bytes:
    """All of standard input as bytes; a person at a terminal is told what is waited for."""
    if sys.stdin.isatty():
        click.echo(f"{what}, then Ctrl-D:", err=True)
    return sys.stdin.buffer.read()
