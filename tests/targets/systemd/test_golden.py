"""What the target systemd renders, and that systemd itself accepts it and finds it tight."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import Deployment, Process
from envkit.deployment.reading import read_description
from envkit.operations import systemd_judge
from envkit.operations.writing import write_artifacts
from envkit.targets.registry import render_target
from envkit.targets.systemd import render
from tests.targets.systemd.matrix import HEAD, MATRIX


def rendered(name):
    """The rendering of a description of the matrix."""
    return render_target("systemd", read_description(HEAD + MATRIX[name], {}))


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_files(name, golden):
    """Each description of the matrix gives the files and findings that were looked at."""
    rendering = rendered(name)
    seen = []
    for artifact in rendering.artifacts:
        if artifact.path.endswith((".conf.py", "ensure-certificate.sh")):
            continue  # of other targets, which have golden files of their own
        seen.append(f"==> {artifact.path} {artifact.mode:04o}\n{artifact.text}")
    golden(f"{name}.txt", "\n".join([*seen, "==> findings", *map(str, rendering.findings), ""]))


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", MATRIX)
def test_judge_accepts(name, tmp_path):
    """The judge, systemd-analyze verify, accepts every unit without a warning."""
    write_artifacts(rendered(name).artifacts, tmp_path)
    assert systemd_judge.main([str(tmp_path / "systemd")]) == 0


@pytest.mark.needs("systemd-analyze")
def test_judge_refuses(tmp_path, capfd):
    """A key that systemd does not know, which it would ignore, is refused by the judge; so is a broken line."""
    for before, after in (("Type=notify", "Tipe=notify"), ("ExecStart=/", "ExecStart=no/")):
        artifacts = rendered("least").artifacts
        write_artifacts(artifacts, tmp_path, force=True)
        path = tmp_path / "systemd/etc/systemd/system/shop-web.service"
        path.write_text(path.read_text().replace(before, after))
        assert systemd_judge.main([str(tmp_path / "systemd")]) == 1
        assert "shop-web.service" in capfd.readouterr().err


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("process", ["web", "worker", "clock", "backup", "release", "check"])
def test_sandbox(process, tmp_path):
    """Systemd's own measure of exposure is 2.0 or better, of 10."""
    write_artifacts(rendered("everything").artifacts, tmp_path)
    unit = tmp_path / f"systemd/etc/systemd/system/shop-{process}.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 2.0
    assert done.returncode == 0


