"""New code on a booted server, by the one command of the example's README."""

from __future__ import annotations

import json
import re

import pytest

from tests.systemd.conftest import AMY, EXAMPLES, beside

REFUSED = ("--post", "/", "--body", "x", "--status", "422")
"""POSTs without a name, of which no jobs come."""
SERVICES = ("amy-web.service", "amy-worker.service", "amy-scheduler.service")


def command():
    """What the README says of a new version of the code."""
    readme = (EXAMPLES / "amy/README.md").read_text()
    return re.search(r"^\| a new version of the code \| `([^`]+)`", readme, re.MULTILINE)[1].split()


@pytest.fixture
def edit(amy):
    """A function that edits the app's code on the disk; the first version runs again at the end."""
    kept = {}

    def replace(name, old, new):
        place = amy.path(f"/srv/amy/amy/{name}")
        kept[place] = place.read_text()
        assert old in kept[place]
        place.write_text(kept[place].replace(old, new))

    yield replace
    for place, text in kept.items():
        place.write_text(text)
    if health(amy) != "well":
        amy.run("systemctl", "restart", *SERVICES)


def health(amy):
    """The body of the healthy answer."""
    return amy.ask("/health", AMY, tls=True)[2].strip()


def processes(amy):
    """The main process of each service."""
    return [amy.show(service, "MainPID")[0] for service in SERVICES]


def backups(amy):
    """How many there are."""
    return len(json.loads(amy.run(*beside("amy"), "envkit", "backup", "list", "--json")))


def migrations(amy):
    """How often the release process came to its end."""
    said = amy.run("journalctl", "-u", "amy-release", "-o", "cat", "--no-pager")
    return len(re.findall("^Finished amy-release.service", said, re.MULTILINE))


def test_new_code(amy, edit):
    """One backup, the migrations once, every process with the new code, and no request fails meanwhile."""
    before, backed_up, migrated = processes(amy), backups(amy), migrations(amy)
    edit("__init__.py", 'return "well\\n"', 'return "better\\n"')
    with amy.load(*REFUSED, "--tls", "--pause", "0.02", host=AMY, port=443, requests=1000) as load:
        amy.run(*command())
    assert load.result["failed"] == {}
    assert health(amy) == "better"
    assert (backups(amy), migrations(amy)) == (backed_up + 1, migrated + 1)
    assert not {*before} & {*processes(amy)}


@pytest.mark.parametrize(
    ("name", "line", "broken"),
    [
        ("migrate.py", "def main() -> None:", "def main() -> None:\n    raise SystemExit('no')"),
        ("__init__.py", "from .queue import enqueue", "from .no_such_module import enqueue"),
    ],
)
def test_new_code_that_fails(amy, edit, name, line, broken):
    """Where the migrations fail or the code cannot be imported, so does the command, and the old code goes on."""
    before = processes(amy)
    edit("__init__.py", 'return "well\\n"', 'return "better\\n"')
    edit(name, line, broken)
    assert "failed" in amy.run(*command(), check=False)
    assert amy.show("amy-deploy.service", "Result") == ["exit-code"]
    assert health(amy) == "well"
    assert processes(amy) == before
    amy.run("systemctl", "reset-failed")
