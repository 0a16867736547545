"""Arbitrary text in a description reaches the process exactly, through systemd's own parser, or is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from envkit.deployment.errors import DescriptionError
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.deployment.model import Deployment, Process, Server
from envkit.targets.registry import render_target

PROGRAM = "import json, os, sys; json.dump([sys.argv[1:], os.getcwd()], open('/var/lib/quoting.words/seen.json', 'w'))"
AWKWARD = st.text(alphabet="\"'\\%$;#{}@:!+-*? \u00e9\u2028\U0001f600nxuh0", max_size=12)
NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(n + 0xFFFE) + chr(n + 0xFFFF) for n in range(0, 0x110000, 0x10000)) + "]"
)
WORDS = st.lists(AWKWARD | st.text(max_size=20), min_size=1, max_size=30)


def service(words, folder):
    """The unit of a process with these arguments in this folder, or None where the target refuses a text."""
    deployment = Deployment(
        name="quoting",
        app="quoting:app",
        processes={"words": Process(command=("/usr/bin/python3", "-c", PROGRAM, *words), user="shop")},
        server=Server(directory=folder, virtualenv="/opt/app"),
    )
    try:
        artifacts = render_target("systemd", deployment).artifacts
    except DescriptionError:
        return None
    return next(artifact for artifact in artifacts if artifact.path.endswith("quoting-words.service"))


@settings(max_examples=25)
@given(words=WORDS, name=AWKWARD)
@example(words=["$HOME", "${HOME}", "%h", "%%", "\\x41", "a\\", "'", '"', "", " ", ";", "-", "@x", "{}"], name="x")
@example(words=["\ufffe", "\ufdd0", "\U0001ffff"], name="x")
@example(words=["x"], name="a % b\\c'd\"e $HOME")
def test_words_and_folder(machine, words, name):
    """Every argument and the working directory reach the process as they were described."""
    words = [word for word in words if not re.search(r"[\x00-\x1f\x7f]", word)]  # the reader refuses these
    try:
        folder = KINDS["path"].read(f"/srv/quoting/x{name}y")
    except Wrong:
        folder = "/srv/quoting/x"
    refused = [word for word in words if service([word], "/srv/quoting/x") is None]
    assert all(NONCHARACTER.search(word) for word in refused)
    words = [word for word in words if word not in refused]
    unit = service(words, folder)
    machine.path(folder).mkdir(parents=True, exist_ok=True)
    machine.write("/etc/systemd/system/quoting-words.service", unit.text)
    seen = Path(machine.path("/var/lib/quoting.words/seen.json"))
    seen.unlink(missing_ok=True)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "quoting-words.service")
    machine.wait(seen.exists, "the process wrote nothing")
    machine.run("systemctl", "stop", "quoting-words.service")
    assert json.loads(seen.read_text()) == [words, folder]
