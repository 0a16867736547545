"""The example amy on a booted server, installed by the very commands of its README."""

from __future__ import annotations

import json

from tests.systemd.conftest import AMY, LIGHT, posts

CHECKPOINTER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"


def ask(amy, path="/", form=""):
    """Status, Retry-After and body of an answer over TLS."""
    status, headers, body = amy.ask(path, AMY, form=form, tls=True)
    return status, headers.get("retry-after"), body


def test_one_backup_before_the_migrations(amy):
    """The migrations ran once, and before them a backup was made."""
    listed = json.loads(amy.run("sh", "-c", "cd /srv/amy && .venv/bin/envkit backup list --verify --json"))
    assert len(listed) == 1
    assert ask(amy)[0] == 200


def test_processes(amy):
    """Three workers by a setting, one worker of the queue and one scheduler, all as the app's own user."""
    (master,) = amy.show("amy-web.service", "MainPID")
    assert len(amy.run("cat", f"/proc/{master}/task/{master}/children").split()) == 3
    for process in ("web", "worker", "scheduler"):
        assert amy.show(f"amy-{process}.service", "ActiveState", "User", "Group") == ["active", "amy", "amy"]


def test_jobs_are_documents(amy):
    """What is posted is announced by the worker, and what the queue holds meanwhile is JSON."""
    amy.run("systemctl", "stop", "amy-worker.service")
    assert ask(amy, form="name=Oslo")[0] == 201
    (job,) = amy.run("redis-cli", "--raw", "lrange", "rq:queue:amy", "-1", "-1").split()
    look = "import sys, zlib; print(zlib.decompress(sys.stdin.buffer.read()[:-1]).decode())"
    data = amy.run("sh", "-c", f"redis-cli --raw hget rq:job:{job} data | python3 -c '{look}'")
    assert json.loads(data) == ["amy.jobs.announce", None, [], {"name": "Oslo"}]
    amy.run("systemctl", "start", "amy-worker.service")
    amy.wait(lambda: json.loads(ask(amy)[2])["Oslo"], "the job is not done")


def test_nothing_is_exposed(amy):
    """Redis and PostgreSQL listen on the machine itself alone."""
    listening = [
        line.split()[1] for line in amy.run("cat", "/proc/net/tcp").splitlines()[1:] if line.split()[3] == "0A"
    ]
    for port in (6379, 5432):
        assert {address for address in listening if address.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}


def test_maintenance(amy):
    """The flag file under /webapps shows the page to everybody; without it everything is as before."""
    amy.run("touch", "/webapps/amy.example.org/maintenance_on")
    status, retry_after, body = ask(amy)
    assert (status, retry_after, "Back soon" in body) == (503, "300", True)
    amy.run("rm", "/webapps/amy.example.org/maintenance_on")
    assert ask(amy)[0] == 200


def test_database_stopped(amy):
    """Without its database health is red and the site answers 503 with the page; when it is back, so is the site."""
    amy.run("systemctl", "stop", "postgresql@15-main.service")
    for form in ("", "name=Narvik"):
        status, retry_after, body = ask(amy, form=form)
        assert (status, retry_after, "Back soon" in body) == (503, "300", True)
    assert ask(amy, "/health") == (503, "60", "Back in a minute.")
    amy.run("systemctl", "start", "postgresql@15-main.service")
    amy.wait(lambda: ask(amy, "/health")[0] == 200, "it does not recover")
    assert ask(amy)[0] == 200


def test_database_killed(amy):
    """PostgreSQL is killed while requests are under way: users see the page and no error, and it recovers by itself."""
    with amy.load(*LIGHT, "--maintenance", "--tls", *posts("name=Hamar"), host=AMY, port=443, requests=100) as load:
        amy.kill(amy.run("runuser", "-u", "postgres", "--", "psql", "-Atc", CHECKPOINTER))
        amy.wait(lambda: ask(amy, "/health")[0] == 200, "it does not recover")  # PostgreSQL begins anew by itself
        amy.kill(*amy.show("postgresql@15-main.service", "MainPID"))
        amy.wait(lambda: ask(amy)[0] == 503, "nobody noticed")
        status, retry_after, body = ask(amy)
        assert (status, retry_after, "Back soon" in body) == (503, "300", True)
        start = ("systemctl", "start", "postgresql@15-main.service")  # Debian's unit does not start it again by itself
        amy.wait(lambda: amy.attempt(*start)[0] == 0 and ask(amy, "/health")[0] == 200, "it does not recover")
    assert load.result["failed"] == {}
    assert load.result["held"] > 0
    assert ask(amy)[0] == 200


def test_one_stream(amy):
    """One command shows what all processes say; each request is one JSON object, and no secret is in it."""
    ask(amy, form="name=Bergen")
    amy.wait(lambda: json.loads(ask(amy)[2])["Bergen"], "the job is not done")
    lines = amy.run("journalctl", "-u", "amy-*", "--no-pager", "-o", "cat").splitlines()
    objects = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"method": "POST", "uri": "/", "status": 201}.items() <= next(
        each for each in objects if each.get("status") == 201
    ).items()
    assert any("Booting worker" in each.get("message", "") for each in objects)
    assert not [line for line in lines if "Booting worker" in line and not line.startswith("{")]
    assert any("amy.jobs.announce" in line for line in lines)
    assert "canary" not in amy.run("journalctl", "--no-pager")


def test_development_defaults(amy):
    """What is fit only for development does not start on a server."""
    file = amy.path("/etc/envkit/amy/env")
    kept = file.read_text()
    file.write_text("")
    said = amy.run("systemctl", "start", "amy-release.service", check=False)
    assert "failed" in said
    said = amy.run("journalctl", "-u", "amy-release", "--no-pager")
    for name in ("SECRET_KEY", "DATABASE_URL"):
        assert f"AppSettings: {name}: is not set, and its default is fit only for development" in said
    file.write_text(kept)
