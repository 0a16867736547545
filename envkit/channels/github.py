"""GitHub Actions' file commands `$GITHUB_ENV` and `$GITHUB_OUTPUT`, and the masks that belong to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import IDENTIFIER, NameRule
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FILE_RULES = (
    (
        "NAME=value is one line, taken as it is: no quotes, no comments, no blanks dropped (actions/runner, "
        "FileCommandManager.cs)."
    ),
    (
        "NAME<<DELIMITER takes the lines up to one that equals DELIMITER; the last line end before it is no part "
        "of the value. What stands first on a line, = or <<, decides."
    ),
    (
        "Empty lines are skipped. A line without = and <<, an empty name or delimiter, and a delimiter that never"
        " comes fail the step."
    ),
    "Lines end at LF; on Windows also at CR LF, so that a value there loses a CR at its very end.",
    (
        "A BOM at the beginning is dropped (.NET, File.ReadAllText). Nothing is expanded. The last of a name's "
        "lines wins."
    ),
    (
        "Write ::add-mask:: for every line of a secret to standard output before anything else can print it; %, "
        "CR and LF are written %25, %0D and %0A (actions/toolkit, command.ts)."
    ),
)
RULES = (
    *_FILE_RULES,
    (
        "NODE_OPTIONS, in any case of letters, is not set: an error in the log, and the step goes on "
        "(actions/runner, FileCommandManager.cs)."
    ),
    (
        "The default variables, such as GITHUB_SHA or RUNNER_OS, are set again for every step (docs.github.com, "
        "Variables; actions/runner, GitHubContext.cs). Other names that begin with GITHUB_ or RUNNER_ arrive; only "
        "the names of repository secrets and variables must not begin with GITHUB_."
    ),
    (
        "A value is there for the steps that follow, not for the step that writes it (docs.github.com, Workflow "
        "commands)."
    ),
)
OUTPUT_RULES = (
    *_FILE_RULES,
    (
        "An output may be named with letters, digits, _ and -, a letter or _ first (docs.github.com, "
        "outputs.<output_id>)."
    ),
    "An output that holds a masked secret is not passed to other jobs (docs.github.com, jobs.<job_id>.outputs).",
    "All outputs of a job together may have 1 MB, counted as UTF-16 (docs.github.com, jobs.<job_id>.outputs).",
)

_OUTPUT_NAME = NameRule(
    re.compile(r"[A-Za-z_][A-Za-z0-9_-]*"),
    "an output's name must consist of letters, digits, _ and -, and begin with a letter or _",
)
_DEFAULTS = frozenset(
    """
    GITHUB_ACTION GITHUB_ACTIONS GITHUB_ACTION_PATH GITHUB_ACTION_REF GITHUB_ACTION_REPOSITORY GITHUB_ACTOR
    GITHUB_ACTOR_ID GITHUB_API_URL GITHUB_BASE_REF GITHUB_ENV GITHUB_EVENT_NAME GITHUB_EVENT_PATH GITHUB_GRAPHQL_URL
    GITHUB_HEAD_REF GITHUB_JOB GITHUB_OUTPUT GITHUB_PATH GITHUB_REF GITHUB_REF_NAME GITHUB_REF_PROTECTED
    GITHUB_REF_TYPE GITHUB_REPOSITORY GITHUB_REPOSITORY_ID GITHUB_REPOSITORY_OWNER GITHUB_REPOSITORY_OWNER_ID
    GITHUB_RETENTION_DAYS GITHUB_RUN_ATTEMPT GITHUB_RUN_ID GITHUB_RUN_NUMBER GITHUB_SERVER_URL GITHUB_SHA GITHUB_STATE
    GITHUB_STEP_SUMMARY GITHUB_TRIGGERING_ACTOR GITHUB_WORKFLOW GITHUB_WORKFLOW_REF GITHUB_WORKFLOW_SHA
    GITHUB_WORKSPACE RUNNER_ARCH RUNNER_DEBUG RUNNER_ENVIRONMENT RUNNER_NAME RUNNER_OS RUNNER_TEMP RUNNER_TOOL_CACHE
    RUNNER_TRACKING_ID RUNNER_WORKSPACE
    """.split()  # noqa: SIM905  fifty names are easier to compare with their source as text
)
"""The variables that the runner sets itself before each step, over whatever `$GITHUB_ENV` said."""
_LONGEST_OUTPUT = 524_288
"""Characters in UTF-16: 1 MB of two bytes each."""


class GithubOutput:
    """Lines to append to `$GITHUB_OUTPUT`."""

    name = "github-output"
    summary = "outputs of a GitHub Actions step, appended to $GITHUB_OUTPUT"
    reader = "the GitHub Actions runner 2.300 and later, on Linux and macOS"
    rules = OUTPUT_RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses what is no output's name, and more than an output can hold."""
        refusal = _OUTPUT_NAME.refuse(name) or refuse_not_text(value)
        if refusal is None and len(value) * 2 > _LONGEST_OUTPUT and _utf16_units(value) > _LONGEST_OUTPUT:
            return Refusal(
                "the value is longer than the 1 MB that a job's outputs can take", "upload it as an artifact"
            )
        return refusal

    def write(self, settings: Mapping[str, str]) -> str:
        """``NAME<<DELIMITER``, the value, ``DELIMITER`` for each setting; the delimiter equals no line of any value.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        delimiter = _delimiter(settings.values())
        return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in settings.items())

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What the runner stores; fatal where it fails the step."""
        bindings: list[Binding] = []
        lines = text.removeprefix("\ufeff").split("\n")
        # What follows the last LF is a line only if there is something.
        if not lines[-1]:
            lines.pop()
        number, count = 0, len(lines)
        while number < count:
            line = lines[number]
            number += 1
            if not line:
                continue
            name, operator, rest = _split(line)
            if not name or not operator or (operator == "<<" and not rest):
                return _failed(bindings, number, "neither NAME=value nor NAME<<DELIMITER: the runner fails the step")
            if operator == "=":
                bindings.append(Binding(name, rest, number))
                continue
            try:
                closing = lines.index(rest, number)
            except ValueError:
                closing = count
            if closing == count:
                return _failed(bindings, number, "the delimiter never comes: the runner fails the step")
            bindings.append(Binding(name, "\n".join(lines[number:closing]), number))
            number = closing + 1
        return Reading(bindings, [])


