"""Certificates of a real authority, through the rendered nginx: issued, and renewed while requests are made."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.containers.rocket2.deployment import NEEDS, REQUESTS, ROUNDS

pytestmark = [NEEDS]


@pytest.fixture(scope="module")
def authority(rocket):
    """Answers certbot from now on."""
    rocket.compose("up", "-d", "--no-deps", "pebble")


@pytest.fixture(scope="module")
def issued(rocket, authority):  # noqa: ARG001  (it has to be there)
    """The first certificate of the authority is served; what was served before it."""
    before = rocket.certificate()
    rocket.renew()
    return before


def test_issued(rocket, issued):
    """The deployment starts with a certificate that it signed itself, and then serves the authority's."""
    assert "self-signed" in issued.subject.rfc4514_string()
    assert "Pebble" in rocket.certificate().issuer.rfc4514_string()


@pytest.mark.usefixtures("issued")
@pytest.mark.parametrize("time", ROUNDS)
def test_renewed_under_load(rocket, time):
    """Clients see the old certificate and then the new one, none of their requests fails, and nginx never ended."""
    started, before = rocket.container("nginx")["State"]["StartedAt"], rocket.certificate()
    with rocket.load(REQUESTS) as result:
        rocket.renew()
    served = {hashlib.sha256(each.public_bytes(Encoding.DER)).hexdigest() for each in (before, rocket.certificate())}
    assert set(result["certificates"]) == served, time
    assert len(served) == 2
    assert (result["held"], result["resent"]) == (0, 0)
    assert rocket.container("nginx")["State"]["StartedAt"] == started
