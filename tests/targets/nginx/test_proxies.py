"""Behind a load balancer: what declared proxies say is believed, what anybody else says is not."""

from __future__ import annotations

import json

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance
from tests.targets.nginx.stack import Nginx, Upstream

SAID = {
    "X-Forwarded-For": "198.51.100.7, 203.0.113.9, 127.0.0.3",
    "X-Forwarded-Proto": "https",
    "X-Request-ID": "from-the-edge",
}


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """An nginx that takes 127.0.0.1 and 127.0.0.3 for its load balancers, and answers every host."""
    folder = tmp_path_factory.mktemp("behind")
    upstream = Upstream(folder / "web.sock")
    http = Http(tls="upstream", trusted_proxies=("127.0.0.1", "127.0.0.3"), upstream=f"unix:{folder}/web.sock")
    deployment = Deployment(name="shop", app="shop:app", http=http, maintenance=Maintenance(bypass=("203.0.113.0/24",)))
    nginx = Nginx("nginx", folder, deployment)
    yield nginx
    nginx.stop()
    upstream.stop()


@pytest.mark.needs("nginx")
def test_a_declared_proxy_is_believed(behind):
    """Client, scheme and request id are those that the load balancer names; what stands before the client is not."""
    answer = behind.ask(headers=SAID)
    seen = answer.seen["headers"]

    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("203.0.113.9", "https")
    assert seen["x-request-id"] == answer.headers["x-request-id"] == "from-the-edge"
    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    behind.wait_for(lambda: "from-the-edge" in "".join(behind.log()))
    assert [line["client"] for line in map(json.loads, behind.log()) if line["request_id"] == "from-the-edge"] == [
        "203.0.113.9"
    ]


@pytest.mark.needs("nginx")
def test_nobody_else_is_believed(behind):
    """Another client's words are replaced by what nginx sees itself."""
    answer = behind.ask(headers=SAID, source="127.0.0.2")
    seen = answer.seen["headers"]

    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.2", "http")
    assert "strict-transport-security" not in answer.headers
    assert len(seen["x-request-id"]) == 32


@pytest.mark.needs("nginx")
def test_a_proxy_that_says_less(behind):
    """Without an id one is made, a scheme that is none is not passed on, and the host has no port added."""
    seen = behind.ask(headers={"X-Forwarded-Proto": "gopher"}, host="any.test").seen["headers"]
    assert (seen["x-forwarded-proto"], seen["host"], seen["x-forwarded-for"]) == ("http", "any.test", "127.0.0.1")
    assert len(seen["x-request-id"]) == 32


@pytest.mark.needs("nginx")
def test_the_bypass_list_means_clients_not_proxies(behind):
    """Behind a load balancer the bypass list looks at the client it names."""
    behind.flag.touch()
    try:
        assert behind.ask(headers=SAID).status == 200
        assert behind.ask().status == 503
    finally:
        behind.flag.unlink()
