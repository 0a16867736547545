"""The shape of every problem envkit reports: where it is, what it concerns, what is wrong, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Severity = Literal["error", "warning"]


class Finding(NamedTuple):
    """One problem, written so that it can be printed on one line.

    A finding never holds a value: it names the origin, the setting and what is wrong with the value's shape.
    (A NamedTuple, not a dataclass: `dataclasses` alone costs more start-up time than the rest of a small command.)
    """

    origin: str
    """Source and place, such as ``.env:12`` or ``envkit.toml:3``."""
    name: str
    """The setting (``GITHUB_KEY``) or key of the description (``http.domains``) concerned."""
    problem: str
    hint: str = ""
    """What to do about it; empty where the problem says it all."""
    severity: Severity = "error"
    rule: str = ""
    """A stable short name for machines (``duplicate-name``); empty outside lint."""

    def __str__(self) -> str:
        """``ORIGIN: NAME: problem. hint``, the one form of every message."""
        head = ": ".join(part for part in (self.origin, self.name) if part)
        text = f"{head}: {self.problem}" if head else self.problem
        if not self.hint:
            return text
        return f"{text} {self.hint}" if text.endswith(("?", ".", "!")) else f"{text}. {self.hint}"


class FindingsError(Exception):
    """What is asked for cannot be done; `findings` says why, every problem at once, and holds no value.

    The command line prints the findings of such an error, one a line, and exits with 1.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keeps every finding."""
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


def words_of(error: OSError) -> str:
    """What the system says about an error, without the path: `no space left on device`."""
    text = error.strerror or type(error).__name__
    return text[:1].lower() + text[1:]


def did_you_mean(name: str, known: list[str] | tuple[str, ...], *, closeness: float = 0.75) -> str:
    """A hint that names the likeliest intended word, or an empty string when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=closeness)
    return f"did you mean {close[0]}?" if close else ""
