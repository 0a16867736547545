"""Maintenance of a running nginx: message, time of return and visitors without a reload; killed at any step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance
from envkit.operations.maintaining import current, turn_off, turn_on
from envkit.operations.steps import OperationError, Steps
from tests.targets.nginx.stack import Nginx, Upstream

SOON = timedelta(minutes=45)
PROGRAMS = [
    pytest.param(program, marks=pytest.mark.needs(program)) for program in ("nginx", "nginx-trixie", "nginx-forky")
]


@pytest.fixture(scope="module", params=PROGRAMS)
def shop(request, tmp_path_factory):
    """A running nginx in front of an app; nothing reloads it."""
    folder = tmp_path_factory.mktemp("shop")
    upstream = Upstream(folder / "web.sock")
    http = Http(domains=("shop.test",), upstream=f"unix:{folder}/web.sock", trusted_proxies=("127.0.0.9",))
    nginx = Nginx(request.param, folder, Deployment(name="shop", app="shop:app", http=http))
    yield nginx
    nginx.stop()
    upstream.stop()


@pytest.fixture
def flagged(tmp_path):
    """A description whose flag lies in a folder of the test's."""
    return Deployment(name="shop", app="shop:app", maintenance=Maintenance(flag=str(tmp_path / "shop" / "flag")))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nginx_says_the_message_and_the_time_of_return(shop, method):
    """Message and time stand in the page, the time is Retry-After as a date; afterwards the app answers."""
    until = datetime.now(UTC).replace(microsecond=0) + SOON
    turn_on(shop.deployment, Steps(), message="A larger <disk> & more.", until=until)
    try:
        answer = shop.ask(method=method, body=b"" if method == "POST" else None)
    finally:
        turn_off(shop.deployment, Steps())

    assert answer.status == 503
    assert parsedate_to_datetime(answer.headers["retry-after"]) == until
    assert b'<p dir="auto">A larger &lt;disk&gt; &amp; more.</p>' in answer.body
    assert f"back on {until.day} ".encode() in answer.body
    assert "last-modified" not in answer.headers
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == ("no-store", "text/html; charset=utf-8")
    assert shop.ask(method=method, body=b"").status == 200


def test_without_a_time_the_usual_one_holds(shop):
    """A message alone leaves Retry-After as the description has it; neither shows the usual page."""
    turn_on(shop.deployment, Steps(), message="A larger disk.")
    with_message = shop.ask("/health")
    turn_on(shop.deployment, Steps())
    usual = shop.ask()
    turn_off(shop.deployment, Steps())

    assert (with_message.status, with_message.headers["retry-after"]) == (503, "300")
    assert b"A larger disk." in with_message.body
    assert b"about 5 minutes" in with_message.body
    assert (usual.status, usual.headers["retry-after"]) == (503, "300")
    assert b"A larger disk." not in usual.body


def test_addresses_enter_and_leave(shop):
    """An address that was let in reaches the app, the others do not; the next maintenance has its own list."""
    turn_on(shop.deployment, Steps(), addresses=["127.0.0.2", "::ffff:127.0.0.3"])
    first = [shop.ask(source=f"127.0.0.{last}").status for last in (1, 2, 3)]
    turn_on(shop.deployment, Steps(), addresses=["127.0.0.3"])
    second = [shop.ask(source=f"127.0.0.{last}").status for last in (1, 2, 3)]
    turn_off(shop.deployment, Steps())
    turn_on(shop.deployment, Steps())
    third = [shop.ask(source=f"127.0.0.{last}").status for last in (1, 2, 3)]
    turn_off(shop.deployment, Steps())
    assert (first, second, third) == ([503, 200, 200], [503, 503, 200], [503] * 3)


def test_addresses_that_a_proxy_hands_on(shop):
    """An IPv4 address enters in either form that proxies give it, an IPv6 address without the zone it had here."""
    turn_on(shop.deployment, Steps(), addresses=["192.0.2.7", "2001:DB8::7", "fe80::7%eth0"])
    named = ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7", "fe80::7", "192.0.2.8", "192.0.2.7, 192.0.2.8"]
    answers = [shop.ask(source="127.0.0.9", headers={"X-Forwarded-For": name}).status for name in named]
    assert current(shop.deployment).addresses == ("192.0.2.7", "2001:db8::7", "fe80::7")
    turn_on(shop.deployment, Steps(), addresses=["192.0.2.8"])
    again = [shop.ask(source="127.0.0.9", headers={"X-Forwarded-For": name}).status for name in named]
    turn_off(shop.deployment, Steps())
    assert answers == [200, 200, 200, 200, 503, 503]
    assert again == [503, 503, 503, 503, 200, 200]


def test_a_flag_made_by_hand_counts(shop):
    """`touch FLAG` is a maintenance, too."""
    shop.flag.touch()
    try:
        assert current(shop.deployment).on
        assert shop.ask().status == 503
    finally:
        turn_off(shop.deployment, Steps())
    assert shop.ask().status == 200


