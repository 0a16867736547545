"""The compose channels: files for `env_file` and a project's `.env`, as Compose 2 and docker-compose 1.29 read them.

`compose` is Compose 2, `compose-v1` is docker-compose 1.29, `compose-raw` is ``format: raw`` of Compose 2.30 and later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import docker, dotenv, portable
from envkit.channels.names import NameRule
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envkit.channels.channel import Reading, Refusal

NAMES = NameRule(
    re.compile(r"[A-Za-z0-9_.\-\[\]]+"),
    "Compose takes letters, digits and _ . - [ ] in a name",
)

RULES = (
    (
        'In double quotes \\n, \\r, \\t, \\a, \\b, \\f, \\v, \\", \\\\ and \\0 with three octal digits are '
        "escapes, and \\$ or $$ is a "
        "dollar sign (compose-go dotenv/parser.go)."
    ),
    "In single quotes nothing is replaced and only \\' is an escape: \\\\ stays two backslashes.",
    "Without quotes the value ends at the line's end or at a # after a space; blanks at both ends go.",
    (
        "$NAME, ${NAME}, ${NAME:-x}, ${NAME-x}, ${NAME:+x}, ${NAME+x}, ${NAME:?x} and ${NAME?x} are replaced "
        "in double quotes and "
        "without quotes, defaults within defaults too; Compose's own environment goes before the file's lines "
        "(compose-go template/template.go)."
    ),
    (
        "A quote that is not closed, a ${ that begins no reference, a blank or any character but letters, digits and "
        "_ . - [ ] in a name is an error for the whole file. `export` before a name is dropped, NAME: value is taken."
    ),
    "What follows a closing quote is read as the next statement.",
    (
        "A bare name takes the value of Compose's own environment; at the end of a file without a line end "
        "it is taken for a "
        "value without a name."
    ),
    "The last of two equal names wins. In a project's .env, variables of the environment win over the file.",
)

V1_RULES = (
    "python-dotenv 0.21 reads the file: see the dotenv channel (docker-compose 1.29.2 compose/config/environment.py).",
    "A quote after any backslash, an escaped one too, does not end a value: a final backslash is written as ${:-\\\\}.",
    "NAME= # text has the value `# text`.",
    "A bare name takes the value of the environment, or is removed from the container.",
    "In a project's .env, variables of the environment win over the file.",
)


@dataclass(frozen=True, slots=True)
class ComposeChannel:
    """A channel whose reader is Compose 2."""

    name: str = "compose"
    summary: str = "Compose 2: env_file and a project's .env"
    reader: str = "Docker Compose 2.26 to 2.40"
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL, what no process can be given, and names that Compose cannot read."""
        return NAMES.refuse(name) or refuse_not_text(value) or refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One assignment a setting.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return "".join([f"{name}={spell(value)}\n" for name, value in settings.items()])

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The variables that `env_file` gives to a service; a file that Compose does not understand is fatal."""
        from envkit.channels.compose_file import read

        return read(text, {} if environ is None else environ)


@dataclass(frozen=True, slots=True)
class ComposeV1Channel:
    """A channel whose reader is docker-compose 1.29."""

    name: str = "compose-v1"
    summary: str = "docker-compose 1.29: env_file and a project's .env"
    reader: str = "docker-compose 1.29 with python-dotenv 0.21"
    rules: tuple[str, ...] = V1_RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL, what no process can be given, and names that python-dotenv cannot read."""
        return dotenv.NAMES.refuse(name) or refuse_not_text(value) or refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One assignment a setting.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return "".join([f"{name}={dotenv.spell(value)}\n" for name, value in settings.items()])

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The variables that `env_file` gives to a service; lines that cannot be read are skipped."""
        from envkit.channels.compose_v1 import read

        return read(text, {} if environ is None else environ)


def spell(value: str) -> str:
    """The right side of ``NAME=``: bare or in quotes where many readers agree, else in escaped double quotes."""
    plain = portable.bare(value) or portable.quoted(value)
    return f'"{value.translate(_ESCAPES)}"' if plain is None else plain


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "$": "\\$"})

COMPOSE = ComposeChannel()
COMPOSE_V1 = ComposeV1Channel()
COMPOSE_RAW = docker.DockerChannel(
    name="compose-raw",
    summary="Compose 2.30 and later, env_file with format: raw: raw values on one line each",
    reader="Docker Compose 2.40",
    rules=tuple(
        rule.replace("docker stops", "Compose stops").replace("docker's own", "Compose's own") for rule in docker.RULES
    ),
)
