"""Inertia's project file, and the scripts that set settings and send files, run with a stand-in for inertia."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import tomllib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.channels.registry import channel
from envkit.deployment.model import Container, Deployment
from envkit.deployment.model import Inertia as Project
from envkit.deployment.reading import read_description
from envkit.operations.writing import write_artifacts
from envkit.rendering.quoting import CannotQuote
from envkit.targets.inertia import JUDGE, render
from envkit.targets.settings import SettingName

SETTINGS = (SettingName("GITHUB_KEY", secret=True, required=True), SettingName("AWS_LOCAL"), SettingName("ORG"))
TEXT = (
    'name = "rocket2"\napp = "app.server:app"\nsettings = "config:Settings"\n[container]\n'
    '[inertia]\nurl = "git@github.com:ubclaunchpad/rocket2.git"\nbranch = "ec2-release"\n'
)
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE$x`y`\\n\n-----END RSA PRIVATE KEY-----"


def described(text=TEXT):
    """The description of a text."""
    return read_description(text, {})


@pytest.fixture
def project(tmp_path, recorder):
    """A folder with the rendered files; inertia writes down how it was called."""
    write_artifacts(render(described(), SETTINGS).artifacts, tmp_path)
    recorder.program("inertia")
    return tmp_path


def test_rendered_files(golden):
    """The files that were looked at; the Compose file has golden files of its own."""
    rendering = render(described(), SETTINGS)
    for artifact in rendering.artifacts:
        if artifact.path.startswith("inertia") and "/" not in artifact.path:
            golden(f"{artifact.path}.txt", artifact.text)
    golden("findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))
    assert "docker-compose.yml" in [artifact.path for artifact in rendering.artifacts]


@pytest.mark.parametrize(("seconds", "told"), [(10, False), (11, True)])
def test_the_time_to_stop(seconds, told):
    """Inertia gives ten seconds; who needs no more hears nothing of it."""
    findings = render(described(f"{TEXT}[http.timeouts]\ngraceful = {seconds}\n"), SETTINGS).findings
    assert any("10 s after SIGTERM" in str(finding) for finding in findings) == told


def test_what_is_lost_with_volumes():
    """Inertia removes those that nobody uses; what was in them is named."""
    tls = '[http]\ndomains = ["a.example.org"]\ntls = "letsencrypt"\n[services]\npostgres = true\n'
    *_, last = render(described(TEXT + tls), SETTINGS).findings
    assert str(last) == (
        "envkit.toml: inertia: Inertia removes volumes that no container uses, with `down` and when it deploys after a "
        "container has ended, and with them the certificate and PostgreSQL's database. keep data in folders of the "
        "server (container.data) or on another server"
    )


def test_project_file():
    """Its keys are those that Inertia 0.7 reads."""
    document = tomllib.loads(render(described(), SETTINGS).artifacts[0].text)
    assert document == {
        "version": "v0.7.0",
        "name": "rocket2",
        "url": "git@github.com:ubclaunchpad/rocket2.git",
        "profile": [
            {
                "name": "default",
                "branch": "ec2-release",
                "build": {"type": "docker-compose", "buildfile": "docker-compose.yml"},
            }
        ],
    }


def test_values_come_from_files(project, recorder):
    """Each is given as it is, behind --, with no shell in between; its last line end goes."""
    folder = project / "values"
    folder.mkdir()
    (folder / "GITHUB_KEY").write_text(PEM + "\n")
    (folder / "AWS_LOCAL").write_text("True")
    done = recorder.run(str(project / "inertia-settings.sh"), "production", str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "ORG: not set\n")
    assert recorder.calls == [
        ["inertia", "production", "env", "set", "--", "GITHUB_KEY", PEM],
        ["inertia", "production", "env", "set", "--", "AWS_LOCAL", "True"],
    ]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_shell_that_traces_prints_no_value(project, recorder, shell):
    """Whoever looks for a mistake by -x has the values in no log."""
    folder = project / "values"
    folder.mkdir()
    (folder / "GITHUB_KEY").write_text(PEM)
    done = recorder.run(shell, "-x", str(project / "inertia-settings.sh"), "production", str(folder))
    assert (done.returncode, len(recorder.calls)) == (0, 1)
    assert "set +x" in done.stderr
    assert "BEGIN" not in done.stdout + done.stderr


def test_empty_values_are_refused(project, recorder):
    """A required one fails the script at its end; so does a value that inertia takes for an option."""
    folder = project / "values"
    folder.mkdir()
    (folder / "GITHUB_KEY").write_text("\n")
    (folder / "AWS_LOCAL").write_text("--config")
    (folder / "ORG").write_text("-o")
    done = recorder.run(str(project / "inertia-settings.sh"), "production", str(folder))
    assert done.returncode == 1
    assert done.stderr == (
        "GITHUB_KEY: is required, and Inertia takes no empty value\n"
        "AWS_LOCAL: Inertia takes this value for one of its own options, even here\n"
    )
    assert recorder.calls == [["inertia", "production", "env", "set", "--", "ORG", "-o"]]


def test_values_are_asked_for(project, recorder):
    """On a terminal a prompt names the setting, and a secret one is not echoed."""
    person, terminal = pty.openpty()
    command = [str(project / "inertia-settings.sh"), "production"]
    script = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=recorder.environ(), start_new_session=True
    )
    os.close(terminal)
    seen = b""
    for name, answer in ((b"GITHUB_KEY", PEM), (b"AWS_LOCAL", "True"), (b"ORG", "")):
        while name not in seen:
            seen += os.read(person, 4096)
        if name == b"GITHUB_KEY":
            wait_until_silent(person)
        os.write(person, f"{answer}\n".encode() if answer else b"")
        os.write(person, b"\x04")
    assert script.wait(30) == 0
    try:
        while chunk := os.read(person, 4096):
            seen += chunk
    except OSError:  # the terminal is gone with the script
        pass
    os.close(person)
    assert b"MIIE" not in seen
    assert b"GITHUB_KEY (required): " in seen
    assert [call[5:] for call in recorder.calls] == [["GITHUB_KEY", PEM], ["AWS_LOCAL", "True"]]


def test_a_line_that_a_terminal_cuts_is_refused(project, recorder):
    """A key in base64 is one: the terminal hands 4,095 bytes of it over, and the others are lost."""
    person, terminal = pty.openpty()
    command = [str(project / "inertia-settings.sh"), "production"]
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, env=recorder.environ(), start_new_session=True
    ) as script:
        os.close(terminal)
        wait_until_silent(person)
        os.write(person, b"x" * 5000 + b"\n")
        said, end = b"", time.monotonic() + 30
        while b"\nGITHUB_KEY: a line of it is longer than a terminal takes" not in said:
            assert time.monotonic() < end, said
            if select.select([script.stderr], [], [], 0.2)[0]:
                said += script.stderr.read1()
            else:  # while the line is in its buffer, the terminal takes no Ctrl-D
                os.write(person, b"\x04")
        interrupt(script)
    os.close(person)
    assert recorder.calls == []


def test_an_interrupted_prompt_leaves_a_terminal_that_echoes(project, recorder):
    """Ctrl-C while a secret is asked for, where sh is dash as where it is bash."""
    for shell in ("dash", "bash"):
        person, terminal = pty.openpty()
        command = [shell, str(project / "inertia-settings.sh"), "production"]
        script = subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=recorder.environ(), start_new_session=True
        )
        wait_until_silent(person)
        assert interrupt(script) == 130
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
        os.close(terminal)
        os.close(person)
    assert recorder.calls == []


def interrupt(script):
    """Ctrl-C until it has ended, with its exit code.

    One that comes just before `cat` is there, dash keeps until `cat` ends; a person presses it again, too.
    """
    end = time.monotonic() + 30
    while script.poll() is None:
        assert time.monotonic() < end
        os.killpg(script.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            script.wait(0.2)
    return script.returncode


def wait_until_silent(terminal):
    """Returns when the terminal no longer echoes."""
    end = time.monotonic() + 20
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_send_is_for_the_owner_alone(project, recorder):
    """The file's mode there, and here, is 0600; a path that Inertia would misread is refused."""
    (project / "keys.env").write_text("A=1\n")
    (project / "keys.env").chmod(0o644)
    send = str(project / "inertia-send.sh")
    assert recorder.run(send, "production", "keys.env", cwd=project).returncode == 0
    assert recorder.calls == [["inertia", "production", "send", "keys.env", "--perm", "0600"]]
    assert (project / "keys.env").stat().st_mode & 0o777 == 0o600
    for path in ("/etc/passwd", "-p", "", "../x"):
        assert recorder.run(send, "production", path, cwd=project).returncode == 2
    assert len(recorder.calls) == 1


