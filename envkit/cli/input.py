"""What commands are given to read: a file, or standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> str:
    """The file's text with its line ends as they are; ``-`` is standard input.

    Raises:
        click.UsageError: it cannot be read, or is not UTF-8.
    """
    from envkit.findings import words_of

    problem = ""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode()
    except OSError as error:
        problem = words_of(error)
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start + 1})"
    raise click.UsageError(f"{path}: {problem}")


def read_standard_input(what: str) -> bytes:
    """All of standard input as bytes; a person at a terminal is told what is waited for."""
    if sys.stdin.isatty():
        click.echo(f"{what}, then Ctrl-D:", err=True)
    return sys.stdin.buffer.read()
