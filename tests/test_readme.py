"""The README is the manual, so it runs: its files are written, its commands are run, and what they print is compared.

A code block after a comment `<!-- file: NAME -->` is written to NAME; in a `console` block each line after `$ ` is run
by bash, and the lines up to the next one are what it must print. `<!-- run: COMMAND -->` runs a command that the reader
need not see. Every `##` section starts in an empty folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(
    r"<!-- run: (?P<run>.*?) -->|(?:<!-- file: (?P<file>\S+) -->\n+)?^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Section(NamedTuple):
    title: str
    text: str


def sections() -> list[Section]:
    """The README's `##` sections that hold something to run."""
    parts = re.split(r"^## (.*)$", README.read_text(), flags=re.MULTILINE)
    found = [Section(title, text) for title, text in zip(parts[1::2], parts[2::2], strict=True)]
    return [section for section in found if "```console" in section.text]


@pytest.mark.needs("bash", "openssl", "nginx")
@pytest.mark.parametrize("section", sections(), ids=lambda section: section.title)
def test_the_readme_does_what_it_says(section: Section, tmp_path: Path) -> None:
    """Each command of the section prints exactly what the README shows."""
    environ = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"]),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
    }
    ran = 0
    for block in BLOCK.finditer(section.text):
        if block["run"]:
            run(block["run"], tmp_path, environ)
        elif block["file"]:
            (tmp_path / block["file"]).write_text(block["body"])
        elif block["language"] == "console":
            for command, expected in commands(block["body"]):
                printed = run(command, tmp_path, environ)
                assert printed == expected, f"$ {command}"
                ran += 1
    assert ran


def commands(body: str) -> list[tuple[str, str]]:
    """Each command of a console block, and the lines that follow it."""
    parts = re.split(r"^\$ (.*)\n", body, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def run(command: str, folder: Path, environ: dict[str, str]) -> str:
    """What `command` prints on both streams, read as a terminal shows it."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout
