"""A reboot in order brings everything back: units, timers, data, jobs, certificate, and a maintenance under way."""

from __future__ import annotations

import json

from tests.systemd.conftest import AMY, IDB, beside

FRIEND = "127.0.0.2"
"""An address that may enter during maintenance."""


def test_amy(amy):
    """Database, queue with a job in it, worker, scheduler and certificate are back, and the job is done."""
    chain = "/var/lib/envkit/amy/certificate/fullchain.pem"
    before = amy.run("cat", chain)
    amy.run("systemctl", "stop", "amy-worker.service")
    assert amy.ask("/", AMY, form="name=Reykjavik", tls=True)[0] == 201
    assert json.loads(amy.ask("/", AMY, tls=True)[2])["Reykjavik"] is False
    amy.reboot()
    amy.wait(lambda: amy.ask("/health", AMY, tls=True)[0] == 200, "it is not well")
    amy.wait(lambda: json.loads(amy.ask("/", AMY, tls=True)[2])["Reykjavik"], "the job is not done")
    for process in ("web", "worker", "scheduler"):
        amy.settle(f"amy-{process}.service")
    assert amy.show("amy-certificate.timer", "ActiveState") == ["active"]
    assert amy.run("cat", chain) == before


def test_maintenance_survives(idb):
    """Message, time of return and who may enter stay through restarts of nginx, of the app and of the machine."""
    idb.get("/", IDB, form="name=kept&calories=5")
    on = ("--message", "A larger disk.", "--until", "3h", "--allow", FRIEND)
    idb.run(*beside("idb"), "envkit", "maintenance", "on", *on)
    status, headers, page = idb.ask("/", IDB)
    until = headers["retry-after"]
    assert (status, "A larger disk." in page) == (503, True)

    def restarted(unit):
        idb.run("systemctl", "restart", unit)

    for again in (lambda: restarted("nginx.service"), lambda: restarted("idb.target"), idb.reboot):
        again()
        idb.settle("idb-web.service")
        status, headers, body = idb.ask("/", IDB)
        assert (status, headers["retry-after"], body) == (503, until, page)
        status, _, body = idb.ask("/", IDB, source=FRIEND)
        assert (status, json.loads(body)["kept"]) == (200, 5)
    assert idb.show("idb-backup.timer", "ActiveState") == ["active"]
    said = json.loads(idb.attempt(*beside("idb"), "envkit", "maintenance", "status", "--json")[1])
    assert (said["on"], said["message"], said["addresses"]) == (True, "A larger disk.", [FRIEND])
    idb.run(*beside("idb"), "envkit", "maintenance", "off")
    assert idb.get("/", IDB)[0] == 200


def test_shop(machine):
    """Every process of a target is back, the socket too, and what the release once made is still there."""
    machine.reboot()
    for unit in ("shop.target", "shop-web.socket", "shop-web.service", "shop-worker.service", "shop-report.timer"):
        machine.settle(unit)
    assert machine.path("/var/lib/shop/released").exists()
    assert machine.get() == (200, "version 1")
