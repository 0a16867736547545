"""What must not be in an image's configuration: secret settings, and private keys, by ENV, by ARG or in its history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from envkit.findings import Finding
from envkit.operations.image_archives import instruction_of
from envkit.operations.image_layers import PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

_FOR_ALL = "in the image, for everyone who can pull it"
_BY_ENV = "take it out of the Dockerfile, build again, replace the secret, and give it to the container when it starts"
_BY_ARG = (
    "an argument of a build stays in the image's history: take it out, build again, replace the secret, and give it "
    "to the build by RUN --mount=type=secret"
)
_ASSIGNED = re.compile(r"(?:^|(?<=\s))([A-Za-z_][A-Za-z0-9_]{0,127})=(?=\S)")


def findings_in(image: str, configuration: Mapping[str, Any], secrets: Container[str]) -> Iterator[Finding]:
    """A finding for each secret, which names the setting and shows no value.

    Args:
        image: the origin of the findings.
        configuration: as `image_archives.Image` holds it.
        secrets: the names of settings that are secret.
    """
    told: set[str] = set()
    config = configuration["config"]
    for text in config["Env"]:
        name, _, value = str(text).partition("=")
        if value and (what := _what(name, value, secrets)):
            told.add(name)
            yield Finding(image, name, f"{what} is {_FOR_ALL}, by ENV", _BY_ENV)
    for number, step in enumerate(configuration["history"], start=1):
        for name, what in _in_history(instruction_of(step), number, secrets):
            if name not in told:
                told.add(name)
                yield Finding(image, name, f"{what} is {_FOR_ALL}, in line {number} of its history", _BY_ARG)
    rest = {key: value for key, value in config.items() if key != "Env"}
    if any(_is_key(text) for text in _texts(rest)):
        yield Finding(image, "its configuration", f"a private key is {_FOR_ALL}, in a label or command", _BY_ENV)


def _what(name: str, value: str, secrets: Container[str]) -> str:
    if name in secrets:
        return "the value of a secret setting"
    return "a private key" if _is_key(value) else ""


def _in_history(words: str, number: int, secrets: Container[str]) -> Iterator[tuple[str, str]]:
    """Names with what is told of them, from one line: ENV and ARG, and the arguments that `RUN |2 A=b C=d …` was given.

    A shell's own words are passed over: `RUN SECRET_KEY=none manage.py collectstatic` sets nothing.
    """
    given = _assignments(words)
    for name in given:
        if name in secrets:
            yield name, "the value of a secret setting"
    found = PRIVATE_KEY.search(words.encode(errors="replace"))
    if found is not None:
        before = words.encode(errors="replace")[: found.start()].decode(errors="replace").rstrip("\"'")
        named = re.search(r"(?:^|\s)([A-Za-z_][A-Za-z0-9_]{0,127})=$", before)
        if not (named and named[1] in secrets):
            yield named[1] if named else f"line {number}", "a private key"


def _assignments(words: str) -> list[str]:
    """The names that a line gives a value; a value may hold blanks, and so may look like more names than there are."""
    instruction, _, rest = words.partition(" ")
    if instruction in ("ENV", "ARG"):
        old_form = re.match(r"([A-Za-z_][A-Za-z0-9_]*)\s+\S", rest.strip())  # ENV NAME value
        return [old_form[1]] if old_form and instruction == "ENV" else _ASSIGNED.findall(rest)
    arguments = re.match(r"(?:RUN )?\|[0-9]+ ", words)
    return _ASSIGNED.findall(words[arguments.end() :].partition(" /bin/sh -c ")[0]) if arguments else []


def _is_key(text: str) -> bool:
    if PRIVATE_KEY.search(text.encode(errors="replace")):
        return True
    if len(text) < _SHORTEST_KEY:
        return False
    from envkit.settings.private_key import KeyProblem, read_private_key

    try:
        read_private_key(text)  # also in base64, or with its newlines lost
    except KeyProblem:
        return False
    return True


_SHORTEST_KEY = 100
"""Characters: an Ed25519 key in PEM has 119."""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
