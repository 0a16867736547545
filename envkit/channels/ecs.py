"""The ecs channels: a task definition's `secrets`, with the documents that put their values into AWS.

`ecs` uses SSM Parameter Store, one parameter a setting; `ecs-secretsmanager` uses one secret of AWS Secrets Manager
that holds all settings as JSON. The text is one JSON object; each member is the input of one AWS call
(``aws ssm put-parameter --cli-input-json …``) or the fragment for the container definition.

Sources: Amazon ECS Developer Guide, «Pass sensitive data to an Amazon ECS container»; AWS Systems Manager API
Reference, PutParameter; AWS Secrets Manager API Reference, CreateSecret.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from envkit.channels import json_lines
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.names import PROCESS, NameRule
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried, to_a_file
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envkit.channels.json_lines import Node

STANDARD_PARAMETER = 4 * 1024
"""Bytes of a standard parameter's value: PutParameter, Tier."""
ADVANCED_PARAMETER = 8 * 1024
"""Bytes of an advanced parameter's value, which is charged for."""
LARGEST_SECRET = 65_536
"""Bytes of SecretString: CreateSecret."""

_PARAMETER_NAMES = NameRule(
    re.compile(r"[A-Za-z0-9_.\-]{1,900}"), "a parameter's name consists of letters, digits, _ . and -"
)
# «Parameters can't be referenced or nested in the values of other parameters»: PutParameter, Value.
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)

SSM_RULES = (
    (
        "The task definition names a parameter for each variable; ECS puts its value in when the task starts "
        "(ECS Developer "
        "Guide, Systems Manager Parameter Store)."
    ),
    "A value has 1 byte at least and 4 KiB at most, 8 KiB as an advanced parameter (PutParameter, Tier).",
    "A value cannot hold {{…}}, which stands for another parameter (PutParameter, Value).",
    "A parameter's name consists of letters, digits and _ . - (PutParameter, Name).",
    "A running task keeps the values it started with.",
)
SECRETS_MANAGER_RULES = (
    (
        "The task definition names a secret and a key of its JSON for each variable: ARN:KEY:: (ECS "
        "Developer Guide, Secrets "
        "Manager)."
    ),
    "All settings together have 65,536 bytes of JSON at most (CreateSecret, SecretString).",
    "Every value is carried, the empty one too; a key cannot hold a colon, which divides the parts of the reference.",
    (
        "AWS adds six random characters to the secret's ARN; put the ARN that create-secret answers in place "
        "of the one "
        "written here."
    ),
    "A running task keeps the values it started with.",
)


@dataclass(frozen=True, slots=True)
class ParameterStoreChannel:
    """`secrets` of a container definition, and the parameters they name."""

    name: str = "ecs"
    summary: str = "an Amazon ECS task definition's secrets, and the SSM parameters they name"
    reader: str = "Amazon ECS, Systems Manager Parameter Store"
    rules: tuple[str, ...] = SSM_RULES
    prefix: str = "/app/"
    """What the parameters' names begin with."""

    def refuse(self, name: str, value: str) -> Refusal | None:
        """Empty values, more than 8 KiB, ``{{…}}``, NUL, and names that no parameter can have."""
        refusal = _PARAMETER_NAMES.refuse(name) or refuse_not_text(value)
        if refusal is not None:
            return refusal
        secrets_manager = f"take the channel ecs-secretsmanager, or {to_a_file(name)}"
        if not value:
            return Refusal("Parameter Store takes no empty value", "take the channel ecs-secretsmanager")
        if len(value) * 4 > ADVANCED_PARAMETER and len(value.encode()) > ADVANCED_PARAMETER:
            return Refusal("the value is longer than the 8 KiB that Parameter Store takes", secrets_manager)
        if "{{" in value and _NESTED.search(value):
            return Refusal("the value holds {{…}}, which Parameter Store takes for another parameter", secrets_manager)
        return None

    def write(self, settings: Mapping[str, str]) -> str:
        """``containerDefinition`` and a list of ``putParameter`` inputs.

        Raises:
            ValueError: a value is refused.
        """
        require_carried(self, settings)
        secrets = [{"name": name, "valueFrom": f"{self.prefix}{name}"} for name in settings]
        parameters = [
            {
                "Name": f"{self.prefix}{name}",
                "Value": value,
                "Type": "SecureString",
                "Tier": "Standard" if len(value.encode()) <= STANDARD_PARAMETER else "Advanced",
                "Overwrite": True,
            }
            for name, value in settings.items()
        ]
        return _text({"containerDefinition": {"secrets": secrets}, "putParameter": parameters})

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (no references)
        """The variables of the container: those with a plain value, and secrets whose parameter is in `text`."""
        document = json_lines.parse(text)
        if isinstance(document, Finding):
            return Reading([], [document], fatal=True)
        parameters = document.get("putParameter")
        values = {
            name: value
            for parameter in (parameters.items() if parameters else ())
            if (name := _member(parameter, "Name")) is not None and (value := _member(parameter, "Value")) is not None
        }
        # A parameter of the same region may be named by its ARN as well.
        return _reading(document, lambda reference: values.get(re.sub(r"^arn:[^/]*:parameter(?=/)", "", reference)))


