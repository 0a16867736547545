"""Real keys go out by every channel, through the program that reads it, into a process that loads its settings.

Where the program can start a process itself, it does (shells, node, python-dotenv); else the process is started with
the variables that the program says it would give.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING

import pytest

from envkit import PrivateKey, Settings, load_settings
from envkit.channels.registry import channel
from envkit.operations.exporting import export, outgoing
from tests.consumers.container_programs import COMPOSE_2, EMPTY_IMAGE, Compose, ComposeV1, Docker, Kubectl, Podman
from tests.consumers.reader_programs import NODES, SHELLS, TOOLS, systemd_manager
from tests.settings.made_keys import made_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.needs("openssl", "ssh-keygen", "gpg")

KEYS = {
    "RSA_KEY": "rsa-pkcs8",
    "GITHUB_KEY": "rsa-pkcs1",
    "ED25519_KEY": "ed25519-pkcs8",
    "SSH_KEY": "openssh-ed25519",
    "PGP_RSA_KEY": "pgp-rsa",
    "PGP_KEY": "pgp-with-headers",
}
SCRIPT = """\
import hashlib
from envkit import PrivateKey, Settings, load_settings

class Keys(Settings):
    rsa_key: PrivateKey
    github_key: PrivateKey
    ed25519_key: PrivateKey
    ssh_key: PrivateKey
    pgp_rsa_key: PrivateKey
    pgp_key: PrivateKey

keys = load_settings(Keys, env_files=())
for name in Keys.model_fields:
    print(name.upper(), hashlib.sha256(getattr(keys, name).to_bytes()).hexdigest())
"""


class Keys(Settings):
    """The same class, for this side."""

    rsa_key: PrivateKey
    github_key: PrivateKey
    ed25519_key: PrivateKey
    ssh_key: PrivateKey
    pgp_rsa_key: PrivateKey
    pgp_key: PrivateKey


@cache
def _texts() -> dict[str, str]:
    return {name: made_key(kind).text for name, kind in KEYS.items()}


@cache
def _exported(name: str) -> str:
    """The channel's text, as `envkit export` writes it."""
    settings = load_settings(Keys, environ=_texts(), env_files=())
    return export(channel(name), outgoing(settings))


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    """The command of the process that loads its settings and prints a digest of each key."""
    path = tmp_path / "load.py"
    path.write_text(SCRIPT)
    return [sys.executable, str(path)]


