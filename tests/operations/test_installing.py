"""Installing below a root folder: what lies where, what is run, and that no refusal or kill leaves a half of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance, Process
from envkit.deployment.model import Server as OwnServer
from envkit.operations import installing, starting
from envkit.operations.installing import install, uninstall
from envkit.operations.starting import Server, run_here, this_server
from envkit.operations.steps import OperationError, Steps, stopped
from envkit.operations.writing import WriteError

pytestmark = pytest.mark.needs("nginx", "systemd-analyze")

SHOP = Deployment(
    name="shop",
    app="shop:app",
    http=Http(domains=("shop.example.org",)),
    processes={"worker": Process(command=("/srv/shop/worker",)), "release": Process(command=("/srv/shop/migrate",))},
)


@pytest.fixture
def root(tmp_path):
    """A server's root folder: nginx as Debian installs it, and a file of somebody else."""
    root = tmp_path / "root"
    for name in ("sites-available", "sites-enabled"):
        (root / "etc/nginx" / name).mkdir(parents=True)
    (root / "etc/nginx/sites-available/default").write_text("Debian's\n")
    (root / "etc/nginx/sites-enabled/default").symlink_to("/etc/nginx/sites-available/default")
    (root / "etc/nginx/sites-available/other.conf").write_text("somebody's\n")
    return root


def tree(root):
    """Every file and link below the root with its content."""
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


class Commands:
    """Takes note of what is run; a command that begins with one of `failing` fails."""

    def __init__(self, *failing):
        self.failing, self.run = failing, []

    def __call__(self, command):
        self.run.append(" ".join(command))
        if " ".join(command).startswith(self.failing or ("\0",)):
            raise stopped("", f"{' '.join(command)}: failed")


def test_everything_lies_in_its_place(root):
    """Units, accounts, gunicorn's file, site, links and page are there; Debian's default site is not enabled."""
    install(SHOP, Steps(), Server(root, None))
    there = tree(root)
    assert {
        "etc/systemd/system/shop.target",
        "etc/systemd/system/shop-web.socket",
        "etc/systemd/system/shop-web.service",
        "etc/systemd/system/shop-worker.service",
        "etc/sysusers.d/shop.conf",
        "etc/envkit/shop/gunicorn.conf.py",
        "etc/nginx/sites-available/shop.conf",
        "etc/nginx/sites-available/default",
        "usr/share/envkit/shop/maintenance.html",
    } <= there.keys()
    assert there["etc/nginx/sites-enabled/shop.conf"] == "/etc/nginx/sites-available/shop.conf"
    assert "etc/nginx/sites-enabled/default" not in there
    assert not [name for name in there if name.endswith((".tmp", "installing.json"))]


def test_what_is_run(root):
    """Nginx judges the whole before systemd is told; the second time nothing is restarted."""
    first, second = Commands(), Commands()
    install(SHOP, Steps(), Server(root, first))
    assert first.run == [
        "nginx -t",
        "systemd-sysusers /etc/sysusers.d/shop.conf",
        "systemctl daemon-reload",
        "systemctl start shop-release.service",
        "systemctl start shop-check.service",
        "systemd-sysusers /etc/sysusers.d/shop.conf",
        "systemctl daemon-reload",
        "systemctl enable shop.target",
        "systemctl restart shop-web.service shop-worker.service",
        "systemctl start shop.target",
        "systemctl start shop-web.socket",
        "systemctl start shop-web.service",
        "systemctl start shop-worker.service",
        "systemctl enable nginx.service",
        "systemctl reload-or-restart nginx.service",
    ]
    before = tree(root)
    install(SHOP, Steps(), Server(root, second))
    assert tree(root) == before
    assert not [command for command in second.run if "restart shop" in command or "release" in command]


def test_what_nginx_refuses_changes_nothing(root):
    """When nginx refuses the whole of its configuration, every file is as it was, the first time and later."""
    before = tree(root)
    with pytest.raises(OperationError, match="nginx -t: failed"):
        install(SHOP, Steps(), Server(root, Commands("nginx")))
    assert tree(root) == before
    install(SHOP, Steps(), Server(root, None))
    before = tree(root)
    changed = replace(SHOP, http=Http(domains=("other.example.org",)), processes={})
    with pytest.raises(OperationError, match="nginx -t: failed"):
        install(changed, Steps(), Server(root, Commands("nginx")))
    assert tree(root) == before


