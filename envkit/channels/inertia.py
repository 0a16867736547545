"""Inertia's command line, `inertia REMOTE env set`, and a file sent by `inertia REMOTE send`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.dotenv import DOTENV
from envkit.channels.names import IDENTIFIER
from envkit.channels.refusals import refuse_not_text, require_carried
from envkit.channels.shell_words import BeyondError, commands, quote
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (
    (
        "Each setting is one command, inertia REMOTE env set -- NAME VALUE, quoted for a POSIX shell; run the "
        "script with the remote's name in REMOTE. Values arrive as they are, with dashes and line breaks (inertia"
        " 0.7, cmd/remotes/env.go)."
    ),
    (
        "-- ends the options: without it a value that begins with - is taken for one. An error then prints the "
        "whole value (spf13/pflag 1.0.5), -e is obeyed, and --debug is dropped. No other dash needs a backslash."
    ),
    "A value that is exactly --config or --simple is seen even behind -- (inertia 0.7, cmd/root.go).",
    "An empty value is refused by the daemon: invalid env configuration.",
    "One argument may have 131,071 bytes on Linux (execve(2), MAX_ARG_STRLEN).",
    "Values stand in the arguments of the command: other users of the machine can see them while it runs (ps).",
    "A change takes effect when the project's containers are started next.",
    (
        "In a docker-compose project the values reach a service only where the Compose file names them: "
        "environment: [NAME] or ${NAME} (inertia 0.7, daemon/inertiad/build)."
    ),
)
SEND_RULES = (
    (
        "Write the file, then run inertia REMOTE send FILE --perm 0600; the default mode, 0655, lets everybody "
        "read it (inertia 0.7, cmd/remotes/remotes.go). The path must be relative."
    ),
    (
        "It lands in the project's folder, is part of the Docker build context (name it in .dockerignore), and is"
        " wiped by a redeployment."
    ),
    "A docker-compose project does not see it when its services start: only the Compose file is mounted then.",
    "A failed copy is not reported: look for the file afterwards.",
    *DOTENV.rules,
)

_LONGEST_ARGUMENT = 131_071
_SEEN_ANYWHERE = ("--config", "--simple")
_REMOTE = '"$REMOTE"'


class Inertia:
    """A script of `inertia REMOTE env set` commands."""

    name = "inertia"
    summary = "a script of commands: inertia REMOTE env set -- NAME VALUE"
    reader = "inertia 0.7 (cobra 1.1, pflag 1.0.5) behind a POSIX shell"
    rules = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses what the command line misreads even behind ``--``, and the empty value."""
        refusal = IDENTIFIER.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        if not value:
            return Refusal("inertia stores no empty value", "leave the setting out: envkit takes empty for unset")
        if value in _SEEN_ANYWHERE:
            return Refusal("inertia takes this value for one of its own options", "send it in a file, by inertia send")
        if len(value) * 4 > _LONGEST_ARGUMENT and len(value.encode()) > _LONGEST_ARGUMENT:
            return Refusal(
                f"the value is longer than the {_LONGEST_ARGUMENT:,} bytes that one argument can have",
                "send it in a file, by inertia send",
            )
        return None

    def write(self, settings: Mapping[str, str]) -> str:
        """A POSIX shell script, to be run with the remote's name in ``REMOTE``.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        # A setting that could not be stored must not be missing in silence, nor an unset REMOTE.
        lines = (f"inertia {_REMOTE} env set -- {name} {quote(value)}\n" for name, value in settings.items())
        return "set -eu\n" + "".join(lines) if settings else ""

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (expands nothing)
        """What inertia stores when a shell runs the text; commands other than `inertia … env` are left out."""
        bindings: list[Binding] = []
        findings: list[Finding] = []
        try:
            for words in commands(text):
                line = words[0].line
                # The remote may be a variable; every other word must be plain.
                arguments = [word.text() for word in words]
                if arguments[0] != "inertia" or arguments[2:4] != ["env", "set"]:
                    if arguments != ["set", "-eu"]:
                        findings.append(_finding(line, "", "not a command inertia REMOTE env set", "not-an-assignment"))
                    continue
                plain = [argument for argument in arguments[4:] if argument is not None]
                if len(plain) < len(arguments) - 4:
                    findings.append(_finding(line, "", "a value that the shell expands", "expands"))
                    continue
                stored, problem = _parsed(plain)
                if stored is None:
                    findings.append(_finding(line, "", problem, "malformed", "write -- before the name"))
                    continue
                name, value = stored
                bindings.append(Binding(name, value, line))
        except BeyondError as error:
            findings.append(_finding(error.line, "", error.problem, error.rule))
            return Reading(bindings, findings, fatal=True)
        return Reading(bindings, findings)


def _parsed(arguments: list[str]) -> tuple[tuple[str, str] | None, str]:
    """What `env set` stores, as pflag takes its arguments apart (options may stand between the others)."""
    positional: list[str] = []
    position = 0
    if any(argument in _SEEN_ANYWHERE for argument in arguments):
        return None, "--config or --simple is seen anywhere on the command line"
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if argument == "--":
            positional += arguments[position:]
            break
        if len(argument) < 2 or argument[0] != "-":
            positional.append(argument)
        elif argument in ("--encrypt", "--short", "--debug"):
            continue
        elif argument.startswith("--") or not set(argument[1:]) <= {"e", "s"}:
            return None, "a value that begins with - is taken for an option, and the error prints it"
    if len(positional) != 2:
        return None, "not one name and one value"
    if not positional[1]:
        return None, "inertia stores no empty value"
    return (positional[0], positional[1]), ""


def _finding(line: int, name: str, problem: str, rule: str, hint: str = "") -> Finding:
    return Finding(f"line {line}", name, problem, hint, rule=rule)


class InertiaSend:
    """A `.env` file for `inertia REMOTE send`."""

    name = "inertia-send"
    summary = "a .env file for inertia REMOTE send FILE --perm 0600"
    reader = f"what the project's own code reads it with: {DOTENV.reader}"
    rules = SEND_RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Refuses what the `dotenv` channel refuses."""
        return DOTENV.refuse(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """The text of the `dotenv` channel.

        Raises:
            ValueError: a value is refused; the message holds no value.
        """
        require_carried(self, settings)
        return DOTENV.write(settings)

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """As the `dotenv` channel reads it."""
        return DOTENV.read(text, environ)


CHANNEL = Inertia()
SEND = InertiaSend()