def _run(command: list[str], folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """What a command prints, in an environment that holds none of the keys of this process."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(command, cwd=folder, env={**clean, **(environ or {})}, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


def _arrived(printed: str) -> None:
    """Every key is the very text that its own program wrote."""
    expected = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in _texts().items()}
    assert dict(line.split(" ") for line in printed.splitlines()) == expected


def _file(folder: Path, name: str) -> Path:
    path = folder / "app.env"
    path.write_bytes(_exported(name).encode())
    return path


# --- programs that start the process themselves ---------------------------------------------------------------------


@pytest.mark.parametrize("shell", [pytest.param(name, marks=pytest.mark.needs(SHELLS[name][0])) for name in SHELLS])
def test_shells(shell: str, script: list[str], tmp_path: Path) -> None:
    """A shell sources the file and becomes the process."""
    _file(tmp_path, "shell")
    launcher = 'set -a; . ./app.env; set +a; exec "$0" "$1"'
    _arrived(_run([*SHELLS[shell], "-c", launcher, *script], tmp_path))


@pytest.mark.parametrize("version", [pytest.param(name, marks=pytest.mark.needs(NODES[name])) for name in NODES])
def test_node(version: str, script: list[str], tmp_path: Path) -> None:
    """Node reads the file by --env-file and starts the process."""
    code = "require('child_process').execFileSync(process.argv[1], process.argv.slice(2), {stdio: 'inherit'})"
    _arrived(_run([NODES[version], f"--env-file={_file(tmp_path, 'node')}", "-e", code, *script], tmp_path))


@pytest.mark.needs(NODES["24"])
@pytest.mark.parametrize("package", ["dotenv16", "dotenv17", "dotenv18"])
def test_npm_dotenv(package: str, script: list[str], tmp_path: Path) -> None:
    """The npm package dotenv reads the file into node's environment, and node starts the process."""
    code = (
        f"require({json.dumps(str(TOOLS / package))}).config({{path: process.argv[1], quiet: true}});"
        "require('child_process').execFileSync(process.argv[2], process.argv.slice(3), {stdio: 'inherit'})"
    )
    _arrived(_run([NODES["24"], "-e", code, str(_file(tmp_path, "npm-dotenv")), *script], tmp_path))


@pytest.mark.parametrize("name", ["dotenv", "inertia-send"])
def test_python_dotenv(name: str, script: list[str], tmp_path: Path) -> None:
    """python-dotenv's own command reads the file and becomes the process."""
    _arrived(_run([sys.executable, "-m", "dotenv", "-f", str(_file(tmp_path, name)), "run", "--", *script], tmp_path))


@pytest.mark.parametrize("name", ["heroku", "inertia"])
def test_scripts_of_commands(name: str, script: list[str], tmp_path: Path) -> None:
    """The shell hands each value to the command as one argument; the process gets what the commands got."""
    stub = tmp_path / "bin" / name
    stub.parent.mkdir()
    stub.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >>{tmp_path}/noted\n")
    stub.chmod(0o755)
    environ = {"PATH": f"{stub.parent}:{os.environ['PATH']}", "REMOTE": "box"}
    _run(["/bin/sh", str(_file(tmp_path, name))], tmp_path, environ)
    words = (tmp_path / "noted").read_text().split("\0")[:-1]
    if name == "heroku":
        assert words[0] == "config:set"
        variables = dict(word.split("=", 1) for word in words[1:])
    else:
        calls = [words[start : start + 6] for start in range(0, len(words), 6)]
        assert all(call[:4] == ["box", "env", "set", "--"] for call in calls)
        variables = {call[4]: call[5] for call in calls}
    _arrived(_run(script, tmp_path, variables))


# --- programs that say what they would give -------------------------------------------------------------------------


@pytest.mark.needs("/lib/systemd/systemd", "unshare")
def test_systemd(script: list[str], tmp_path: Path) -> None:
    """A real service manager starts a unit with the file as its EnvironmentFile=."""
    if os.geteuid():
        pytest.skip("needs root for a service manager of its own")
    (seen,) = systemd_manager(tmp_path, [_exported("systemd")])
    assert seen is not None
    variables = {name.decode(): value.decode() for name, value in seen.items() if name.decode() in KEYS}
    _arrived(_run(script, tmp_path, variables))


def _through(program: Docker | Podman | Kubectl | Compose | ComposeV1, name: str) -> dict[str, str]:
    (seen,) = program.see([_exported(name)], [False])
    assert seen is not None
    return {key: value for key, value in seen.items() if key in KEYS}


@pytest.mark.needs("docker", "dockerd")
def test_docker(script: list[str], tmp_path: Path, docker_host: str) -> None:
    """`docker create --env-file` gives the container what the process gets."""
    program = Docker(tmp_path, {}, shutil.which("docker") or "docker", docker_host, EMPTY_IMAGE)
    _arrived(_run(script, tmp_path, _through(program, "docker")))


@pytest.mark.needs("podman")
def test_podman(script: list[str], tmp_path: Path) -> None:
    """`podman create --env-file` gives the container what the process gets."""
    program = Podman(tmp_path, {})
    try:
        _arrived(_run(script, tmp_path, _through(program, "podman")))
    finally:
        program.close()


@pytest.mark.needs("kubectl")
def test_kubectl(script: list[str], tmp_path: Path) -> None:
    """`kubectl create secret --from-env-file` makes the Secret that the process gets."""
    _arrived(_run(script, tmp_path, _through(Kubectl(tmp_path, {}), "kubectl")))


@pytest.mark.needs("docker-compose")
def test_compose_1(script: list[str], tmp_path: Path) -> None:
    """docker-compose 1.29 reads the file for a service."""
    program = ComposeV1(tmp_path, {})
    try:
        _arrived(_run(script, tmp_path, _through(program, "compose-v1")))
    finally:
        program.close()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        pytest.param(name, version, marks=pytest.mark.needs(COMPOSE_2[version]))
        for name, version in (("compose", "2.26"), ("compose", "2.40"), ("compose-raw", "2.40"))
    ],
)
def test_compose_2(name: str, version: str, script: list[str], tmp_path: Path) -> None:
    """Compose 2 reads the file for a service, also as raw lines."""
    program = Compose(tmp_path, {}, COMPOSE_2[version], "raw" if name == "compose-raw" else "")
    _arrived(_run(script, tmp_path, _through(program, name)))


@pytest.mark.needs("kubectl")
@pytest.mark.parametrize("name", ["kubernetes", "configmap"])
def test_kubernetes(name: str, script: list[str], tmp_path: Path) -> None:
    """Kubectl's own YAML reader gives the data that envFrom hands to the process."""
    command = ["kubectl", "label", "--local", "-f", str(_file(tmp_path, name)), "a=b", "-o", "json"]
    data = json.loads(_run(command, tmp_path))["data"]
    if name == "kubernetes":
        data = {key: b64decode(value).decode() for key, value in data.items()}
    _arrived(_run(script, tmp_path, data))


def test_json(script: list[str], tmp_path: Path) -> None:
    """A JSON reader's members are what the process gets."""
    _arrived(_run(script, tmp_path, json.loads(_exported("json"))))


@pytest.mark.parametrize("name", ["ecs", "ecs-secretsmanager"])
def test_ecs(name: str, script: list[str], tmp_path: Path) -> None:
    """What the documents put into AWS under the names of the container definition is what the process gets."""
    document = json.loads(_exported(name))
    if name == "ecs":
        stored = {entry["Name"]: entry["Value"] for entry in document["putParameter"]}
        variables = {one["name"]: stored[one["valueFrom"]] for one in document["containerDefinition"]["secrets"]}
    else:
        variables = json.loads(document["createSecret"]["SecretString"])
        assert [one["name"] for one in document["containerDefinition"]["secrets"]] == list(variables)
    _arrived(_run(script, tmp_path, variables))


@pytest.mark.parametrize("name", ["github", "github-output"])
def test_github(name: str, script: list[str], tmp_path: Path) -> None:
    """The lines between each name's delimiters, as the runner's source takes them, are what the process gets."""
    variables: dict[str, str] = {}
    lines = iter(_exported(name).split("\n"))
    for line in lines:
        if line:
            key, _, delimiter = line.partition("<<")
            variables[key] = "\n".join(iter(lines.__next__, delimiter))
    _arrived(_run(script, tmp_path, variables))
