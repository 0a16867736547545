"""The json channel: one object with a string for each setting.

Source: RFC 8259.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import json_lines
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.refusals import refuse_not_text, require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (
    "One object; every member is a setting and its value a string (RFC 8259).",
    "A member that is no string is no setting: a number such as 1.50 or a list has no one text.",
    "null stands for a setting without a value.",
    "The last of two equal names wins, as in Python, JavaScript and jq.",
    "Every value is carried but NUL, which no environment can hold.",
)


@dataclass(frozen=True, slots=True)
class JsonChannel:
    """A JSON object."""

    name: str = "json"
    summary: str = "a JSON object of strings"
    reader: str = "any JSON reader"
    rules: tuple[str, ...] = RULES

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL and bytes that are not UTF-8."""
        return refuse_not_text(name) or refuse_not_text(value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One member a line.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        return json.dumps(dict(settings), indent=2, ensure_ascii=False) + "\n"

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (no references)
        """The members of the object; anything but one object is fatal."""
        document = json_lines.parse(text)
        if isinstance(document, Finding):
            return Reading([], [document], fatal=True)
        if not isinstance(document.value, dict):
            problem = "not a JSON object"
            return Reading([], [Finding(f"line {document.line}", "", problem, _HINT, rule="malformed")], fatal=True)
        bindings: list[Binding] = []
        findings: list[Finding] = []
        for name, node in (*document.repeated, *document.value.items()):
            if node.value is None or isinstance(node.value, str):
                bindings.append(Binding(name, node.value, node.line))
            else:
                problem = "the value is not a string"
                findings.append(Finding(f"line {node.line}", name, problem, _HINT, rule="not-a-string"))
        return Reading(bindings, findings)


_HINT = 'write {"NAME": "value"}'

JSON = JsonChannel()