def test_what_is_told_is_what_is_there(flagged):
    """The files tell message, time and addresses again; repeating changes nothing, ending leaves nothing."""
    until = datetime.now(UTC).replace(microsecond=0) + SOON
    for _ in range(2):
        turn_on(flagged, Steps(), message="Hm.", until=until, addresses=["2001:DB8:0::1"])
        now = current(flagged)
        assert (now.on, now.message, now.until, now.addresses) == (True, "Hm.", until, ("2001:db8::1",))
    for _ in range(2):
        turn_off(flagged, Steps())
        assert not current(flagged).on
    assert list(Path(flagged.maintenance.flag).parent.iterdir()) == []


def test_a_rehearsal_changes_nothing(flagged, tmp_path):
    """Each step is told and none is taken."""
    told = []
    turn_on(flagged, Steps(told.append, rehearse=True), message="Hm.", addresses=["192.0.2.1"])
    folder = tmp_path / "shop"
    assert told == [
        f"make the folder {folder}/flag.d",
        f"write the page {folder}/flag.d/announced.html",
        "let 192.0.2.1 in",
        f"make the flag {folder}/flag",
    ]
    assert not folder.exists()


def test_every_mistake_is_told_at_once(flagged):
    """A time that has passed, a network and a message without end are refused together, before anything is made."""
    networks = "networks stand in maintenance.bypass of the description, which nginx reads at its next reload"
    with pytest.raises(OperationError) as caught:
        turn_on(flagged, Steps(), message="x" * 2001, until=datetime.now(UTC) - SOON, addresses=["10.0.0.0/8"])
    assert [str(finding) for finding in caught.value.findings] == [
        "message: is longer than 2000 characters",
        "until: lies in the past",
        "address 1: is no single IP address. " + networks,
    ]
    with pytest.raises(OperationError) as caught:
        turn_on(flagged, Steps(), message="caf\udce9", until=datetime.now(UTC) + timedelta(days=40000))
    problems = ["message: is not UTF-8", "until: lies more than a hundred years ahead"]
    assert [str(finding) for finding in caught.value.findings] == problems
    assert not Path(flagged.maintenance.flag).parent.exists()


def test_a_page_of_ones_own(flagged, tmp_path):
    """The message goes where the page has a place for it; a page without one takes no message."""
    page = tmp_path / "own.html"
    flagged = replace(flagged, maintenance=replace(flagged.maintenance, page=str(page)))
    page.write_text("<h1>Ours</h1><!-- envkit: message -->")
    turn_on(flagged, Steps(), message="a < b")
    announced = tmp_path / "shop/flag.d/announced.html"
    assert announced.read_text() == "<h1>Ours</h1><p>a &lt; b</p>"

    page.write_text("<h1>Ours</h1>")
    with pytest.raises(OperationError, match="has no place for a message"):
        turn_on(flagged, Steps(), message="a < b")
    turn_on(flagged, Steps(), until=datetime.now(UTC) + SOON)
    assert (tmp_path / "shop/flag.d/until.html").read_text() == "<h1>Ours</h1>"
    assert not announced.exists()


def test_nginx_must_be_able_to_look(flagged, tmp_path):
    """A folder that lets nobody else pass would hide the flag from nginx's workers, so it is named."""
    (tmp_path / "shop").mkdir(mode=0o700)
    warnings = [finding for finding in turn_on(flagged, Steps()) if finding.origin == str(tmp_path / "shop")]
    assert [finding.problem for finding in warnings] == ["lets no other user pass"]


KILLED = """
import os, signal, sys
from envkit.deployment.model import Deployment, Maintenance
from envkit.operations.maintaining import turn_off, turn_on
from envkit.operations.steps import Steps

flag, action, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
deployment = Deployment(name="shop", app="shop:app", maintenance=Maintenance(flag=flag))
taken = 0

def tell(words):
    global taken
    taken += 1
    if taken == last:
        os.kill(os.getpid(), signal.SIGKILL)

if action == "on":
    turn_on(deployment, Steps(tell), message="Hm.", addresses=["192.0.2.1", "192.0.2.2"])
else:
    turn_off(deployment, Steps(tell))
"""


@pytest.mark.parametrize("action", ["on", "off"])
def test_killed_at_any_step_it_can_be_repeated(flagged, action):
    """Whichever step SIGKILL prevents, the flag is there only with all that belongs to it, and repeating finishes."""
    flag = Path(flagged.maintenance.flag)
    for last in range(1, 20):
        turn_off(flagged, Steps())
        if action == "off":
            turn_on(flagged, Steps(), message="Hm.", addresses=["192.0.2.1", "192.0.2.2"])
        done = subprocess.run(
            [sys.executable, "-c", KILLED, flag, action, str(last)], check=False, cwd=os.fspath(Path.cwd())
        )
        now = current(flagged)
        assert not now.on or (now.message, now.addresses) == ("Hm.", ("192.0.2.1", "192.0.2.2"))
        if action == "on":
            turn_on(flagged, Steps(), message="Hm.", addresses=["192.0.2.1", "192.0.2.2"])
            assert current(flagged).addresses == ("192.0.2.1", "192.0.2.2")
        else:
            turn_off(flagged, Steps())
            assert list(flag.parent.iterdir()) == []
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0
            assert last > 2
            return
    pytest.fail("it has more steps than were tried")
