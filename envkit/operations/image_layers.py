"""What must not be in a layer of an image: env files, and files that hold a private key."""

from __future__ import annotations

import re
import tarfile
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1024 * 1024
"""Bytes of the largest file that is looked into."""
PRIVATE_KEY = re.compile(
    # A line of its own, or in one line with the newlines escaped; what follows is no pattern but a key (RFC 7468, and
    # with the word BLOCK RFC 9580, where an empty line comes between).
    rb"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----(\\n|\r?\n)([A-Za-z-]+: [^\n]*\n)*(\\n|\r?\n)?"
    rb"[A-Za-z0-9+/=]{40}"
)
_EXAMPLES = frozenset(
    {".env.defaults", ".env.dist", ".env.example", ".env.sample", ".env.schema", ".env.template", "example.env"}
)
_BACKUP = re.compile(r"~$|\.(?:bak|old|orig|save|swp)$")
"""What editors and people add to the name of a file that they keep."""
_WITHOUT_DOT = frozenset({"env.local", "env.prod", "env.production", "env.staging"})
"""Of the names that begin with `env.` those that are nothing else: env.py is Alembic's, env.js a frontend's."""
_OF_PACKAGES = re.compile(r"(?:^|/)(?:site-packages|dist-packages)/|^usr/(?:share|lib)/")


class Found(NamedTuple):
    """One file that must not be there."""

    path: str
    problem: str
    is_likely_public: bool
    """A package brings it, or it is made for what everybody may know."""


def found_in_layer(file: IO[bytes]) -> Iterator[Found]:
    """What is in a layer, compressed or not, though a later layer may delete it.

    Raises:
        tarfile.TarError: it is no archive.
    """
    with tarfile.open(fileobj=file, mode="r|*") as layer:
        while (inner := layer.next()) is not None:
            layer.members.clear()  # type: ignore[attr-defined] # or it remembers every file that it has passed
            if not (inner.isfile() or inner.islnk()):
                continue
            path = inner.name.removeprefix("./")
            # A hard link has the content of another path, which is looked into there.
            opened = layer.extractfile(inner) if inner.isfile() and inner.size <= LARGEST else None
            content = opened.read() if opened else b""
            name = _BACKUP.sub("", path.rpartition("/")[2])
            if _is_env_file(name) or (name == ".envrc" and _names_in(content)):
                # Flask's documentation keeps what is public in .flaskenv, and secrets in .env.
                public = name == ".flaskenv" or (_OF_PACKAGES.search(path) is not None and not name.startswith("."))
                yield Found(path, f"an env file{_names_in(content)}", public)
            if b"PRIVATE KEY" in content and PRIVATE_KEY.search(content):
                yield Found(path, "a private key", _OF_PACKAGES.search(path) is not None)


def _is_env_file(name: str) -> bool:
    if name == ".flaskenv" or name in _WITHOUT_DOT:
        return True
    # `app.env` is what an exported file is called in the documentation.
    # A name that begins with .wh. says of a layer below that its file is deleted (OCI Image Layer 1.1, whiteouts).
    return (name.startswith(".env.") or name.endswith(".env")) and not name.startswith(".wh.") and name not in _EXAMPLES


def _names_in(content: bytes) -> str:
    from envkit.settings.dotenv import parse

    names = [name for name, value in parse(content.decode(errors="replace"), interpolate=False).values.items() if value]
    shown = [name for name in names if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name)][:8]
    if not shown:
        return ""
    return f" (it sets {', '.join(shown)}{' and more' if len(names) > len(shown) else ''})"
