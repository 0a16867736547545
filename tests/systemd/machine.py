"""A small Debian server whose first process is systemd, in namespaces of its own; see `boot`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from envkit.operations.writing import write_artifacts

LOWER = Path("/opt/envkit-tests/systemd/root")
HERE = Path(__file__).parent
PATIENCE = 120


class Machine:
    """One such server; what is changed on it stays in `folder` until the machine is booted again from there."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("root", "upper", "work"):
            (folder / name).mkdir()
        (folder / "lower").symlink_to(LOWER)
        self.process = None

    # --- on and off ---

    def boot(self):
        """Starts it and waits until systemd has started everything."""
        with (self.folder / "console.log").open("ab") as console:
            # It ends with the tests, however they end.
            command = ["setpriv", "--pdeathsig", "KILL", HERE / "boot", self.folder]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        end = time.monotonic() + PATIENCE
        while self._state() not in {"running", "degraded"}:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"systemd did not start:\n{(self.folder / 'console.log').read_text()}")
            time.sleep(0.2)

    def halt(self):
        """Ends it as a power cut does: its first process is killed, and the kernel kills all others."""
        if self.process is not None:
            for child in self._children():
                os.kill(child, signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    def reboot(self):
        """Has systemd stop everything in order and start anew.

        In a namespace of processes, reboot(2) ends its first process as if by SIGHUP (pid_namespaces(7)); a power cut
        looks otherwise.
        """
        self.run("systemctl", "reboot", check=False)
        assert self.process.wait(PATIENCE) == -signal.SIGHUP
        self.process = None
        self.boot()

    def _children(self):
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []

    def _state(self):
        """What systemctl says of the whole system, or nothing where there is no systemd yet."""
        children = self._children()
        try:
            if "systemd" not in str(Path(f"/proc/{children[0]}/exe").readlink()):
                return ""
        except (IndexError, FileNotFoundError):  # the one before has just ended
            return ""
        done = subprocess.run(
            [*self.enter(), "systemctl", "is-system-running"], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    # --- inside ---

    def enter(self):
        """The words before a command that is to run there."""
        (child,) = self._children()
        return [
            "nsenter",
            "--target",
            str(child),
            "--all",
            "--root",
            "--wd",
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]

    def run(self, *command, check=True):
        """Runs a command there; returns what it printed."""
        code, said = self.attempt(*command)
        if check and code != 0:
            raise AssertionError(f"{' '.join(command)}: {said}\n{self.journal()}")
        return said

    def attempt(self, *command):
        """Runs a command there; returns its exit code and what it printed."""
        done = subprocess.run(
            [*self.enter(), *command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout

    def kill(self, pid):
        """Ends a process there at once, by SIGKILL."""
        self.run("sh", "-c", f"kill -KILL {pid}")

    def path(self, path):
        """A path of the running machine as this one sees it."""
        (child,) = self._children()
        return Path(f"/proc/{child}/root{path}")

    def journal(self):
        """The last lines that its services wrote."""
        return self.run("journalctl", "--no-pager", "-n", "60", "-o", "short-precise", check=False)

    def show(self, unit, *properties):
        """Properties of a unit, in this order."""
        lines = self.run("systemctl", "show", unit, "-p", ",".join(properties)).splitlines()
        found = dict(line.split("=", 1) for line in lines if "=" in line)
        return [found[name] for name in properties]

    def settle(self, unit, state="active"):
        """Waits until a unit is in this state."""
        self.wait(lambda: self.show(unit, "ActiveState") == [state], f"{unit} is not {state}")

    def wait(self, holds, problem):
        """Waits until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"{problem}\n{self.journal()}"
            time.sleep(0.1)

    def get(self, path="/", host="shop.test", form=None):
        """Status and body of a GET that its nginx answers, or of a POST with a form's text."""
        status, _, body = self.ask(path, host, form=form)
        return status, body

    def ask(self, path="/", host="shop.test", *, form=None, tls=False, source="127.0.0.1"):
        """Status, headers by their names in small letters, and body of a request to its nginx from an address of it."""
        command = ["python3", "-c", _ASK, path, host, form or "", source, "tls" if tls else ""]
        status, headers, body = json.loads(self.run(*command))
        return status, headers, body.rstrip("\n")

    # --- files ---

    def write(self, path, text, mode=0o644):
        """Makes a file, or replaces it as a whole: a process that begins just then must not read half of it."""
        place = self.path(path)
        new = place.with_name(f"{place.name}.new")
        new.touch(mode=mode)
        new.chmod(mode)
        new.write_text(text)
        new.replace(place)

    def install(self, name, renderings):
        """Puts rendered files in place as the README of the examples does it by hand."""
        scratch = self.folder / "rendered"
        shutil.rmtree(scratch, ignore_errors=True)
        for rendering in renderings:
            write_artifacts(rendering.artifacts, scratch)
        shutil.copytree(scratch / "systemd", self.path("/"), dirs_exist_ok=True)
        for site in (scratch / "nginx/sites").iterdir():
            shutil.copy(site, self.path("/etc/nginx/sites-available"))
            link = self.path("/etc/nginx/sites-enabled") / site.name
            if not link.is_symlink():
                link.symlink_to(f"/etc/nginx/sites-available/{site.name}")
        self.path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
        page = self.path(f"/usr/share/envkit/{name}/maintenance.html")
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scratch / "nginx/maintenance.html", page)
        self.run("systemd-sysusers")
        self.run(
            "systemd-tmpfiles", "--create", check=False
        )  # of the machine's own files some ask for what is not there
        self.run("systemctl", "daemon-reload")

    def load(self, *options, host="shop.test", port=80, requests=20_000):
        """A load on its nginx, begun: see `Load`."""
        return Load(self, f"127.0.0.1:{port}", host, requests, options)


_ASK = """
import http.client, json, socket, ssl, sys
path, host, form, source, tls = sys.argv[1:]
c = http.client.HTTPConnection("127.0.0.1")
c.sock = socket.create_connection(("127.0.0.1", 443 if tls else 80), 60, (source, 0))
if tls:
    c.sock = ssl._create_unverified_context().wrap_socket(c.sock, server_hostname=host)
headers = {"Host": host, "Content-Type": "application/x-www-form-urlencoded"}
c.request("POST" if form else "GET", path, form or None, headers)
r = c.getresponse()
print(json.dumps([r.status, {name.lower(): value for name, value in r.getheaders()}, r.read().decode()]))
"""


class Load:
    """`tests/load.py` inside the machine; it ends when the block ends, and there were enough requests."""

    def __init__(self, machine, address, host, requests, options):
        self.machine = machine
        shutil.copy(HERE.parent / "load.py", machine.path("/root/load.py"))
        command = ["python3", "/root/load.py", address, host, "--requests", str(requests), *options]
        self.process = subprocess.Popen(
            [*machine.enter(), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.result = None

    def __enter__(self):
        if self.process.stdout.readline() != "running\n":
            self.process.communicate()
            raise AssertionError("the load does not run")
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        printed, _ = self.process.communicate(timeout=PATIENCE * 2)
        if kind is None:
            self.result = json.loads(printed)
            if self.result["failed"]:  # shown where the test fails for it
                errors = self.machine.run("tail", "-n", "40", "/var/log/nginx/error.log", check=False)
                print(printed, errors, self.machine.journal(), sep="\n")  # noqa: T201
