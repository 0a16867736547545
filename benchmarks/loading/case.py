"""The settings that every peer loads, and where they are: 25 exported variables, 25 lines of `.env`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 49
KINDS = ("str", "int", "bool", "float", "list")
EXAMPLES = {"str": "value-{}", "int": "{}", "bool": "true", "float": "{}.5", "list": "a{0},b{0}"}


def kinds() -> dict[str, str]:
    """Field name to kind."""
    return {f"setting_{number}": KINDS[number % len(KINDS)] for number in range(COUNT)}


def write(folder: Path) -> dict[str, str]:
    """Writes `.env` into `folder` and gives the variables to export."""
    key = subprocess.run(["openssl", "genrsa", "4096"], capture_output=True, text=True, check=True).stdout
    texts = {name.upper(): EXAMPLES[kind].format(number) for number, (name, kind) in enumerate(kinds().items())}
    filed = {name: text for number, (name, text) in enumerate(texts.items()) if number % 2}
    lines = [f"{name}={text}\n" for name, text in filed.items()]
    lines.append("GITHUB_KEY={}\n".format(key.replace("\n", "\\n")))
    (folder / ".env").write_text("".join(lines))
    return {name: text for name, text in texts.items() if name not in filed}
