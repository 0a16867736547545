"""What is logged on a booted server: one stream of which no line is lost, and nginx's file, which is rotated."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from envkit.deployment.model import Logs
from envkit.deployment.reading import load_description
from envkit.targets.registry import render_target
from tests.systemd.conftest import APP


@pytest.fixture
def log(machine):
    """A function that lets one side write the access log; put right at the end."""

    def apply(deployment):
        machine.install(deployment.name, [render_target(name, deployment) for name in ("systemd", "nginx")])
        machine.run("systemctl", "restart", "shop-web.service")
        machine.run("nginx", "-t")
        machine.run("systemctl", "restart", "nginx.service")

    shop = load_description(APP / "envkit.toml")
    yield lambda access: apply(replace(shop, logs=Logs(access=access)))
    apply(shop)


def test_no_line_is_lost(machine, log):
    """20,000 requests are as many lines of the journal, which by itself drops what comes so fast."""
    log("app")
    with machine.load() as load:
        pass
    (invocation,) = machine.show("shop-web.service", "InvocationID")
    command = ["journalctl", "-t", "shop", f"_SYSTEMD_INVOCATION_ID={invocation}", "-o", "cat", "--no-pager"]
    wanted = load.result["requests"]
    assert wanted >= 20_000
    machine.wait(lambda: machine.run(*command).count('"uri": "/"') >= wanted, "lines are missing")
    assert machine.run(*command).count('"uri": "/"') == wanted


def test_one_stream(machine):
    """By its identifier or by its units: both are all that every process of the app wrote."""
    machine.run("systemctl", "restart", "shop-worker.service", "shop-web.service")
    command = ["journalctl", "-u", "shop-*", "-o", "json", "--output-fields=SYSLOG_IDENTIFIER,_TRANSPORT", "--no-pager"]
    lines = [json.loads(line) for line in machine.run(*command).splitlines()]
    written = [line["SYSLOG_IDENTIFIER"] for line in lines if line.get("_TRANSPORT") == "stdout"]
    assert written
    assert set(written) == {"shop"}


def test_rotation(machine, log):
    """Debian's rotation of nginx's logs takes the app's access log, and nginx goes on in a new one."""
    log("nginx")
    file, rotated = (machine.path(f"/var/log/nginx/shop.access.log{end}") for end in ("", ".1"))
    machine.wait(lambda: machine.get("/before")[0] == 200, "it is not well")
    machine.wait(lambda: "/before" in file.read_text(), "nginx does not log")
    machine.run("logrotate", "--force", "/etc/logrotate.d/nginx")
    assert "/before" in rotated.read_text()
    machine.wait(lambda: machine.get("/after")[0] == 200 and "/after" in file.read_text(), "nginx does not go on")
    assert "/before" not in file.read_text()
    assert machine.run("stat", "-c", "%a %U", "/var/log/nginx/shop.access.log") == "640 www-data\n"
