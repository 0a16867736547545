"""The dotenv channel: a `.env` file as python-dotenv reads it, and with it Flask, pipenv, environs, pydantic-settings.

Source: theskumar/python-dotenv `parser.py`, `variables.py`. Checked against python-dotenv 0.21 and 1.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import portable
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import NameRule
from envkit.channels.refusals import refuse_not_text, require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = NameRule(
    re.compile(r"(?![\'\ufeff])[^=#\s\0\ud800-\udfff]+"),
    "python-dotenv takes no name that is empty, begins with a quote or holds a blank, = or #",
)

RULES = (
    (
        "Quotes of either kind end at the same quote without a backslash before it, line breaks included "
        "(python-dotenv parser.py)."
    ),
    r"In double quotes \n, \r, \t, \a, \b, \f, \v, \\, \' and \" are escapes, in single quotes \\ and \' only.",
    "Without quotes the value ends at the line's end or at a # with a blank before it; blanks at both ends go.",
    (
        "${NAME} and ${NAME:-default} are replaced in every kind of quotes, single ones included; $NAME is not "
        "(variables.py). A file's own lines win over the environment."
    ),
    "CR and CR LF become LF, because the file is opened in text mode; a CR is written as \\r.",
    "A line that cannot be read is skipped with a warning; a quote that is never closed costs its line.",
    "A name without = has no value. The last of two equal names wins.",
    "load_dotenv leaves variables alone that are already set, unless called with override=True.",
)


def spell(value: str) -> str:
    r"""The right side of ``NAME=``: bare or in quotes where many readers agree, else as every python-dotenv reads it.

    Up to 1.2.1 python-dotenv took a quote after any backslash, an escaped one too, for an escaped quote, so a final
    backslash is written as a default value: ``${:-\\}``.
    """
    plain = portable.bare(value) or portable.quoted(value)
    if plain is not None:
        return plain
    body = value[:-1] if value[-1:] == "\\" else value
    body = body.translate(_ESCAPES).replace("${", "${:-$}{")
    return f'"{body}${{:-\\\\}}"' if value[-1:] == "\\" else f'"{body}"'


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class DotenvChannel:
    """A channel whose reader is python-dotenv."""

    name: str = "dotenv"
    summary: str = "a .env file for python-dotenv, as Flask, pipenv and pydantic-settings use it"
    reader: str = "python-dotenv 0.21 to 1.2"
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL, and names that python-dotenv cannot read; every other value is carried."""
        return NAMES.refuse(name) or refuse_not_text(value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One assignment a setting.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return "".join([f"{name}={spell(value)}\n" for name, value in settings.items()])

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:
        """The variables as `dotenv_values` returns them, with the findings for lines that it skips."""
        from envkit.settings.dotenv import parse

        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        parsed = parse(text, environ={} if environ is None else environ)
        findings = [
            Finding(f"line {line}", "", problem, hint, rule="malformed") for line, problem, hint in parsed.problems
        ]
        return Reading([Binding(*binding) for binding in parsed.bindings], findings)


DOTENV = DotenvChannel()