def test_what_the_judge_refuses_changes_nothing(root, monkeypatch):
    """Files that the real program refuses are not put in place; its own words are told."""
    from envkit.operations.verifying import Verdict

    verdict = Verdict("nginx", "nginx", "refused", "", "\nnginx: [emerg] no\nmore\n")
    monkeypatch.setattr(installing, "verify", lambda *_: [verdict])
    before = tree(root)
    with pytest.raises(OperationError, match=r"nginx: nginx refuses the files. nginx: \[emerg\] no$"):
        install(SHOP, Steps(), Server(root, None))
    assert tree(root) == before


def test_what_would_not_start_changes_nothing(root):
    """Before anything that runs is touched it is tried whether the app would start; if not, every file is as it was."""
    changed = replace(SHOP, processes={})
    before = tree(root)
    with pytest.raises(OperationError, match=r"shop-check\.service: failed"):
        install(changed, Steps(), Server(root, Commands("systemctl start shop-check")))
    assert tree(root) == before
    with pytest.raises(OperationError, match=r"shop-release\.service: failed"):
        install(SHOP, Steps(), Server(root, Commands("systemctl start shop-release")))
    assert tree(root) == before
    install(SHOP, Steps(), Server(root, Commands()))
    before, refused = tree(root), Commands("systemctl start shop-check")
    with pytest.raises(OperationError, match=r"shop-check\.service: failed"):
        install(changed, Steps(), Server(root, refused))
    assert tree(root) == before
    assert refused.run[:3] == [
        "nginx -t",
        "systemd-sysusers /etc/sysusers.d/shop.conf",
        "systemctl start shop-check.service",
    ]


def test_why_it_would_not_start(root):
    """What the check wrote into the journal is told first; of a traceback no more than surely shows no value."""
    commands = Commands("systemctl start shop-check")
    said = (
        'A: is not set\nTraceback (most recent call last):\n  File "/srv/shop/shop.py", line 1\nRuntimeError: secret\n'
    )

    def run(command):
        commands(command)
        return said if "--since" in command else ""

    with pytest.raises(OperationError) as caught:
        install(replace(SHOP, processes={}), Steps(), Server(root, run))
    assert commands.run[-1].startswith("journalctl --unit shop-check.service --identifier shop --since @")
    first, *_, last = str(caught.value).splitlines()
    assert "RuntimeError" in first
    assert "secret" not in str(caught.value)
    assert last == "systemctl start shop-check.service: failed"


def test_what_systemd_could_not_begin(root):
    """Where the app had no chance to say anything, what systemd says of it in the journal is told."""
    commands = Commands("systemctl start shop-check")
    said = {"shop": "", "err": "shop-check.service: Failed at step CHDIR: Permission denied\n"}

    def run(command):
        commands(command)
        return said[command[4]] if "--since" in command else ""

    with pytest.raises(OperationError) as caught:
        install(replace(SHOP, processes={}), Steps(), Server(root, run))
    first, last = str(caught.value).splitlines()
    assert first == "shop-check.service: Failed at step CHDIR: Permission denied"
    assert last == "systemctl start shop-check.service: failed"


@pytest.mark.parametrize("unit", ["check", "release"])
def test_folders_are_given_back(root, monkeypatch, unit):
    """Where a unit fails that had another user, what the app writes to is its own again, as it goes on to run."""
    install(SHOP, Steps(), Server(root, Commands()))
    commands = Commands(f"systemctl start shop-{unit}")
    has_run = f"systemctl start shop-{unit}.service"
    first = "systemctl start shop-check.service"
    renamed = replace(SHOP, processes={**SHOP.processes, "web": Process(user="other")})
    monkeypatch.setattr(starting, "_owner", lambda _folder: "2:2" if first in commands.run else "1:1")
    with pytest.raises(OperationError, match=rf"shop-{unit}\.service: failed"):
        install(renamed, Steps(), Server(root, commands))
    place = commands.run.index(has_run)
    given = [f"chown --recursive 1:1 /{parent}/shop" for parent in ("var/lib", "var/log")]
    assert commands.run[place + 1 : place + 3] == given

    def run(command):
        if command[0] == "chown":
            raise stopped("", "chown: failed")
        return commands(command)

    commands.run.clear()
    renamed = replace(SHOP, processes={**SHOP.processes, "web": Process(user="another")})
    with pytest.raises(OperationError, match=rf"shop-{unit}\.service: failed\nchown: failed$"):
        install(renamed, Steps(), Server(root, run))


