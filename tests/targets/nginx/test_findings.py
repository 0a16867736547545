"""What nginx cannot express is said, word for word; and the user's own lines are read."""

from __future__ import annotations

import pytest

from envkit.deployment.model import Deployment, Http, Versions
from envkit.targets.nginx import render
from tests.targets.nginx.stack import Nginx


def findings(nginx=None, **http):
    """The messages for a description."""
    deployment = Deployment(name="shop", app="shop:app", versions=Versions(nginx=nginx), http=Http(**http))
    return [str(finding) for finding in render(deployment).findings]


def test_nothing_to_say():
    """What every nginx can do needs no words."""
    assert findings() == []
    assert findings("1.27.3", upstream="web:8000") == []
    assert findings("1.25", http3=True, tls="letsencrypt", domains=("shop.test",)) == []


def test_a_service_without_keep_alive():
    """An older or unknown nginx cannot both look a name up again and keep connections."""
    for version in (None, "1.27.2"):
        assert findings(version, upstream="web:8000") == [
            (
                "envkit.toml: http.upstream: connections to a service whose name is looked up again cannot be kept "
                "alive. declare versions.nginx 1.27.3 or later, which can do both"
            )
        ]


def test_http3_without_a_version():
    """HTTP/3 is left out where nginx may not know it."""
    assert findings(http3=True, tls="letsencrypt", domains=("shop.test",)) == [
        "envkit.toml: http.http3: HTTP/3 is left out. it needs versions.nginx 1.25 or later"
    ]


def test_a_long_domain():
    """The directive for long domains stands in the site, where it may be a duplicate."""
    assert findings(domains=(f"{'a' * 46}.test",)) == [
        (
            "envkit.toml: http.domains: a domain is longer than nginx's usual limit, so the site sets "
            "server_names_hash_bucket_size. take it out of the distribution's nginx.conf, where it would be a duplicate"
        )
    ]


@pytest.mark.needs("nginx")
def test_ones_own_lines_are_read(tmp_path):
    """Files of NAME.d are read at the top, inside http and inside the app's server."""
    own = tmp_path / "shop.d"
    own.mkdir()
    (own / "main-env.conf").write_text("env MINE;\n")
    (own / "http-map.conf").write_text("map $uri $mine { default mine; }\n")
    (own / "server-location.conf").write_text("location = /mine { return 200 $mine; }\n")

    nginx = Nginx("nginx", tmp_path, Deployment(name="shop", app="shop:app", http=Http(upstream="127.0.0.1:9")))
    try:
        answer = nginx.ask("/mine")
    finally:
        nginx.stop()
    assert answer.body == b"mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
