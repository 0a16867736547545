"""The kubectl channel: `kubectl create secret generic --from-env-file` (and the same for a ConfigMap).

Source: kubernetes/kubectl `pkg/cmd/util/env_file.go`. Checked against kubectl 1.20 and 1.32.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import raw_lines
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import NameRule
from envkit.channels.raw_lines import GO_SPACE
from envkit.channels.refusals import require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = NameRule(
    re.compile(r"(?=.{1,253}\Z)(?!\.\Z|\.\.)[-._a-zA-Z][-._a-zA-Z0-9]*"),
    "a name must consist of letters, digits, -, _ and ., not begin with a digit or .. and have 253 characters at most",
)

RULES = (
    (
        "Everything after the first = is the value, to the end of the line: quotes, #, $ and blanks are part of it "
        "(kubernetes/kubectl pkg/cmd/util/env_file.go)."
    ),
    (
        "A line ends at LF; one CR before the LF is dropped (Go bufio.ScanLines), so a value that ends in CR is "
        "written with two."
    ),
    (
        "A value cannot hold a line break. A line of more than 65,535 bytes ends the file without a word: it and all "
        "later lines are lost."
    ),
    "Blanks before a name, empty lines, lines that begin with # and a byte order mark are skipped.",
    "A name without = takes the value of kubectl's own environment, empty if that has none.",
    "A name with anything but letters, digits, -, _ and . is an error for the whole file, as is a name given twice.",
    "The Secret or ConfigMap as a whole may have 1 MiB, which only the server checks.",
)


@dataclass(frozen=True, slots=True)
class KubectlChannel:
    """A channel whose reader is kubectl's env file parser."""

    name: str = "kubectl"
    summary: str = "kubectl create secret generic --from-env-file: raw values on one line each"
    reader: str = "kubectl 1.20 to 1.36"
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """A line break, a line above 65,535 bytes, NUL, and names that are no key of a Secret."""
        return NAMES.refuse(name) or raw_lines.refuse(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One raw ``NAME=value`` a line.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return raw_lines.write(settings)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The keys and values of the Secret; a bad or repeated name is fatal, a line too long ends the file."""
        scanned = raw_lines.scan(text)
        environ = environ or {}
        bindings: list[Binding] = []
        seen: set[str] = set()
        for number, content in enumerate(scanned.lines, 1):
            if scanned.not_utf8 == number - 1:
                return _fatal(bindings, number, "", "the line is not UTF-8", "save the file as UTF-8", "not-utf8")
            line = (content.removeprefix("\ufeff") if number == 1 else content).lstrip(GO_SPACE)
            if not line or line[0] == "#":
                continue
            name, equals, value = line.partition("=")
            if NAMES.refuse(name):
                return _fatal(bindings, number, "", "not a name that kubectl takes", NAMES.problem, "bad-name")
            if name in seen:
                return _fatal(bindings, number, name, "the name is given twice", "keep one", "duplicate-name")
            seen.add(name)
            bindings.append(Binding(name, value if equals else environ.get(name, ""), number))
        if scanned.too_long:
            problem = "the line is longer than 65,535 bytes: kubectl drops it and all that follow, without a word"
            return Reading(bindings, [raw_lines.too_long(scanned, problem)])
        return Reading(bindings, [])


def _fatal(bindings: list[Binding], line: int, name: str, problem: str, hint: str, rule: str) -> Reading:
    return Reading(bindings, [Finding(f"line {line}", name, problem, hint, rule=rule)], fatal=True)


KUBECTL = KubectlChannel()