def test_a_start_that_failed_is_finished_by_the_next(root):
    """When a unit does not start, the files stay, and the next installation restarts what it must."""
    with pytest.raises(OperationError, match=r"shop\.target: failed"):
        install(SHOP, Steps(), Server(root, Commands("systemctl start shop.target")))
    again = Commands()
    install(SHOP, Steps(), Server(root, again))
    assert "systemctl restart shop-web.service shop-worker.service" in again.run


def test_a_changed_socket_is_opened_anew(root):
    """Only a changed socket is stopped, which stops its service too, and by the next installation if this one fails."""
    install(SHOP, Steps(), Server(root, Commands()))
    limited, told = Commands(), []
    install(replace(SHOP, http=replace(SHOP.http, body_limit=7_000_000)), Steps(), Server(root, limited))
    assert not [command for command in limited.run if command.startswith("systemctl stop")]
    moved = replace(SHOP, http=replace(SHOP.http, upstream="127.0.0.1:8000"))
    with pytest.raises(OperationError, match=r"shop-web\.socket: failed"):
        install(moved, Steps(), Server(root, Commands("systemctl stop shop-web.socket")))
    again = Commands()
    install(moved, Steps(told.append), Server(root, again))
    place = again.run.index("systemctl stop shop-web.socket")
    assert again.run[place : place + 4] == [
        "systemctl stop shop-web.socket",
        "rm -f /run/shop/web.sock",
        "systemctl start shop-web.socket",
        "systemctl restart shop-web.service shop-worker.service",
    ]
    assert "the socket is another one: until the app is started, visitors see the maintenance page" in told
    third = Commands()
    install(moved, Steps(), Server(root, third))
    assert not [command for command in third.run if command.startswith("systemctl stop")]


def test_another_header_opens_no_socket_anew(root):
    """Rendered by another version of envkit, or from a file of another name, a socket is the same and stays open."""
    install(SHOP, Steps(), Server(root, Commands()))
    renamed = Commands()
    install(replace(SHOP, origin="pyproject.toml"), Steps(), Server(root, renamed))
    assert b"from pyproject.toml" in tree(root)["etc/systemd/system/shop-web.socket"]
    assert not [command for command in renamed.run if command.startswith("systemctl stop")]


def test_uninstalling_what_is_described_otherwise_by_now(root):
    """A process that was never installed is no obstacle, and no link is left to a site that goes."""
    files = {"certificate": "/etc/tls/chain.pem", "certificate_key": "/etc/tls/key.pem"}
    before = tree(root).keys()
    install(replace(SHOP, http=Http(domains=("a.test",), tls="files", **files)), Steps(), Server(root, None))
    commands = Commands()
    more = {**SHOP.processes, "mail": Process(command=("/srv/shop/mail",))}
    uninstall(replace(SHOP, processes=more), Steps(), Server(root, commands))
    stop = "systemctl stop shop-mail.service* shop-worker.service* shop-web.service* shop-web.socket*"
    assert commands.run[:2] == ["systemctl disable --now shop.target", stop]
    assert commands.run[2].startswith(
        "systemctl reset-failed shop-check.service* shop-deploy.service* shop-mail.service*"
    )
    left = {name for name in tree(root).keys() - before if not name.endswith("/catch-all.conf")}
    assert left == set()


