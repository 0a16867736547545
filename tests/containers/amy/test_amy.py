"""Amy on a real engine: PostgreSQL, Redis, a worker, a scheduler and migrations, each started, killed and stopped."""

from __future__ import annotations

import json

import pytest

from tests.containers.amy.deployment import COMPOSE, HOSTILE, SEEN

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", COMPOSE)]
PROCESSES = ("web", "worker", "scheduler")
BESIDE = ("redis", "postgres")


@pytest.fixture(scope="module")
def amy(described, tmp_path_factory):
    """The deployment, started for the first time; its secrets come by the environment."""
    with described(tmp_path_factory.mktemp("amy") / "amy") as amy:
        amy.envkit("export", "--all", "--to", "compose", "--out", "deploy/.env")
        amy.deploy()
        amy.wait_for(200)
        yield amy


REFUSED = """
import psycopg
from envkit import load_settings
from amy.settings import AppSettings
url = load_settings(AppSettings).database_url.get_secret_value()
try:
    psycopg.connect(url, password="another", connect_timeout=10)
except psycopg.OperationalError as error:
    print(json.dumps("password authentication failed" in str(error)))
"""


def test_started_in_order(amy):
    """Redis and PostgreSQL were there before the migrations ran, and the migrations before what uses the tables."""
    found = amy.containers()
    assert set(found) == {*PROCESSES, *BESIDE, "nginx"}  # release ran to its end, and announce waits for its time
    for service in BESIDE:
        assert found[service]["State"]["Health"]["Status"] == "healthy"
        for process in PROCESSES:
            assert found[service]["State"]["StartedAt"] < found[process]["State"]["StartedAt"]
    assert json.loads(amy.ask()[2]) == {}
    restarted = [name for name, one in found.items() if one["RestartCount"]]
    assert restarted == [], [amy.compose("logs", name).stdout for name in restarted]


def test_the_password_arrives(amy):
    """Whatever characters it has, PostgreSQL takes it and no other, and the app has every secret byte for byte."""
    assert amy.python(SEEN) == [HOSTILE, HOSTILE]
    assert amy.python(REFUSED) is True


def test_a_job_of_the_web_process_is_done_by_the_worker(amy):
    """It goes through Redis, as a document."""
    assert amy.ask(form={"name": "Oslo"})[0] == 201
    amy.wait_until(lambda: amy.announced("Oslo"), "the job")


def test_never_two_schedulers(amy):
    """Not even by --scale, which Compose refuses for a name that only one container can have."""
    done = amy.compose("up", "-d", "--no-deps", "--no-recreate", "--scale", "scheduler=2", "scheduler", check=False)
    assert done.returncode != 0
    assert len(amy.compose("ps", "--all", "--quiet", "scheduler").stdout.split()) == 1


def test_only_nginx_is_reached(amy):
    """No other container publishes a port, and nginx does not even know of Redis and PostgreSQL."""
    found = amy.containers()
    assert [name for name, one in found.items() if one["HostConfig"]["PortBindings"]] == ["nginx"]
    networks = {name: set(one["NetworkSettings"]["Networks"]) for name, one in found.items()}
    for service in BESIDE:
        assert networks[service] == {f"{amy.name}_back"}
        assert not networks[service] & networks["nginx"]
        look = ("sh", "-c", f"RES_OPTIONS='timeout:1 attempts:1' getent hosts {service}")
        assert amy.execute("nginx", *look, check=False).returncode == 2
        assert amy.execute("web", *look).returncode == 0


def test_a_scheduled_process_runs_as_the_warning_says(amy):
    """The command runs it once and to its end, starts nothing else, and leaves no container."""
    amy.execute("web", "python3", "-c", FORGET)
    assert not amy.announced("Oslo")
    before = {name: one["Id"] for name, one in amy.containers().items()}
    said = amy.envkit("render", "--check").stderr
    command = next(line for line in said.splitlines() if "docker compose" in line and "announce" in line)
    words = command.partition("docker compose ")[2].split()
    assert words[:2] == ["-p", amy.name]
    amy.compose(*words[2:])
    assert amy.announced("Oslo")
    assert {name: one["Id"] for name, one in amy.containers().items()} == before


FORGET = """
from envkit import load_settings
from amy.database import connect
from amy.settings import AppSettings
with connect(load_settings(AppSettings)) as connection:
    connection.execute("UPDATE workshop SET announced = false")
"""


@pytest.mark.parametrize("service", [*BESIDE, "worker", "scheduler"])
def test_a_killed_container_comes_back(amy, stand_in_image, service):
    """Nobody has to do anything: afterwards the app answers, and jobs are done."""
    amy.kill(service, stand_in_image)
    amy.wait_for(200)
    amy.wait_until(lambda: amy.ask(form={"name": f"after {service}"})[0] == 201, "a job")
    amy.wait_until(lambda: amy.announced(f"after {service}"), "the job")


def test_without_its_database(amy):
    """Health is red and visitors see the page; when PostgreSQL is there again, so is the site, by itself."""
    amy.compose("stop", "postgres")
    amy.wait_for(503)
    status, retry_after, page = amy.ask()
    assert (status, int(retry_after) > 0) == (503, True)
    assert "<h1>We’ll be back soon</h1>" in page
    amy.compose("start", "postgres")
    amy.wait_for(200)
    assert amy.announced("Oslo")


def test_a_failed_release_leaves_the_old_ones_serving(amy):
    """Nothing is replaced, and the script fails."""
    before = {name: one["Id"] for name, one in amy.containers().items()}
    amy.override({"release": {"entrypoint": ["false"]}, "web": {"labels": {"version": "2"}}})
    assert amy.deploy(check=False).returncode != 0
    assert {name: one["Id"] for name, one in amy.containers().items()} == before
    assert amy.ask("/health")[0] == 200
    amy.override()


def test_maintenance_by_the_usual_flag(amy):
    """The warning's command holds requests, also when nginx's container is made anew; removing the flag ends it."""
    warning = next(line for line in amy.envkit("render", "--check").stderr.splitlines() if "maintenance.flag" in line)
    words = warning.partition("docker compose ")[2].split()
    assert words[:3] == ["-p", amy.name, "exec"]
    amy.compose("exec", "-T", *words[3:])
    amy.wait_for(503, "/")
    amy.compose("up", "-d", "--no-deps", "--force-recreate", "nginx")
    amy.wait_for(503, "/")
    amy.execute("nginx", "rm", words[-1])
    amy.wait_for(200, "/")


def test_data_outlives_the_containers(amy):
    """After `down` and another start the workshops are there, and so is what was in the queue."""
    amy.compose("stop", "worker")
    assert amy.ask(form={"name": "Turin"})[0] == 201
    amy.compose("down")
    amy.deploy()
    amy.wait_for(200)
    amy.wait_until(lambda: amy.announced("Turin"), "the job that waited")
    assert amy.announced("Oslo")