class GithubEnv(GithubOutput):
    """Lines to append to `$GITHUB_ENV`."""

    name = "github"
    summary = "variables for the following steps of a GitHub Actions job, appended to $GITHUB_ENV"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses the names that the runner does not set, and what no process can be given."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if name.upper() == "NODE_OPTIONS":
            return Refusal("the runner does not take it from $GITHUB_ENV", "set it under env: in the workflow")
        if name in _DEFAULTS:
            return Refusal("the runner sets this name itself before each step", "rename the setting")
        return refuse_too_long(name, value)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """What the steps that follow get; fatal where the runner fails the step."""
        reading = super().read(text, environ)
        bindings = []
        for binding in reading.bindings:
            problem = ""
            if binding.name.upper() == "NODE_OPTIONS":
                problem = "the runner does not take it from $GITHUB_ENV"
            elif binding.name in _DEFAULTS:
                problem = "the runner sets this name itself before each step"
                bindings.append(binding)
            else:
                bindings.append(binding)
            if problem:
                reading.findings.append(
                    Finding(f"line {binding.line}", binding.name, problem, "rename the setting", rule="reserved-name")
                )
        return reading._replace(bindings=bindings)


def masks(secrets: Iterable[str]) -> str:
    """``::add-mask::`` for each secret as a whole and for each of its lines; print it before any other output.

    The runner compares line by line, so that a key is hidden only if each of its lines is.
    """
    found = dict.fromkeys(part for secret in secrets for part in (secret, *re.split("[\r\n]+", secret)) if part.strip())
    return "".join(f"::add-mask::{_escaped(part)}\n" for part in found)


def _escaped(data: str) -> str:
    return data.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _delimiter(values: Iterable[str]) -> str:
    """The same for the same values, so that what is written is the same each time."""
    # A line of a value may end in CR, which Windows takes for a part of the line end.
    lines = {line.removesuffix("\r") for value in values if "ENVKIT_END" in value for line in value.split("\n")}
    delimiter, number = "ENVKIT_END", 0
    while delimiter in lines:
        number += 1
        delimiter = f"ENVKIT_END_{number}"
    return delimiter


def _split(line: str) -> tuple[str, str, str]:
    equals, heredoc = line.find("="), line.find("<<")
    if equals >= 0 and (heredoc < 0 or equals < heredoc):
        return line[:equals], "=", line[equals + 1 :]
    if heredoc >= 0:
        return line[:heredoc], "<<", line[heredoc + 2 :]
    return "", "", ""


def _failed(bindings: list[Binding], line: int, problem: str) -> Reading:
    return Reading(bindings, [Finding(f"line {line}", "", problem, rule="malformed")], fatal=True)


def _utf16_units(value: str) -> int:
    return len(value.encode("utf-16-le")) // 2


CHANNEL = GithubEnv()
OUTPUT = GithubOutput()