@pytest.mark.parametrize("name", MATRIX)
def test_ejectable(name):
    """What is rendered runs without envkit: Python imports the standard library alone, and the check may be missing."""
    for artifact in rendered(name).artifacts:
        if artifact.path.endswith("wait-until-healthy"):
            imported = {
                alias.name
                for node in ast.walk(ast.parse(artifact.text))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            assert imported == {"http.client", "socket", "sys", "time"}
        for line in artifact.text.splitlines():
            asked_for = line == "ExecStart=/srv/shop/venv/bin/envkit run release"  # with a backup before it
            if line.startswith("Exec") and "bin/envkit" in line and not asked_for:
                assert line.startswith(("ExecStartPre=", "ExecStart="))
                assert line.partition("=")[2].startswith('/bin/sh -c "if test -x ')


def test_what_a_unit_cannot_hold_is_named():
    """A text that has no spelling in a unit is refused by its key: the programs all at once."""
    description = HEAD + '[server]\ndirectory = "/srv/my app"\n[processes.worker]\ncommand = ["/opt/a b", "x"]\n'
    with pytest.raises(DescriptionError) as caught:
        render_target("systemd", read_description(description, {}))
    reason = "a systemd unit cannot hold a program's name with characters that mean an order, a blank or a quote"
    assert [str(finding) for finding in caught.value.findings] == [
        f"envkit.toml: server.directory: target systemd: {reason}",
        f"envkit.toml: processes.worker.command: target systemd: {reason}",
    ]
    description = HEAD + '[processes.worker]\ncommand = ["true", "\\ufdd0"]\n'
    with pytest.raises(DescriptionError) as caught:
        render_target("systemd", read_description(description, {}))
    assert [finding.name for finding in caught.value.findings] == ["processes.worker.command[1]"]


def test_names_of_units_are_refused():
    """A process that is named like a unit of its own cannot be rendered."""
    described = "".join(f"[processes.{name}]\ncommand = 'true'\n" for name in ("deploy", "check", "certificate"))
    with pytest.raises(DescriptionError) as caught:
        render_target("systemd", read_description(HEAD + described, {}))
    problem = "target systemd: shop-{0}.service is a unit of its own. give the process another name"
    assert [str(finding) for finding in caught.value.findings] == [
        f"envkit.toml: processes.{name}: {problem.format(name)}" for name in ("certificate", "check", "deploy")
    ]


@pytest.mark.needs("systemd-analyze")
def test_units_of_the_system_are_not_replaced(tmp_path):
    """An app named like a target of systemd's would change how the machine starts; so would one with such a service."""
    with pytest.raises(DescriptionError) as caught:
        render_target("systemd", read_description(HEAD.replace('"shop"', '"multi-user"'), {}))
    assert str(caught.value.findings[0]) == (
        "envkit.toml: name: target systemd: multi-user.target is a unit of systemd's own. give the app another name"
    )
    described = HEAD.replace('"shop"', '"systemd"') + '[processes.journald]\ncommand = "true"\n'
    write_artifacts(render(read_description(described, {})).artifacts, tmp_path)
    command = [sys.executable, "-m", "envkit.operations.systemd_judge", str(tmp_path / "systemd")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    own = "/usr/lib/systemd/system/systemd-journald.service"
    assert f"systemd-journald.service: would stand in for the system's own {own}\n" in done.stderr
    done = subprocess.run([*command[:-1], str(tmp_path / "empty")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/empty/etc/systemd/system: no such folder\n")


@pytest.mark.needs("systemd-analyze")
def test_an_ipv6_address_is_listened_on(tmp_path):
    """The brackets of such an address stand in the socket unit as they are, and systemd reads them."""
    artifacts = render(read_description(HEAD + '[http]\nupstream = "[::1]:8000"\n', {})).artifacts
    (unit,) = (artifact.text for artifact in artifacts if artifact.path.endswith("shop-web.socket"))
    assert "\nListenStream=[::1]:8000\n" in unit
    write_artifacts(artifacts, tmp_path)
    assert systemd_judge.main([str(tmp_path / "systemd")]) == 0


def test_static_files_that_nginx_may_not_read_are_told():
    """What the app itself writes is for the app alone, and nginx would answer 403 without a word anywhere."""
    described = "".join(
        f'[http.static."/{name}/"]\ndirectory = "{folder}"\n'
        for name, folder in (("static", "/srv/shop/static"), ("media", "/var/lib/shop/media"), ("b", "/var/lib/shop-b"))
    )
    (finding,) = render(read_description(HEAD + described, {})).findings
    assert str(finding) == (
        'envkit.toml: http.static."/media/".directory: lies in the folder that only the app may enter, so nginx '
        "answers 403. keep the files beside the code, or let nginx in: usermod --append --groups shop www-data, and "
        "restart it"
    )


def test_containers_are_refused():
    """A description whose upstream is a service of containers cannot be rendered as units."""
    deployment = read_description(HEAD + '[http]\nupstream = "web:8000"\n', {})
    with pytest.raises(DescriptionError) as caught:
        render(deployment)
    assert str(caught.value) == (
        "envkit.toml: http.upstream: target systemd: names a service of containers, and systemd starts none. "
        "leave it out, or use compose"
    )


def test_a_table_of_containers_alone_is_refused_with_a_way_out():
    """No upstream is written there that could be left out; the one that the message names is taken."""
    with pytest.raises(DescriptionError) as caught:
        render(read_description(HEAD + "[container]\n", {}))
    assert str(caught.value) == (
        "envkit.toml: http.upstream: target systemd: names a service of containers, and systemd starts none: where "
        "there is a table [container], it is web:8000 unless given. for systemd alone, render with "
        "ENVKIT_HTTP__UPSTREAM=unix:/run/shop/web.sock, or use compose"
    )
    there = read_description(HEAD + "[container]\n", {"ENVKIT_HTTP__UPSTREAM": "unix:/run/shop/web.sock"})
    assert render(there) == render(read_description(HEAD, {}))


def test_a_database_in_several_settings_is_backed_up_alike():
    """The units, the folder and the release are those of a database in one setting."""
    one = MATRIX["everything"]
    several = one.replace('[backup]\ndatabase = "DATABASE_URL"\n', '[backup.postgres]\nname = "DB_NAME"\n')
    assert several != one
    assert render(read_description(HEAD + several, {})) == render(read_description(HEAD + one, {}))


@pytest.mark.parametrize("user", ["root", "www-data", "nobody"])
def test_users_of_others_are_refused(user):
    """No process runs as root, as nginx or as nobody, whether its user is named or follows from the app's name."""
    with pytest.raises(DescriptionError, match=r"processes\.web\.user: target systemd: web would run as "):
        render(Deployment(name="shop", app="shop:app", processes={"web": Process(user=user)}))
    with pytest.raises(DescriptionError, match=r"name: target systemd: web would run as "):
        render(Deployment(name=user, app="shop:app"))
