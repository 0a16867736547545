"""The kubernetes channels: Secret and ConfigMap manifests, for containers with `envFrom`.

Sources: Kubernetes API reference, Secret v1 and ConfigMap v1; kubernetes/kubernetes `pkg/apis/core/validation`
(names, 1 MiB). The YAML is checked with kubectl 1.20 and 1.32.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envkit.channels import kubectl
from envkit.channels.channel import Binding, Reading, Refusal
from envkit.channels.refusals import refuse_not_text, refuse_too_long, require_carried
from envkit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envkit.channels.manifest import Entry

LARGEST_RESOURCE = 1024 * 1024
"""Bytes of all values of a Secret or ConfigMap together: MaxSecretSize, ValidateConfigMap."""

RULES = (
    "A Secret's data is base64; stringData is text and wins over data of the same name (Secret v1).",
    "A ConfigMap's data is text; its binaryData never becomes a variable (ConfigMap v1, kubelet envFrom).",
    (
        "A name consists of letters, digits, -, _ and . and has 253 characters at most; with a digit first "
        "it is a key, but "
        "envFrom leaves it out."
    ),
    "All values of one resource together have 1 MiB at most; one variable 131,071 bytes with its name (execve(2)).",
    "A number, true, no, null or another word that YAML 1.1 takes for no string is refused by the API server.",
    "In envFrom nothing is replaced; $(NAME) is, in a container's own `env`.",
    (
        "Manifests are written with one quoted value a line. Of YAML, block mappings, quotes, plain words "
        "and | blocks are "
        "read, and all of JSON."
    ),
)


@dataclass(frozen=True, slots=True)
class KubernetesChannel:
    """A manifest of one kind."""

    kind: str
    name: str
    summary: str
    reader: str = "Kubernetes API server, envFrom"
    rules: tuple[str, ...] = RULES
    resource: str = "app"
    """The resource's own name."""

    def refuse(self, name: str, value: str) -> Refusal | None:
        """NUL, what no process can be given, and names that are no key or that envFrom leaves out."""
        return kubectl.NAMES.refuse(name) or refuse_not_text(value) or refuse_too_long(name, value)

    def write(self, settings: Mapping[str, str]) -> str:
        """One manifest.

        Raises:
            ValueError: a value is refused, or all together have more than 1 MiB.
        """
        require_carried(self, settings)
        size = sum(len(value.encode()) for value in settings.values())
        if size > LARGEST_RESOURCE:
            raise ValueError(f"{self.name}: all values together have {size:,} bytes, above 1 MiB. Write two resources")
        lines = ["apiVersion: v1", f"kind: {self.kind}", "metadata:", f"  name: {quote(self.resource)}"]
        if self.kind == "Secret":
            lines.append("type: Opaque")
        lines.append("data:" if settings else "data: {}")
        for name, value in settings.items():
            text = b64encode(value.encode()).decode() if self.kind == "Secret" else value
            lines.append(f"  {quote(name)}: {quote(text)}")
        return "\n".join(lines) + "\n"

    def read(self, text: str, environ: Mapping[str, str] | None = None) -> Reading:  # noqa: ARG002  (no references)
        """The variables that `envFrom` with every Secret and ConfigMap of `text` gives."""
        from envkit.channels.manifest import UnreadableError, resources

        bindings: list[Binding] = []
        findings: list[Finding] = []
        try:
            for kind, fields in resources(text):
                for name, value, line in _variables(kind, fields):
                    if kubectl.NAMES.refuse(name):
                        problem = "envFrom leaves this key out"
                        findings.append(Finding(f"line {line}", "", problem, kubectl.NAMES.problem, rule="bad-name"))
                    else:
                        bindings.append(Binding(name, value, line))
        except UnreadableError as unreadable:
            finding = Finding(f"line {unreadable.line}", "", unreadable.problem, unreadable.hint, rule="malformed")
        else:
            return Reading(bindings, findings)
        return Reading(bindings, [*findings, finding], fatal=True)


def quote(text: str) -> str:
    """`text` as a YAML string in double quotes, with everything escaped that a YAML 1.1 reader may not take raw."""
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


_TO_ESCAPE = re.compile("[^ !#-\\[\\]-~\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _variables(kind: str, fields: Mapping[str, list[Entry]]) -> Iterator[Entry]:
    from envkit.channels.manifest import Entry, UnreadableError

    if kind == "ConfigMap":
        yield from fields.get("data", ())
        return
    plain = fields.get("stringData", ())
    for name, value, line in fields.get("data", ()):
        decoded = _decoded(value)
        if decoded is None:
            raise UnreadableError(line, "the value is not base64", "use stringData for plain text")
        yield Entry(name, decoded.decode("utf-8", "surrogateescape"), line)
    yield from plain


def _decoded(value: str) -> bytes | None:
    try:
        # Go's decoder skips CR and LF.
        return b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except ValueError:
        return None


KUBERNETES = KubernetesChannel("Secret", "kubernetes", "a Kubernetes Secret manifest")
CONFIGMAP = KubernetesChannel("ConfigMap", "configmap", "a Kubernetes ConfigMap manifest, for what is no secret")