def test_what_is_needed_no_more_stops(root):
    """The process of a unit that goes is stopped before systemd forgets it, and by the next where this one fails."""
    install(SHOP, Steps(), Server(root, Commands()))
    smaller = replace(SHOP, processes={})
    with pytest.raises(OperationError, match="daemon-reload: failed"):
        install(smaller, Steps(), Server(root, Commands("systemctl daemon-reload")))
    again, third = Commands(), Commands()
    install(smaller, Steps(), Server(root, again))
    gone = "shop-release.service* shop-worker.service*"
    assert again.run[:2] == [f"systemctl stop {gone}", f"systemctl reset-failed {gone}"]
    install(smaller, Steps(), Server(root, third))
    assert not [command for command in third.run if command.startswith("systemctl stop")]


def test_what_waits_from_now_on_stops(root):
    """A process that gets a schedule has run all the time until now: left alone, its timer would never start it."""
    install(SHOP, Steps(), Server(root, Commands()))
    worker = replace(SHOP.processes["worker"], schedule="every 6h")
    scheduled = Commands()
    install(replace(SHOP, processes={**SHOP.processes, "worker": worker}), Steps(), Server(root, scheduled))
    stop = scheduled.run.index("systemctl stop --state=active shop-worker.service*")
    assert stop < scheduled.run.index("systemctl daemon-reload")  # as what it was, or it would have failed
    assert "systemctl restart shop-web.service shop-worker.timer" in scheduled.run


@pytest.mark.parametrize("kind", ["systemd/system/shop.target", "sysusers.d/shop.conf"])
def test_files_of_the_system_stay_in_use(root, kind):
    """An app may not be named so that one of its files stands in for the system's own."""
    (root / "usr/lib" / kind).parent.mkdir(parents=True)
    (root / "usr/lib" / kind).touch()
    before = tree(root)
    with pytest.raises(OperationError) as caught:
        install(SHOP, Steps(), Server(root, None))
    hint = "give the process or the app another name"
    assert str(caught.value) == f"/etc/{kind}: would stand in for the system's own /usr/lib/{kind}. {hint}"
    assert tree(root) == before


def test_somebodys_own_file_is_left_alone(root):
    """A file that envkit did not make is not overwritten, and nothing else is changed."""
    (root / "etc/nginx/sites-available/shop.conf").write_text("by hand\n")
    before = tree(root)
    with pytest.raises(WriteError, match="was not made by envkit"):
        install(SHOP, Steps(), Server(root, None))
    assert tree(root) == before
    install(SHOP, Steps(), Server(root, None), force=True)
    assert tree(root)["etc/nginx/sites-available/shop.conf"] != b"by hand\n"


def test_settings_must_be_there(root):
    """An app with settings is not started without them."""
    with pytest.raises(OperationError) as caught:
        install(replace(SHOP, settings="shop:Settings"), Steps(), Server(root, Commands()))
    assert str(caught.value) == (
        "/etc/envkit/shop/env: no such file, and the app needs its settings. write it: envkit export --to systemd "
        f"--out {root}/etc/envkit/shop/env"
    )


def test_settings_are_whole_and_private(root):
    """Settings and credentials that others may read are refused, or that are not there, or no files: all at once."""
    env = root / "etc/envkit/shop/env"
    (env.parent / "credentials/FOLDER").mkdir(parents=True)
    for file in (env, env.parent / "credentials/OPEN"):
        file.touch(mode=0o600)
        file.chmod(0o644)
    app = replace(SHOP, settings="shop:Settings", server=OwnServer(credentials=("KEY", "OPEN", "FOLDER")))
    before = tree(root)
    with pytest.raises(OperationError) as caught:
        install(app, Steps(), Server(root, Commands()))
    told = str(caught.value).replace("etc/envkit/shop/credentials/", "")
    hint = f"write it: envkit export --to files --out {env.parent}/credentials"
    assert told.splitlines() == [
        f"/etc/envkit/shop/env: holds settings, and others than its owner may read it. chmod 600 {env}",
        f"/KEY: no such file, and the app needs this setting. {hint}",
        f"/OPEN: holds settings, and others than its owner may read it. chmod 600 {root}/OPEN",
        f"/FOLDER: is no file. {hint}",
    ]
    assert tree(root) == before


def test_files_alone_leave_the_start_to_do(root):
    """After files were put below a root folder, however often, the server itself runs the release and starts."""
    for _ in range(2):
        install(SHOP, Steps(), Server(root, None))
    first, second = Commands(), Commands()
    for commands in (first, second):
        install(SHOP, Steps(), Server(root, commands))
        install(SHOP, Steps(), Server(root, None))
    assert "systemctl start shop-release.service" in first.run
    assert "systemctl start shop-release.service" not in second.run


