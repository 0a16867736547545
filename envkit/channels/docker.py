"""The docker channel: `docker run --env-file`, and the raw format of Compose's `env_file`, which has the same reader.

Sources: docker/cli `opts/file.go` (to 27) and `pkg/kvfile/kvfile.go` (from 28); docker/compose registers kvfile as
`format: raw` since 2.30. Checked against docker 20.10 and 28.2 and Compose 2.40.
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
    re.compile(rf"[^#=\0\ud800-\udfff\ufeff{GO_SPACE}][^= \t\n\0\ud800-\udfff]*"),
    "docker takes no name that is empty, begins with # or holds a blank or =",
)

RULES = (
    (
        "Everything after the first = is the value, to the end of the line: quotes, #, $ and blanks are part of it "
        "(docker/cli opts/file.go, pkg/kvfile)."
    ),
    (
        "A line ends at LF; one CR before the LF is dropped (Go bufio.ScanLines), so a value that ends in CR is "
        "written with two."
    ),
    "A value cannot hold a line break, and a line not more than 65,535 bytes: docker stops with an error.",
    "Blanks before a name, empty lines, lines that begin with # and a byte order mark are skipped.",
    "A name without = takes the value of docker's own environment, and is left out if that has none.",
    "A blank in a name, so also `export NAME=value` and `NAME = value`, is an error for the whole file.",
    "The last of two equal names wins.",
)


@dataclass(frozen=True, slots=True)
class DockerChannel:
    """A channel whose reader is docker's key-value file parser."""

    name: str
    summary: str
    reader: str
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """A line break, a line above 65,535 bytes, NUL, and names with blanks."""
        return NAMES.refuse(name) or raw_lines.refuse(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One raw ``NAME=value`` a line.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return raw_lines.write(settings)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The variables as docker passes them to the container; one bad line is fatal."""
        scanned = raw_lines.scan(text)
        environ = environ or {}
        bindings: list[Binding] = []
        bound: set[str] = set()
        for number, content in enumerate(scanned.lines, 1):
            if scanned.not_utf8 == number - 1:
                return _fatal(bindings, number, "", "the line is not UTF-8", "save the file as UTF-8", "not-utf8")
            line = (content.removeprefix("\ufeff") if number == 1 else content).lstrip(GO_SPACE)
            if not line or line[0] == "#":
                continue
            name, equals, value = line.partition("=")
            if not name:
                return _fatal(bindings, number, "", "no name before the =", "write NAME=value", "no-name")
            if " " in name or "\t" in name:
                hint = "drop the export" if name.startswith("export") else "write NAME=value without blanks"
                return _fatal(bindings, number, "", "a blank in the name", hint, "blank-in-name")
            if equals:
                bindings.append(Binding(name, value, number))
                bound.add(name)
            else:
                # Without a value in docker's environment, an earlier line of the same name stays in force.
                name, known = name.strip(GO_SPACE), environ.get(line)
                if known is not None or name not in bound:
                    bindings.append(Binding(name, known, number))
        if scanned.too_long:
            finding = raw_lines.too_long(scanned, "the line is longer than 65,535 bytes, and docker refuses the file")
            return Reading(bindings, [finding], fatal=True)
        return Reading(bindings, [])


def _fatal(bindings: list[Binding], line: int, name: str, problem: str, hint: str, rule: str) -> Reading:
    return Reading(bindings, [Finding(f"line {line}", name, problem, hint, rule=rule)], fatal=True)


DOCKER = DockerChannel(
    name="docker",
    summary="docker run --env-file: raw values on one line each",
    reader="docker CLI 20.10 to 28",
)
