"""Containers stopped, replaced and killed: what becomes of the requests, and that nobody has to help."""

from __future__ import annotations

import time

import pytest

from tests.containers.rocket2.deployment import NEEDS

pytestmark = [NEEDS]


def test_stopped_under_load(rocket):
    """`docker stop` ends within the grace by exit code 0, and the app answers every request that it began.

    Both ends are compared: the numbers of the requests that reached the app, by its own account, and of those that
    clients saw answered by 200 or 204. Some of them take the app seconds, and are on their way when it is stopped.
    """
    web = rocket.container("web")
    grace = web["Config"]["StopTimeout"]
    before = len(rocket.begun())
    with rocket.load(4000, "--maintenance", "--numbered") as result:
        with rocket.slow_requests(number=4, seconds=5) as statuses:
            started = time.monotonic()
            rocket.docker("stop", f"--time={grace}", web["Id"])
            taken = time.monotonic() - started
            stopped = rocket.container("web")["State"]
        assert rocket.status("/") == 503
        rocket.docker("start", web["Id"])
        rocket.wait_for_all()
    assert result["held"] > 0
    assert taken < grace
    assert (stopped["Running"], stopped["ExitCode"]) == (False, 0)
    assert statuses == [200] * 4
    numbers = [int(query.partition("=")[2]) for query in rocket.begun()[before:] if query.startswith("n=")]
    assert sorted(numbers) == sorted(result["numbers"])


def test_replaced_at_another_address_under_load(rocket, stand_in_image):
    """While the app is away there are 503, Retry-After and the page; nginx finds the new container by itself.

    Every request gets the app's answer, or 503 with Retry-After: no other error, and no connection that is cut.
    """
    before, proxy = rocket.container("web"), rocket.container("nginx")["State"]["StartedAt"]
    network = f"{rocket.name}_front"
    address = before["NetworkSettings"]["Networks"][network]["IPAddress"]
    with rocket.load(4000, "--maintenance") as result:
        rocket.docker("stop", before["Id"])
        rocket.docker("rm", before["Id"])
        status, headers, page = rocket.ask()
        # Takes the address, or where the engine hands them out in turn, the next one.
        with rocket.docker.running(stand_in_image, "--network", network, "--init", command=["sleep", "600"]):
            rocket.run("./deploy.sh")
            rocket.wait_for_all()
            after = rocket.container("web")
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert "<h1>We’ll be back soon</h1>" in page
    assert result["held"] > 0
    assert after["NetworkSettings"]["Networks"][network]["IPAddress"] != address
    assert rocket.container("nginx")["State"]["StartedAt"] == proxy


@pytest.mark.parametrize("service", ["web", "nginx", "certbot"])
def test_a_killed_container_comes_back(rocket, stand_in_image, service):
    """SIGKILL, as by the kernel out of memory: nobody has to do anything."""
    before = rocket.container(service)
    # `docker kill` would count as a stop that somebody asked for.
    kill = ("sh", "-c", f"kill -KILL {before['State']['Pid']}")
    rocket.docker("run", "--rm", "--network=none", "--pid=host", stand_in_image, *kill)

    def is_back():
        now = rocket.container(service)
        return now["RestartCount"] > before["RestartCount"] and now["State"]["Running"]

    rocket.wait_until(is_back, f"{service} again")
    rocket.wait_for(200)