def test_a_rehearsal_that_may_not_look(root, monkeypatch):
    """Whoever may not look into the folder of credentials is told so, and not that something cannot be written."""

    def exists(path):
        if path.name == "KEY":
            raise PermissionError(13, "Permission denied", str(path))
        return os.path.lexists(path)

    app = replace(SHOP, server=OwnServer(credentials=("KEY",)))
    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(OperationError) as caught:
        install(app, Steps(rehearse=True), Server(root, Commands()))
    path = root / "etc/envkit/shop/credentials/KEY"
    assert str(caught.value) == f"{path}: cannot be looked at: permission denied. are you root?"


def test_what_is_needed_no_more_goes(root):
    """The unit of a process that is no longer described is removed, and so is a page in favour of one's own."""
    install(SHOP, Steps(), Server(root, None))
    smaller = replace(SHOP, processes={}, maintenance=Maintenance(page="/srv/shop/down.html"))
    install(smaller, Steps(), Server(root, None))
    there = tree(root)
    assert "etc/systemd/system/shop-web.service" in there
    assert "etc/systemd/system/shop-worker.service" not in there
    assert "usr/share/envkit/shop/maintenance.html" not in there


def test_a_server_that_cannot_changes_nothing(root):
    """Without systemd or root's rights not one file is changed, and the message says why; a rehearsal goes on."""
    before, commands = tree(root), Commands()
    server = Server(root, commands, "only root can do this")
    for operation in (install, uninstall):
        with pytest.raises(OperationError) as caught:
            operation(SHOP, Steps(), server)
        hint = "--dry-run tells the steps, and --root DIR changes files alone"
        assert str(caught.value) == f"only root can do this. {hint}"
        operation(SHOP, Steps(rehearse=True), server)
    assert (tree(root), commands.run) == (before, [])


