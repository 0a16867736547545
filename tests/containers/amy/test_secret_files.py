"""Amy with its secrets as files, DynamoDB-local beside it, and a flag of maintenance in a folder of the machine's."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.containers.amy.deployment import COMPOSE, HOSTILE, SEEN

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", COMPOSE)]


@pytest.fixture(scope="module")
def flag(tmp_path_factory):
    """The flag, in a folder with something else."""
    folder = tmp_path_factory.mktemp("flags")
    folder.chmod(0o755)
    (folder / "other").write_text("not ours\n")
    return folder / "on"


@pytest.fixture(scope="module")
def amy(described, flag, tmp_path_factory):
    """The deployment, started for the first time."""
    more = {"services": "dynamodb_local = true", "container": 'secrets = "files"', "maintenance": f'flag = "{flag}"'}
    with described(tmp_path_factory.mktemp("amy") / "amy", **more) as amy:
        amy.envkit("export", "--all", "--to", "files", "--out", "deploy/secrets")
        files = sorted((amy.folder / "deploy/secrets").iterdir())
        assert [file.name for file in files] == ["DATABASE_URL", "POSTGRES_PASSWORD", "SECRET_KEY"]
        for file in files:
            os.chown(file, 10001, -1)
        (amy.folder / "deploy/.env").write_text(f"REDIS_URL={amy.values['REDIS_URL']}\n")
        amy.deploy()
        amy.wait_for(200)
        yield amy


def test_secrets_arrive(amy):
    """PostgreSQL and the app read them byte for byte, and no container's environment has them."""
    assert amy.python(SEEN) == [HOSTILE, HOSTILE]
    environments = [line for one in amy.containers().values() for line in one["Config"]["Env"]]
    assert "POSTGRES_PASSWORD_FILE=/run/secrets/POSTGRES_PASSWORD" in environments
    assert not any(value in line for line in environments for value in (HOSTILE, amy.values["DATABASE_URL"]))


def test_a_changed_secret_arrives(amy):
    """Compose sees no change in a file; deploy.sh does, and what runs reads the new one."""
    file = amy.folder / "deploy/secrets/SECRET_KEY"
    new = file.with_suffix(".new")
    new.write_text("another")
    os.chown(new, 10001, -1)
    new.rename(file)
    amy.deploy()
    assert amy.python(SEEN, "worker") == ["another", HOSTILE]
    assert amy.python(SEEN) == ["another", HOSTILE]


def test_dynamodb_local(amy):
    """It is well, and the app's containers reach it, nobody else."""
    found = amy.containers()["dynamodb-local"]
    assert found["State"]["Health"]["Status"] == "healthy"
    assert set(found["NetworkSettings"]["Networks"]) == {f"{amy.name}_back"}
    assert found["HostConfig"]["PortBindings"] == {}
    assert amy.python(UNSIGNED) == [400, True]


UNSIGNED = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("http://dynamodb-local:8000/", timeout=20)
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, b"MissingAuthenticationToken" in error.read()]))
"""


def test_maintenance(amy, flag):
    """`envkit maintenance` on the machine holds requests, also when nginx is started anew."""
    command = [sys.executable, "-m", "envkit", "maintenance"]
    subprocess.run([*command, "on", "--message", "A larger disk."], cwd=amy.folder, check=True, capture_output=True)
    amy.wait_for(503, "/")
    assert "A larger disk." in amy.ask()[2]
    amy.compose("restart", "nginx")
    amy.wait_for(503, "/")
    subprocess.run([*command, "off"], cwd=amy.folder, check=True, capture_output=True)
    amy.wait_for(200, "/")
    assert (flag.parent / "other").read_text() == "not ours\n"
