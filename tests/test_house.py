"""The house: which of envkit's folders may import which, so that arrows keep running one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import envkit

HOUSE = Path(envkit.__file__).parent
ARROWS = {
    "deployment": ["findings"],
    "rendering": ["generated"],
    "settings": ["findings", "generated", "channels.escape"],  # the codec that private keys share with the channels
    # What reads a .env for the loader; none of it imports a channel.
    "channels": ["findings", "settings.dotenv", "settings.dotenv_grammar", "settings.interpolation"],
    "targets": ["findings", "deployment", "rendering"],
    "operations": ["findings", "generated", "deployment", "settings", "channels", "targets"],
    "cli": ["findings", "deployment", "settings", "channels", "targets", "operations"],
}


@pytest.mark.parametrize("folder", ARROWS)
def test_a_folder_imports_only_what_lies_below_it(folder):
    """Nothing below the command line knows the command line, and no target knows a setting's value."""
    allowed = tuple(f"envkit.{name}" for name in (folder, *ARROWS[folder]))
    wrong = [
        f"{file.relative_to(HOUSE)} imports {module}"
        for file in (HOUSE / folder).rglob("*.py")
        for module in _imported(file)
        if not f"{module}.".startswith(tuple(f"{name}." for name in allowed))
    ]
    assert wrong == []


def test_every_folder_has_its_arrows():
    """A new folder must say what it may import."""
    assert {path.parent.name for path in HOUSE.glob("*/__init__.py")} == set(ARROWS)


def _imported(file: Path) -> list[str]:
    """The modules of envkit that a file imports, at its top or within a function, for types or for good."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names if alias.name != "__version__"]
            found += [f"envkit.{name}" for name in names] if node.module == "envkit" else [node.module or ""]
    return [module for module in found if module.split(".")[0] == "envkit"]
