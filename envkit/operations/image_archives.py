"""The archives that hold an image, read once as they come: by `docker save`, old and new, podman, or an OCI layout."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from envkit.operations.image_layers import Found, found_in_layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LARGEST_DOCUMENT = 16 * 1024 * 1024
_ZSTD = b"\x28\xb5\x2f\xfd"
"""How Zstandard begins (RFC 8878, section 3.1.1); tarfile reads it from Python 3.14 on."""
_DEEPEST = 4
"""Indexes within indexes: a layout, the image's platforms, and none more are known."""


class Layer(NamedTuple):
    """One layer, in words for a message, and what was found in it."""

    words: str
    found: tuple[Found, ...]


class Image(NamedTuple):
    """One image of an archive."""

    configuration: Mapping[str, Any]
    """`config`, with a list `Env`, and the list `history`, as the OCI Image Configuration 1.1 has them."""
    layers: tuple[Layer, ...]


class Unread(Exception):  # noqa: N818 - it says what the layer is
    """A layer cannot be read, and an image of which a part was not seen must not count as clean."""


def read_archive(stream: IO[bytes]) -> tuple[Image, ...]:
    """The images of an archive. Its layers may stand before the documents that say their order.

    Args:
        stream: read forwards only; what is held in memory does not grow with the layers.

    Raises:
        Unread: a layer is compressed or spoilt beyond reading.
        tarfile.TarError: it is no archive, or its documents are none of an image. EOFError: it is cut off.
    """
    layers: dict[str, tuple[Found, ...] | str] = {}
    documents: dict[str, Any] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or not member.size:
                continue
            is_blob = "blobs/" in member.name
            begins = file.peek(8)[:8]  # type: ignore[attr-defined] # a BufferedReader, as documented
            if (is_blob and begins[:1] in (b"{", b"[") and member.size <= _LARGEST_DOCUMENT) or _is_document(member):
                data = file.read()
                try:
                    documents[member.name] = json.loads(data)
                    continue
                except (ValueError, RecursionError):  # a layer whose first file's name begins so
                    file = BytesIO(data)
            if is_blob or member.name.endswith(".tar"):
                layers[member.name] = _found(file, begins)
    return tuple(_images(documents, layers))


def _is_document(member: tarfile.TarInfo) -> bool:
    return member.name.endswith(".json") and member.size <= _LARGEST_DOCUMENT


def _found(file: IO[bytes], begins: bytes) -> tuple[Found, ...] | str:
    """What a layer holds, or why it cannot be read: which matters only if an image has it."""
    try:
        return tuple(found_in_layer(file))
    except (tarfile.TarError, EOFError, OSError):
        return "is compressed by Zstandard" if begins.startswith(_ZSTD) else "is no archive"


def _images(documents: dict[str, Any], layers: dict[str, tuple[Found, ...] | str]) -> Iterator[Image]:
    known: set[str] = set()
    for configuration, names in _described(documents):
        lines = [_line(step) for step in configuration["history"] if not step.get("empty_layer")]
        known.update(names)
        yield Image(
            configuration,
            tuple(
                _layer(f"layer {number} of {len(names)}{lines[number - 1] if len(lines) == len(names) else ''}", found)
                for number, name in enumerate(names, start=1)
                # Not there: a link to a layer of the same content, which stands there by its own name.
                if (found := layers.get(name)) is not None
            ),
        )
    for name, found in layers.items():
        if name not in known and not isinstance(found, str):
            yield Image(_configuration(None), (Layer(name, found),))


def _layer(words: str, found: tuple[Found, ...] | str) -> Layer:
    if isinstance(found, str):
        raise Unread(f"{words} {found}")
    return Layer(words, found)


def _described(documents: dict[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """The configuration of each image and the members that are its layers, the lowest first.

    By manifest.json, which docker and podman write; without it by index.json (OCI Image Layout Specification 1.1).
    """
    if "manifest.json" in documents:
        for entry in map(_table, _list(documents["manifest.json"])):
            configuration = documents.get(str(entry.get("Config", "")))
            yield _configuration(configuration), [str(name) for name in _list(entry.get("Layers"))]
        return
    yield from _of_an_index(_table(documents.get("index.json")), documents, _DEEPEST)


def _of_an_index(
    index: Mapping[str, Any], documents: dict[str, Any], depth: int
) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    for entry in map(_table, _list(index.get("manifests"))):
        manifest = _table(documents.get(_blob(entry)))
        if "manifests" in manifest and depth:
            yield from _of_an_index(manifest, documents, depth - 1)
        elif "layers" in manifest:
            layers = map(_table, _list(manifest["layers"]))
            names = [_blob(layer) for layer in layers if "tar" in str(layer.get("mediaType", "tar"))]
            yield _configuration(documents.get(_blob(_table(manifest.get("config"))))), names


def _configuration(document: Any) -> dict[str, Any]:
    """Its `config` with the variables in a list, and its `history`; empty where they are missing."""
    configuration = _table(document)
    config = _table(configuration.get("config"))
    history = [_table(step) for step in _list(configuration.get("history"))]
    return {"config": {**config, "Env": _list(config.get("Env"))}, "history": history}


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise tarfile.ReadError("a document is not of the shape that an image's has")
    return value or {}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list | None):
        raise tarfile.ReadError("a document is not of the shape that an image's has")
    return value or []


def _blob(descriptor: Mapping[str, Any]) -> str:
    return f"blobs/{str(descriptor.get('digest', '')).replace(':', '/', 1)}"


def _line(step: Mapping[str, Any]) -> str:
    """` (COPY . .)`: the instruction, unless it is long or runs a shell, whose words may hold a value."""
    words = instruction_of(step)
    instruction = words.split(" ", 1)[0]
    return f" ({' '.join(words.split())})" if instruction in {"ADD", "COPY"} and len(words) < 100 else ""


def instruction_of(step: Mapping[str, Any]) -> str:
    """The line of the Dockerfile as the history of an image keeps it, without what its builder put around."""
    words = str(step.get("created_by", "")).removeprefix("/bin/sh -c #(nop)").strip()
    return words.removesuffix("# buildkit").strip()
