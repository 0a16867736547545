"""What the target nginx renders, and that the real nginx and a linter for its configuration accept it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from envkit.operations.writing import write_artifacts
from envkit.targets.nginx import JUDGE, render
from tests.targets.nginx.matrix import MATRIX, described, judges

CHECKS_NOT_RUN = {
    "try_files_is_evil_too": "try_files stands before one page only, which is sent when the app is not to be reached",
}
"""gixy's checks that are left out, and why. nginx_cves is silent without a version: it is about the program."""
ONCE = ("nginx/nginx.conf", "nginx/maintenance.html")
"""Kept as a golden file for one description: the first holds the sites, the other depends on one number only."""


def acceptable(issue, deployment):
    """The linter's findings that do not hold for these files.

    gixy cannot know that the description declares an OpenSSL that has the post-quantum group (the judge, built with
    such a one, accepts it); and it wants HSTS from the catch-all of an old nginx, which never answers, and where the
    description turns HSTS off.
    """
    if issue["plugin"] == "ssl_ecdh_curve":
        return "post-quantum group" in issue["summary"] and deployment.versions.openssl is not None
    if issue["plugin"] == "hsts_header":
        is_catch_all = issue["config"].split() == ["server", "{", "server_name", "_;", "}"]
        return is_catch_all or deployment.http.hsts.max_age == 0
    return False


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_files(name, golden):
    """Each description of the matrix gives the files that were looked at."""
    rendering = render(described(name))
    for artifact in rendering.artifacts:
        if artifact.path not in ONCE or name == "letsencrypt":
            golden(f"{name}/{artifact.path.removeprefix('nginx/').replace('/', '-')}", artifact.text)
    golden(f"{name}/findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))


@pytest.mark.parametrize("name", MATRIX)
def test_the_complete_file_holds_the_very_text_of_the_sites(name):
    """nginx.conf is the sites' text inside `http`, and a few lines of its own."""
    complete, *sites = (a.text for a in render(described(name)).artifacts if a.path.endswith(".conf"))
    lines = [line.strip() for line in complete.splitlines()]
    for site in sites:
        body = [line.strip() for line in site.partition("\n\n")[2].splitlines()]
        assert "\n".join(body).strip() in "\n".join(lines)


@pytest.mark.parametrize("name", MATRIX)
def test_same_bytes(name):
    """Rendering twice gives the same bytes."""
    assert render(described(name)) == render(described(name))


@pytest.mark.parametrize(
    ("name", "program"),
    [
        pytest.param(name, program, marks=pytest.mark.needs(program, "openssl"))
        for name in MATRIX
        for program in judges(name)
    ],
)
def test_judge_accepts(name, program, tmp_path):
    """The nginx of the version declared accepts the complete file, and the sites alone."""
    deployment = described(name)
    write_artifacts(render(deployment).artifacts, tmp_path)
    command = JUDGE.command(tmp_path, deployment)
    verdict = subprocess.run([*command, program], capture_output=True, text=True, timeout=60, check=False)

    assert verdict.returncode == 0, verdict.stderr
    warnings = [
        line for line in verdict.stderr.splitlines() if '"listen ... http2" directive is deprecated' not in line
    ]
    assert warnings == []


@pytest.mark.parametrize("name", MATRIX)
def test_linter_is_content(name, tmp_path):
    """Its linter finds nothing in the complete file."""
    deployment = described(name)
    path = tmp_path / "nginx.conf"
    path.write_text(render(deployment).artifacts[0].text)
    gixy = [sys.executable, "-c", "from gixy.cli.main import main; main()"]
    report = subprocess.run(
        [*gixy, "--format", "json", "--skips", ",".join(CHECKS_NOT_RUN), path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert [issue for issue in json.loads(report.stdout) if not acceptable(issue, deployment)] == [], report.stderr