@dataclass(frozen=True, slots=True)
class SecretsManagerChannel:
    """`secrets` of a container definition, and the one secret that holds them."""

    name: str = "ecs-secretsmanager"
    summary: str = "an Amazon ECS task definition's secrets, and the AWS secret that holds them"
    reader: str = "Amazon ECS, AWS Secrets Manager"
    rules: tuple[str, ...] = SECRETS_MANAGER_RULES
    secret: str = "app"  # noqa: S105  (a name, no secret)
    """The secret's name."""
    region: str = "REGION"
    account: str = "ACCOUNT"

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL, what no process can be given or no secret holds, and names with a colon."""
        refusal = PROCESS.refuse(name) or refuse_not_text(value)
        if refusal is None and ":" in name:
            refusal = Refusal("a colon in the name divides the parts of the reference", "rename the setting")
        if refusal is None and len(_secret_string({name: value})) > LARGEST_SECRET:
            refusal = Refusal("the value is longer than the 65,536 bytes that a secret holds", to_a_file(name))
        return refusal or refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """``containerDefinition`` and the input of ``createSecret``.

        Raises:
            ValueError: a value is refused, or all together have more than 65,536 bytes.
        """
        require_carried(self, settings)
        secret_string = _secret_string(settings)
        if len(secret_string) > LARGEST_SECRET:
            problem = f"all values together have {len(secret_string):,} bytes of JSON, above 65,536"
            raise ValueError(f"{self.name}: {problem}. Write two secrets")
        arn = f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{self.secret}"
        secrets = [{"name": name, "valueFrom": f"{arn}:{name}::"} for name in settings]
        secret = {"Name": self.secret, "SecretString": secret_string.decode()}
        return _text({"containerDefinition": {"secrets": secrets}, "createSecret": secret})

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (no references)
        """The variables of the container: those with a plain value, and secrets whose value is in `text`."""
        document = json_lines.parse(text)
        if isinstance(document, Finding):
            return Reading([], [document], fatal=True)
        secret = document.get("createSecret")
        inner = json_lines.parse((_member(secret, "SecretString") if secret else None) or "{}")
        if isinstance(inner, Finding):
            line = secret.line if secret else document.line
            problem, hint = "SecretString is not JSON", "give it one object of strings"
            return Reading([], [Finding(f"line {line}", "", problem, hint, rule="malformed")], fatal=True)

        def look_up(reference: str) -> str | None:
            key = reference.split(":")[7:8]
            return _member(inner, key[0]) if key else None

        return _reading(document, look_up)


def _reading(document: Node, look_up: Any) -> Reading:
    bindings: list[Binding] = []
    findings: list[Finding] = []
    container = document.get("containerDefinition") or document
    for field, reference in (("environment", "value"), ("secrets", "valueFrom")):
        for name, found, line in _entries(container, field, reference):
            value = found if field == "environment" else look_up(found)
            if value is None:
                problem, hint = "the value it refers to is not in this text", "add the document that creates it"
                findings.append(Finding(f"line {line}", name, problem, hint, "warning", "unknown-reference"))
            bindings.append(Binding(name, value, line))
    return Reading(bindings, findings)


def _entries(container: Node, field: str, reference: str) -> Iterator[tuple[str, str, int]]:
    entries = container.get(field)
    for entry in entries.items() if entries else ():
        name, value = _member(entry, "name"), _member(entry, reference)
        if name is not None and value is not None:
            yield name, value, entry.line


def _member(node: Node, name: str) -> str | None:
    member = node.get(name)
    return member.text() if member else None


def _secret_string(settings: Mapping[str, str]) -> bytes:
    return json.dumps(dict(settings), ensure_ascii=False, separators=(",", ":")).encode()


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


ECS = ParameterStoreChannel()
SECRETS_MANAGER = SecretsManagerChannel()
