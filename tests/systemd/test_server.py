"""The rendered units on a booted server: who may do what, what arrives, what runs when."""

from __future__ import annotations

import shutil

from tests.systemd.conftest import APP, SECRET


def test_everything_runs(machine):
    """The target started every process but those that run to their end, and nothing has failed."""
    for unit in ("shop.target", "shop-web.socket", "shop-web.service", "shop-worker.service", "shop-report.timer"):
        assert machine.show(unit, "ActiveState") == ["active"], unit
    assert machine.show("shop-report.service", "ActiveState") == ["inactive"]
    assert machine.path("/var/lib/shop/released").exists()
    assert machine.run("systemctl", "--failed", "--plain", "--no-legend") == ""
    assert machine.get() == (200, "version 1")


def test_socket_is_for_nginx_alone(machine):
    """The socket is reached by the app's user and nginx's group, and by nobody else."""
    assert machine.run("stat", "-c", "%a %U %G", "/run/shop/web.sock") == "660 shop www-data\n"
    connect = "import socket; socket.socket(socket.AF_UNIX).connect('/run/shop/web.sock')"
    machine.run("runuser", "-u", "www-data", "--", "python3", "-c", connect)
    assert "PermissionError" in machine.run("runuser", "-u", "nobody", "--", "python3", "-c", connect, check=False)


def test_secrets_arrive(machine):
    """A value of the env file and a credential reach the app byte for byte, and nobody else sees them."""
    assert machine.get("/secret") == (200, SECRET + SECRET)
    assert "two lines" not in machine.run("systemctl", "show", "shop-web.service")
    read = machine.run("runuser", "-u", "nobody", "--", "cat", "/etc/envkit/shop/env", check=False)
    assert "Permission denied" in read


def test_never_two_at_once(machine):
    """A scheduled process that runs is not started once more; when it has ended, it is."""
    reports = machine.path("/var/lib/shop/reports")
    before = len(reports.read_text().splitlines()) if reports.exists() else 0
    for _ in range(3):
        machine.run("systemctl", "start", "--no-block", "shop-report.service")
    machine.settle("shop-report.service", "inactive")
    assert len(reports.read_text().splitlines()) == before + 1


def test_stop_and_start(machine):
    """The target stops everything, the socket too, and nginx shows the page; it starts everything again."""
    machine.run("systemctl", "stop", "shop.target")
    for unit in ("shop-web.socket", "shop-web.service", "shop-worker.service", "shop-report.timer"):
        machine.settle(unit, "inactive")  # systemctl itself waits for the target alone
    assert machine.get()[0] == 503
    machine.run("systemctl", "start", "shop.target")
    machine.settle("shop-web.service")
    test_everything_runs(machine)


def test_ready_when_healthy(machine):
    """A started web process is no sooner active than it answers its health path by 200, and the journal says why."""
    unwell = machine.path("/var/lib/shop/unwell")
    unwell.touch()
    machine.run("systemctl", "restart", "--no-block", "shop-web.service")
    said = "journalctl", "-u", "shop-web.service", "-o", "cat", "-n", "20", "--no-pager"
    machine.wait(lambda: "waiting for /health: status 503" in machine.run(*said), "nobody waits")
    assert machine.show("shop-web.service", "ActiveState") == ["activating"]
    unwell.unlink()
    machine.settle("shop-web.service")


def test_sandbox(machine):
    """Systemd itself finds the web unit, as it has loaded it, at 2.0 or better of 10."""
    machine.run("systemd-analyze", "security", "--threshold=20", "--no-pager", "shop-web.service")
    assert machine.attempt("systemd-analyze", "security", "--threshold=20", "nginx.service")[0] != 0


def test_limits(machine):
    """Memory and CPUs of the description, and as many files as connections need, are the limits of what runs."""
    assert machine.show("shop-worker.service", "CPUQuotaPerSecUSec") == ["500ms"]
    master, memory = machine.show("shop-web.service", "MainPID", "MemoryMax")
    assert memory == str(512 * 1024 * 1024)
    assert "Max open files            16384                16384" in machine.run("cat", f"/proc/{master}/limits")


def test_broken_version(machine):
    """A version that cannot start is reported, and tried again until it is put right; who waits meanwhile is served."""
    place = machine.path("/srv/shop/shop.py")
    place.write_text("import nothing_of_this_name\n")
    said = machine.run("systemctl", "restart", "shop-web.service", check=False)
    assert "failed" in said
    machine.wait(lambda: int(machine.show("shop-web.service", "NRestarts")[0]) >= 2, "it is not tried again")
    assert machine.show("shop-web.socket", "ActiveState") == ["active"]
    shutil.copy(APP / "shop.py", place)
    assert machine.get() == (200, "version 1")
    machine.settle("shop-web.service")


def test_power_cut(machine):
    """After a power cut everything is back, and a scheduled run that was missed is made up for, once."""
    reports = machine.path("/var/lib/shop/reports")
    before = reports.read_text() if reports.exists() else ""
    stamp = "/var/lib/systemd/timers/stamp-shop-report.timer"
    machine.run("touch", "-d", "3 days ago", stamp)
    machine.run("sync")
    machine.halt()
    machine.boot()
    machine.settle("shop-web.service")
    reports = machine.path("/var/lib/shop/reports")
    machine.wait(reports.exists, "the missed run is not made up for")
    machine.settle("shop-report.service", "inactive")
    assert len(reports.read_text().splitlines()) == len(before.splitlines()) + 1
    test_everything_runs(machine)
