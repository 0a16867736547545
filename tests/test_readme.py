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
from typing import TYPE_CHECKING, NamedTuple

import pytest

from envkit.channels.registry import channel
from envkit.cli import COMMANDS
from envkit.settings.private_key import KeyProblem, read_private_key
from tests.settings.made_keys import made_key

if TYPE_CHECKING:
    from envkit.channels.channel import Channel

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


def test_every_command_is_named() -> None:
    """The README shows how each command is called."""
    text = README.read_text()
    assert [name for name in COMMANDS if not re.search(rf"\benvkit {name}\b", text)] == []


SPELLINGS = {
    "pasted with its line breaks": "GITHUB_KEY={key}\nOTHER=1\n",
    "newlines as `\\n`, no quotes": "GITHUB_KEY={line}\nOTHER=1\n",
    "newlines as `\\n`, in double quotes": 'GITHUB_KEY="{line}"\nOTHER=1\n',
}


def test_the_table_of_what_channels_do_to_a_key() -> None:
    """Each cell says what the channel's reader makes of a key, and how the channel carries it."""
    heading, rows = key_table()
    assert {"`dotenv`", "`docker`", "`json`"} < {name for name, *_ in rows}
    key = made_key("rsa-pkcs8").text
    for name, *cells in rows:
        carrier = channel(name.strip("`"))
        expected = [arrives(carrier, SPELLINGS[title], key) for title in heading[1:4]]
        assert cells == [*expected, written(carrier, key)], name


def key_table() -> tuple[list[str], list[list[str]]]:
    """The cells of the README's table, its heading first."""
    lines = [line for line in README.read_text().split("\n") if line.startswith("| ")]
    start = next(number for number, line in enumerate(lines) if line.startswith("| channel |"))
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:]]
    width = len(table[0])
    return table[0], [row for row in table[1:] if len(row) == width]


def arrives(carrier: Channel, spelling: str, key: str) -> str:
    """What a PrivateKey setting gets when the key is written so, by hand."""
    if not isinstance(carrier.write({"OTHER": "1"}), str) or "OTHER" not in carrier.read("OTHER=1\n").values():
        return "–"  # no file of NAME=value lines
    reading = carrier.read(spelling.format(key=key, line=key.replace("\n", "\\n")))
    if reading.fatal:
        return "file refused"
    value = reading.values().get("GITHUB_KEY")
    if value is None:
        return "lost"
    try:
        same = read_private_key(value).text == key
    except KeyProblem:
        return "cut at its first line break" if value.count("-----") == 2 else "bent"
    return "whole" if same else "changed"


def written(carrier: Channel, key: str) -> str:
    """How `envkit export` spells a private key for this channel."""
    if carrier.refuse("GITHUB_KEY", key) is None:
        return "it as it is"
    return "newlines as `\\n`" if carrier.refuse("GITHUB_KEY", key.replace("\n", "\\n")) is None else "nothing"
