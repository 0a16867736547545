"""A process's command as words, which no shell reads."""

from __future__ import annotations

import re

from envkit.deployment.kind import Wrong

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHELL_OPERATORS = {"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"}


def read_command(value: str | list[str]) -> tuple[str, ...]:
    """A command as words: from a list as it stands, from one line by the shell's quoting rules.

    Raises:
        Wrong: it is empty, does not parse, or holds what only a shell could do.
    """
    words = _shell_words(value) if isinstance(value, str) else value
    if not words or not words[0]:
        raise Wrong("must begin with a program")
    if any(_CONTROL.search(word) for word in words):
        raise Wrong("must not hold a control character")
    return tuple(words)


def _shell_words(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        words = None
    if words is None:
        raise Wrong("has a quote that is never closed")
    if _SHELL_OPERATORS & set(words):
        raise Wrong("holds an operator of the shell, and no shell runs it", "name a script, or write a list of words")
    return words


def makes_backups(command: tuple[str, ...]) -> bool:
    """Whether a process's command is `envkit backup`, of whichever virtual environment."""
    return len(command) > 1 and command[0].rpartition("/")[2] == "envkit" and command[1] == "backup"
