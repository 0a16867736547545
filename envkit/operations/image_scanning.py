"""Scanning a container image: secrets that were copied into a layer stay there, whatever a later layer deletes."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from envkit.findings import Finding, FindingsError, Severity, words_of
from envkit.operations.image_archives import Image, Unread, read_archive
from envkit.operations.image_configurations import findings_in
from envkit.operations.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from envkit.operations.image_layers import Found


class ImageError(FindingsError):
    """The image cannot be read; `findings` says why."""

    def __init__(self, finding: Finding) -> None:
        """Keeps the finding."""
        super().__init__((finding,))


def scan_image(image: str, secrets: Container[str] = ()) -> tuple[Finding, ...]:
    """Every env file and every private key in any layer of an image, and every secret in its configuration.

    Args:
        image: what `docker save` (or, without docker, `podman save`) knows, or the file that it wrote. An archive of
            an OCI layout does as well.
        secrets: the names of settings that are secret, whatever their values look like.

    Returns:
        A finding for each, which names the setting, or the layer and the path, and holds nothing of the file but
        names. Keys that packages bring, mostly for their own tests, are warnings, and so is Flask's .flaskenv.

    Raises:
        ImageError: there is no such image, it cannot be read, or there is no program docker.
    """
    try:
        if _is_archive(image):
            with Path(image).open("rb") as file:
                return _findings(image, read_archive(file), secrets)
        return _findings(image, _images_of_the_engine(image), secrets)
    except (tarfile.TarError, EOFError) as error:
        problem = f"is no archive that docker save writes: {type(error).__name__}"
        hint = ""
    except OSError as error:
        problem, hint = words_of(error), ""
    except Unread as unread:
        problem = f"cannot be looked through: {unread}"
        hint = "build it with layers compressed by gzip, or not at all"
    raise ImageError(Finding("", image, problem, hint))


def _is_archive(image: str) -> bool:
    try:
        return Path(image).is_file()
    except OSError:  # longer than a file's name can be
        return False


def _images_of_the_engine(image: str) -> tuple[Image, ...]:
    program = find_program("docker") or find_program("podman")
    if program is None:
        hint = "install docker, or name an archive that docker save wrote"
        raise ImageError(Finding("", "docker", "no such program", hint))
    if image.startswith("-"):
        raise ImageError(Finding("", image, "is no name of an image"))
    name = Path(program).name
    known = subprocess.run([program, "image", "inspect", image], check=False, capture_output=True)
    if known.returncode:
        said = known.stderr.decode(errors="replace").strip().splitlines()
        raise ImageError(Finding("", image, f"{name} cannot read it", said[-1] if said else ""))
    with subprocess.Popen([program, "save", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None  # noqa: S101  as asked for
        images = read_archive(process.stdout)
        _drain(process.stdout)
    if process.returncode:
        raise ImageError(Finding("", image, f"{name} could not save it"))
    return images


def _drain(stream: IO[bytes]) -> None:
    """Reads what follows the archive's end, or the program would not end."""
    while stream.read(64 * 1024):
        pass


def _findings(image: str, images: tuple[Image, ...], secrets: Container[str]) -> tuple[Finding, ...]:
    """Configurations first, then the layers in their order; what several images share is told once."""
    found = [finding for one in images for finding in findings_in(image, one.configuration, secrets)]
    found += [finding for one in images for finding in _in_layers(image, one)]
    return tuple(dict.fromkeys(found))


def _in_layers(image: str, one: Image) -> Iterator[Finding]:
    for layer in one.layers:
        for found in layer.found:
            severity: Severity = "warning" if found.is_likely_public else "error"
            hint = "" if found.is_likely_public else _hint(found)
            problem = f"{found.problem} is in the image, for everyone who can pull it"
            yield Finding(f"{image}, {layer.words}", f"/{found.path}", problem, hint, severity=severity)


def _hint(found: Found) -> str:
    name = found.path.rpartition("/")[2]
    return f"add **/{name} to .dockerignore, build again, and replace the secrets: no later layer takes them out"
