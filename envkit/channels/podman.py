"""The podman channel: `podman run --env-file`.

Source: containers/podman `pkg/env/env.go`. Checked against podman 4.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import raw_lines
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import NameRule
from envkit.channels.refusals import require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = NameRule(
    re.compile("[^#= \t\n\0\ud800-\udfff\ufeff][^=\n\0\ud800-\udfff]*"),
    "podman takes no name that is empty, begins with # or a blank or holds =",
)

RULES = (
    (
        "Everything after the first = is the value, to the end of the line: quotes, #, $ and blanks are part of it "
        "(containers/podman pkg/env/env.go)."
    ),
    (
        "A line ends at LF; one CR before the LF is dropped (Go bufio.ScanLines), so a value that ends in CR is "
        "written with two."
    ),
    "A value cannot hold a line break, and a line not more than 65,535 bytes: podman stops with an error.",
    (
        "Blanks and tabs before a name, empty lines and lines that begin with # are skipped; a byte order mark becomes "
        "part of the first name."
    ),
    (
        "A name without = takes the value of podman's own environment, and is left out if that has none; a name that "
        "ends in * takes every variable whose name begins so. Its own environment has TMPDIR=/var/tmp unless the user "
        "has another (measured with podman 4.3)."
    ),
    "Blanks in and after a name belong to the name: `export NAME=value` makes a variable called `export NAME`.",
    "The last of two equal names wins.",
)


@dataclass(frozen=True, slots=True)
class PodmanChannel:
    """A channel whose reader is podman's env file parser."""

    name: str = "podman"
    summary: str = "podman run --env-file: raw values on one line each"
    reader: str = "podman 4 and 5"
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """A line break, a line above 65,535 bytes and NUL."""
        return NAMES.refuse(name) or raw_lines.refuse(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One raw ``NAME=value`` a line.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return raw_lines.write(settings)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The variables as podman passes them to the container; a line without a name is fatal."""
        scanned = raw_lines.scan(text)
        environ = {"TMPDIR": "/var/tmp", **(environ or {})}  # noqa: S108  what podman gives itself
        bindings: list[Binding] = []
        bound: set[str] = set()
        findings: list[Finding] = []
        for number, content in enumerate(scanned.lines, 1):
            line = content.lstrip(" \t")
            if not line or line[0] == "#":
                continue
            name, equals, value = line.partition("=")
            if not name:
                findings.append(
                    Finding(f"line {number}", "", "no name before the =", "write NAME=value", rule="no-name")
                )
                return Reading(bindings, findings, fatal=True)
            if equals:
                if name != name.strip():
                    problem, hint = "the blank before the = becomes part of the name", "write NAME=value"
                    findings.append(Finding(f"line {number}", "", problem, hint, "warning", "blank-in-name"))
                bindings.append(Binding(name, value, number))
                bound.add(name)
            elif name.endswith("*"):
                found = [known for known in environ if known.startswith(name[:-1])]
                bindings.extend(Binding(known, environ[known], number) for known in found)
            elif name in environ or name not in bound:
                # Without a value in podman's environment, an earlier line of the same name stays in force.
                bindings.append(Binding(name, environ.get(name), number))
        if scanned.too_long:
            problem = "the line is longer than 65,535 bytes, and podman refuses the file"
            return Reading(bindings, [*findings, raw_lines.too_long(scanned, problem)], fatal=True)
        return Reading(bindings, findings)


PODMAN = PodmanChannel()