def test_channel_and_target_agree(project, recorder):
    """What `envkit export --to inertia` writes sets the same as the script."""
    script = project / "exported.sh"
    script.write_text(channel("inertia").write({"GITHUB_KEY": PEM, "ORG": "-o"}))
    subprocess.run(["sh", str(script)], env=recorder.environ(REMOTE="production"), check=True, timeout=30)
    assert recorder.calls == [
        ["inertia", "production", "env", "set", "--", "GITHUB_KEY", PEM],
        ["inertia", "production", "env", "set", "--", "ORG", "-o"],
    ]


@pytest.mark.needs("docker", "docker-compose")
def test_judge_accepts(project):
    """Compose accepts the file that Inertia starts, with nothing beside it."""
    alone = project / "alone"
    alone.mkdir()
    (alone / "docker-compose.yml").write_text((project / "docker-compose.yml").read_text())
    command = JUDGE.command(alone, described())
    assert command[0] == sys.executable
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


ANY = st.text(st.characters() | st.sampled_from("'\"\\\n\r\t#$\0\x7f\x85"), max_size=20)


@given(name=ANY, url=ANY, branch=ANY, version=ANY)
def test_quoting(name, url, branch, version):
    """TOML's own parser sees exactly the texts of the description."""
    project = Project(url=url, branch=branch, version=version)
    deployment = Deployment(name=name, app="a:b", container=Container(), inertia=project)
    try:
        document = tomllib.loads(render(deployment, ()).artifacts[0].text)
    except CannotQuote:
        return
    assert (document["name"], document["url"], document["version"]) == (name, url, f"v{version}")
    assert document["profile"][0]["branch"] == branch
