"""The proxy of the running deployment reads its files anew while requests are made."""

from __future__ import annotations

import pytest

from tests.containers.rocket2.deployment import NEEDS, REQUESTS, ROUNDS

pytestmark = [NEEDS]


@pytest.mark.parametrize("time", ROUNDS)
def test_reloaded_under_load(rocket, time):
    """deploy.sh replaces nginx's processes, not its container; no request fails or has to be sent again."""
    started, before = rocket.container("nginx")["State"]["StartedAt"], rocket.workers()
    assert before
    with rocket.load(REQUESTS) as result:
        rocket.run("./deploy.sh")
        rocket.wait_until(lambda: rocket.replaced_workers(before), "the end of the old processes")
    assert (result["held"], result["resent"]) == (0, 0), time
    assert rocket.container("nginx")["State"]["StartedAt"] == started
