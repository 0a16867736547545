"""The targets by name, and what is said when a text does not fit a target's language."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import Deployment, Http, Maintenance, Process, Server, StaticFiles
from envkit.rendering.environments import quoter
from envkit.targets.registry import TARGETS, render_target, target

SHOP = Deployment(name="shop", app="shop:app")


@pytest.mark.parametrize("name", TARGETS)
def test_every_target(name):
    """Each target renders the least description, and has a judge and a language."""
    assert render_target(name, SHOP).artifacts
    assert target(name).JUDGE.program
    assert callable(quoter(target(name).LANGUAGE))


def test_unknown_target():
    """A name that no target has is an error."""
    with pytest.raises(KeyError):
        render_target("apache", SHOP)


def test_refused_text_is_named():
    """A text that a language cannot hold is told by its key, and not by its value."""
    http = Http(content_security_policy="canary $x", static={"/s/": StaticFiles(directory="/canary$")})
    with pytest.raises(DescriptionError) as caught:
        render_target("nginx", replace(SHOP, http=http))
    reason = "target nginx: nginx cannot hold a dollar sign, which begins a variable and has no escape"
    assert [str(finding) for finding in caught.value.findings] == [
        f'envkit.toml: http.static."/s/".directory: {reason}',
        f"envkit.toml: http.content_security_policy: {reason}",
    ]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_text_that_another_target_refuses_is_not_blamed():
    """A command that nginx's files do not hold may have a dollar sign, and is not told beside the key that is wrong."""
    worker = Process(command=("sh", "-c", "echo $HOME"))
    flagged = replace(SHOP, processes={"worker": worker}, maintenance=Maintenance(flag="/srv/a b$c"))
    with pytest.raises(DescriptionError) as caught:
        render_target("nginx", flagged)
    assert [finding.name for finding in caught.value.findings] == ["maintenance.flag"]


def test_refused_text_of_a_line_is_named():
    """So is one that envkit refuses in its place alone, at the end of a line of a unit, or joined with more."""
    server = Server(directory="/srv/shop", env_file="/etc/shop/env ")
    with pytest.raises(DescriptionError) as caught:
        render_target("systemd", replace(SHOP, server=server))
    assert [finding.name for finding in caught.value.findings] == ["server.env_file"]


def test_refused_part_of_a_text_is_named():
    """So is the key of a path of which envkit writes the folder and the file apart."""
    with pytest.raises(DescriptionError) as caught:
        render_target("nginx", replace(SHOP, maintenance=Maintenance(page="/srv/a$b/page.html")))
    assert [finding.name for finding in caught.value.findings] == ["maintenance.page"]


def test_one_target_imports_no_other():
    """A target that was not asked for is not imported."""
    code = (
        "import sys; from envkit.deployment.model import Deployment; "
        "from envkit.targets.registry import render_target; "
        "render_target('gunicorn', Deployment(name='a', app='a:b')); "
        "assert not {'envkit.targets.nginx', 'pydantic', 'gunicorn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