def test_this_server(monkeypatch, tmp_path):
    """It can be installed on by root where systemd runs."""
    monkeypatch.setattr(starting, "BOOTED", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert this_server().unable == ""
    monkeypatch.setattr(starting, "BOOTED", tmp_path / "none")
    assert this_server().unable == "systemd does not run here"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert this_server().unable == "only root can do this"


def test_what_systemctl_says_of_a_failure(monkeypatch, tmp_path):
    """Its second line names the journal in which the reason stands; of other programs the first line is enough."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nprintf 'Job failed.\\nSee the journal.\\n'; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(starting, "find_program", lambda _name: str(program))
    for name, said in (("systemctl", "Job failed. See the journal."), ("nginx", "Job failed.")):
        with pytest.raises(OperationError) as caught:
            run_here([name, "x"])
        assert str(caught.value) == f"{name} x: failed with exit code 1. {said}"


def test_apps_do_not_take_from_each_other(root):
    """An app without TLS, or on another port, leaves what refuses foreign hosts where one with TLS had it."""
    files = {"certificate": "/etc/tls/chain.pem", "certificate_key": "/etc/tls/key.pem"}
    install(replace(SHOP, http=Http(domains=("a.test",), tls="files", **files)), Steps(), Server(root, None))
    before = {name: content for name, content in tree(root).items() if "catch-all" in name}
    assert any(b"listen 443 ssl" in content for content in before.values() if isinstance(content, bytes))
    for other in (
        Deployment(name="blog", app="a:app", http=Http(domains=("b.test",))),
        Deployment(name="admin", app="a:app", http=Http(domains=("c.test",), port=8080)),
    ):
        install(other, Steps(), Server(root, None))
        assert before.items() <= tree(root).items()
    assert "etc/nginx/sites-enabled/catch-all-8080.conf" in tree(root)


def test_the_refusal_over_tls_goes_with_the_last_app_of_tls(root):
    """It names a certificate of an app; while another app needs it, it stays, and whose it is to become is told."""
    files = {"certificate": "/etc/tls/chain.pem", "certificate_key": "/etc/tls/key.pem"}
    apps = [
        Deployment(name=name, app="a:app", http=Http(domains=(f"{name}.test",), tls="files", **files))
        for name in ("blog", "shop")
    ]
    for app in apps:
        install(app, Steps(), Server(root, None))
    names = {f"etc/nginx/{folder}/catch-all-tls.conf" for folder in ("sites-available", "sites-enabled")}
    told = []
    uninstall(apps[1], Steps(told.append), Server(root, None))
    assert told[0] == (
        "leave /etc/nginx/sites-available/catch-all-tls.conf to the app blog: `envkit install` of it writes its own "
        "certificate there"
    )
    assert names <= tree(root).keys()
    install(replace(apps[0], http=Http(domains=("blog.test",))), Steps(), Server(root, None))
    assert not names & tree(root).keys()
    install(apps[0], Steps(), Server(root, None))
    uninstall(apps[0], Steps(), Server(root, None))
    assert not names & tree(root).keys()
    assert "etc/nginx/sites-enabled/catch-all.conf" in tree(root)


def test_certificates_that_are_needed_no_more(root):
    """Those that certbot renews for the app are told with what ends that, but not the one that it has, nor others'."""
    renewal = root / "etc/letsencrypt/renewal"
    renewal.mkdir(parents=True)
    for domain, app in (("shop.test", "shop"), ("old.test", "shop"), ("blog.test", "blog")):
        hook = f"renew_hook = /usr/local/lib/envkit/{app}/certificate-renewed\n"
        (renewal / f"{domain}.conf").write_text(f"[renewalparams]\n{hook}")
    shop = replace(SHOP, http=Http(domains=("shop.test",), tls="letsencrypt"))
    for operation, expected in ((install, ["old.test"]), (uninstall, ["old.test", "shop.test"])):
        told = []
        operation(shop, Steps(told.append), Server(root, None))
        assert [words for words in told if "certbot" in words] == [
            f"certbot goes on to renew {name}, which this app needs no more: certbot delete --cert-name {name}"
            for name in expected
        ]


def test_one_unit_of_two_apps(root):
    """Where the names of app and process make the unit of another app, that one stays, also when nothing asks first."""
    install(replace(SHOP, processes={"x-web": Process(command=("/srv/shop/x",))}), Steps(), Server(root, None))
    before = tree(root)
    other = Deployment(name="shop-x", app="a:app", http=Http(domains=("b.test",)))
    with pytest.raises(OperationError) as caught:
        install(other, Steps(), Server(root, None))
    hint = "give the process or the app another name"
    assert str(caught.value) == f"/etc/systemd/system/shop-x-web.service: is the app shop's. {hint}"
    uninstall(other, Steps(), Server(root, None))
    assert tree(root) == before


def test_a_rehearsal_changes_nothing(root):
    """Every step is told, and neither a file nor a command is touched."""
    before, commands, told = tree(root), Commands(), []
    install(SHOP, Steps(told.append, rehearse=True), Server(root, commands))
    assert (tree(root), commands.run) == (before, [])
    assert "write /etc/systemd/system/shop-web.service" in told
    assert told[-1] == "systemctl reload-or-restart nginx.service"


def test_uninstalling_leaves_the_data(root):
    """Units, site and page go; what others wrote, settings, state and backups stay; repeating is fine."""
    mine = {"etc/envkit/shop/env": b"A=b", "var/lib/shop/shop.db": b"data", "var/backups/shop/one": b"backup"}
    for name, content in mine.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    install(SHOP, Steps(), Server(root, None))
    (root / "etc/envkit/shop/gunicorn.conf.py").write_text("by hand\n")
    for expected in ("systemctl disable --now shop.target", "systemctl daemon-reload"):
        commands = Commands()
        uninstall(SHOP, Steps(), Server(root, commands))
        assert commands.run[0] == expected
    left = tree(root)
    assert mine.items() <= left.items()
    assert sorted(left.keys() - mine.keys()) == [
        "etc/envkit/shop/gunicorn.conf.py",
        "etc/nginx/sites-available/catch-all.conf",
        "etc/nginx/sites-available/default",
        "etc/nginx/sites-available/other.conf",
        "etc/nginx/sites-enabled/catch-all.conf",
    ]
    assert [str(folder.relative_to(root)) for folder in root.rglob("envkit/shop")] == ["etc/envkit/shop"]


FULL = """
import sys
from pathlib import Path
from envkit.operations import installing, starting
from envkit.operations.steps import Steps
from tests.operations.test_installing import SHOP, tree

installing.verify = lambda *_: []
root = Path(sys.argv[1])
(root / "etc/nginx/sites-available").mkdir(parents=True)
try:
    installing.install(SHOP, Steps(), starting.Server(root, None))
except Exception as error:
    print(type(error).__name__, error)
print(list(tree(root)))
"""


@pytest.mark.needs("unshare")
@pytest.mark.parametrize("kilobytes", [16, 40])
def test_a_full_disk(tmp_path, kilobytes):
    """Wherever the disk is full, an error says so, and no file is there, whole or half."""
    script = f'mount -t tmpfs -o size={kilobytes}k tmpfs "$1" && "$2" -c "$3" "$1"'
    own_namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run(
        [*own_namespace, "sh", "-c", script, "sh", tmp_path, sys.executable, FULL],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, left = done.stdout.splitlines()
    assert said.startswith(("WriteError", "OperationError"))
    assert said.endswith("cannot be written: no space left on device")
    assert left == "[]"


KILLED = """
import os, signal, sys
from pathlib import Path
from envkit.operations import installing, starting
from envkit.operations.steps import Steps
from tests.operations.test_installing import SHOP

installing.verify = lambda *_: []  # it changes nothing, and takes its time
signs = 0

def sign(words):
    global signs
    signs += 1
    if signs == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

commands = lambda command: None
installing.install(SHOP, Steps(sign), starting.Server(Path(sys.argv[1]), commands))
"""


def test_killed_at_any_step_it_can_be_repeated(root, monkeypatch):
    """Whichever step SIGKILL prevents, the next installation, be it refused or not, leaves no half of it."""
    monkeypatch.setattr(installing, "verify", lambda *_: [])
    before = tree(root)
    install(SHOP, Steps(), Server(root, None))
    wanted = tree(root)
    for last in range(1, 60):
        uninstall(SHOP, Steps(), Server(root, None))
        for name in ("sites-enabled", "sites-available"):
            (root / "etc/nginx" / name / "catch-all.conf").unlink(missing_ok=True)
        (root / "etc/nginx/sites-enabled/default").unlink(missing_ok=True)
        (root / "etc/nginx/sites-enabled/default").symlink_to("/etc/nginx/sites-available/default")
        assert tree(root) == before
        command = [sys.executable, "-c", KILLED, root, str(last)]
        done = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
        if done.returncode == 0:
            assert last > 20
            return
        assert done.returncode == -signal.SIGKILL
        under_way = (root / "var/lib/envkit/shop/installing.json").exists()
        if under_way:
            with pytest.raises(OperationError):
                install(SHOP, Steps(), Server(root, Commands("nginx")))
            assert tree(root) == before
        install(SHOP, Steps(), Server(root, None))
        assert tree(root) == wanted
    pytest.fail("it has more steps than were tried")


def test_one_at_a_time(root):
    """While one installs, another install or uninstall on this server is refused and changes nothing."""
    refused = []

    def run(command):
        if not refused:
            before = tree(root)
            for operation in (install, uninstall):
                with pytest.raises(OperationError, match=r"var/lib/envkit: another install or uninstall is running"):
                    operation(replace(SHOP, name="other"), Steps(), Server(root, None))
            refused.append(command)
            assert tree(root) == before

    install(SHOP, Steps(), Server(root, run))
    assert refused
    uninstall(SHOP, Steps(), Server(root, None))


def test_nginx_has_the_page_where_the_app_does_not_start(root):
    """A start, or a release after the first, that fails ends the installation, after nginx has read the site."""
    for failing, domain in (("systemctl restart shop-web", "a.test"), ("systemctl start shop-release", "b.test")):
        commands = Commands(failing)
        with pytest.raises(OperationError, match=f"{failing}.*: failed"):
            install(replace(SHOP, http=Http(domains=(domain,))), Steps(), Server(root, commands))
        assert commands.run[-1] == "systemctl reload-or-restart nginx.service"
