"""Scanning a container image: secrets that were copied into a layer stay there, whatever a later layer deletes."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from envkit.findings import Finding, Severity
from envkit.operations.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1024 * 1024
"""Bytes of the largest file that is looked into for a private key."""
_LARGEST_DOCUMENT = 16 * 1024 * 1024
_EXAMPLES = frozenset({".env.defaults", ".env.dist", ".env.example", ".env.sample", ".env.schema", ".env.template"})
_PRIVATE_KEY = re.compile(
    # A line of its own, or in one line with the newlines escaped; what follows is no pattern but a key (RFC 7468).
    rb"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----(\\n|\r?\n)([A-Za-z-]+: [^\n]*\n)*\r?\n?[A-Za-z0-9+/=]{40}"
)
_OF_PACKAGES = re.compile(r"(?:^|/)(?:site-packages|dist-packages)/|^usr/(?:share|lib)/")


class ImageError(Exception):
    """The image cannot be read; `findings` says why."""

    def __init__(self, finding: Finding) -> None:
        """Keeps the finding."""
        self.findings = (finding,)
        super().__init__(str(finding))


class _Found(NamedTuple):
    path: str
    problem: str
    is_of_a_package: bool


def scan_image(image: str) -> tuple[Finding, ...]:
    """Every env file and every private key in any layer of an image.

    Args:
        image: what `docker save` knows, or the file that it wrote. podman writes the same form.

    Returns:
        A finding for each, which names the layer and the path and holds nothing of the file but names. Keys that
        packages bring, mostly for their own tests, are warnings.

    Raises:
        ImageError: there is no such image, or no program docker.
    """
    problem = ""
    try:
        if Path(image).is_file():
            with Path(image).open("rb") as file:
                return _findings(image, file)
        return _findings_of_the_engines(image)
    except (tarfile.TarError, EOFError) as error:
        problem = f"is no archive that docker save writes: {type(error).__name__}"
    raise ImageError(Finding("", image, problem))


def _findings_of_the_engines(image: str) -> tuple[Finding, ...]:
    program = find_program("docker")
    if program is None:
        hint = "install docker, or name an archive that docker save wrote"
        raise ImageError(Finding("", "docker", "no such program", hint))
    if image.startswith("-"):
        raise ImageError(Finding("", image, "is no name of an image"))
    known = subprocess.run([program, "image", "inspect", image], check=False, capture_output=True)
    if known.returncode:
        said = known.stderr.decode(errors="replace").strip().splitlines()
        raise ImageError(Finding("", image, "docker cannot read it", said[-1] if said else ""))
    with subprocess.Popen([program, "save", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101  as asked for
        found = _findings(image, process.stdout)
        process.stdout.read()  # what follows the archive's end
    if process.returncode:
        raise ImageError(Finding("", image, "docker could not save it"))
    return found


def _findings(image: str, stream: IO[bytes]) -> tuple[Finding, ...]:
    """Reads the archive once, as it comes: its layers may stand before the documents that say their order."""
    layers: dict[str, list[_Found]] = {}
    documents: dict[str, Any] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            document = _document(file, member)
            if document is not None:
                documents[member.name] = document
            elif member.name.endswith(".tar") or "blobs/" in member.name:
                layers[member.name] = list(_found_in_layer(file, member))
    return tuple(_in_order(image, layers, documents))


def _document(file: IO[bytes], member: tarfile.TarInfo) -> Any:
    """The JSON that a member holds, or None where it holds something else."""
    is_named = member.name.endswith(".json")
    if not is_named and not ("blobs/" in member.name and file.peek(1)[:1] in (b"{", b"[")):  # type: ignore[attr-defined]
        return None
    if member.size > _LARGEST_DOCUMENT:
        return None
    try:
        return json.loads(file.read())
    except ValueError:
        return None


def _found_in_layer(file: IO[bytes], member: tarfile.TarInfo) -> Iterator[_Found]:
    if not member.size:
        return
    with tarfile.open(fileobj=file, mode="r|*") as layer:
        for inner in layer:
            if not inner.isfile():
                continue
            path = inner.name.removeprefix("./")
            opened = layer.extractfile(inner) if inner.size <= LARGEST else None
            content = opened.read() if opened else b""
            if _is_env_file(path):
                yield _Found(path, f"an env file{_names_in(content)}", is_of_a_package=False)
            if b"PRIVATE KEY-----" in content and _PRIVATE_KEY.search(content):
                yield _Found(path, "a private key", _OF_PACKAGES.search(path) is not None)


def _is_env_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return (name == ".env" or name.startswith(".env.")) and name not in _EXAMPLES


def _names_in(content: bytes) -> str:
    from envkit.settings.dotenv import parse

    names = [name for name, value in parse(content.decode(errors="replace"), interpolate=False).values.items() if value]
    shown = [name for name in names if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name)][:8]
    if not shown:
        return ""
    return f" (it sets {', '.join(shown)}{' and more' if len(names) > len(shown) else ''})"


def _in_order(image: str, layers: dict[str, list[_Found]], documents: dict[str, Any]) -> Iterator[Finding]:
    """The findings in the order of the layers, each with the line of the Dockerfile that made its layer."""
    order: list[tuple[str, str]] = []
    for entry in documents.get("manifest.json") or ():
        history = (documents.get(entry.get("Config", "")) or {}).get("history") or ()
        lines = [_line(step) for step in history if not step.get("empty_layer")]
        names = entry.get("Layers") or ()
        order += [
            (name, f"layer {number + 1} of {len(names)}{lines[number] if len(lines) == len(names) else ''}")
            for number, name in enumerate(names)
        ]
    known = {name for name, _ in order}
    order += [(name, name) for name in layers if name not in known]
    for name, layer in order:
        for found in layers.get(name, ()):
            severity: Severity = "warning" if found.is_of_a_package else "error"
            hint = "" if found.is_of_a_package else _hint(found)
            problem = f"{found.problem} is in the image, for everyone who can pull it"
            yield Finding(f"{image}, {layer}", f"/{found.path}", problem, hint, severity=severity)


def _line(step: dict[str, Any]) -> str:
    """` (COPY . .)`: the instruction, unless it is long or runs a shell, whose words may hold a value."""
    words = str(step.get("created_by", "")).removeprefix("/bin/sh -c #(nop) ").removesuffix(" # buildkit").strip()
    instruction = words.split(" ", 1)[0]
    return f" ({' '.join(words.split())})" if instruction in {"ADD", "COPY"} and len(words) < 100 else ""


def _hint(found: _Found) -> str:
    name = found.path.rpartition("/")[2]
    return f"add **/{name} to .dockerignore, build again, and replace the secrets: no later layer takes them out"
