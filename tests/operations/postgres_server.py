"""A real PostgreSQL server in a folder of its own, on a unix socket, with passwords; run by a user who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

PASSWORD = "p:a\\ss wörd%@/'\""
DEADLINE = 60


def server_programs():
    """The folder of the newest server's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not folders:
        reason = "needs PostgreSQL's server (tests/set-up installs it on Debian as root)"
        if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)
    return folders[-1].parent


class Server:
    """A running server with a role `shop` who owns the database `shop`, and nothing more."""

    def __init__(self):
        self.programs = server_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="envkit-pg-", dir="/tmp"))
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.account = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid} if os.geteuid() == 0 else {}
        if self.account:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)
        word = self.folder / "word"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        options = ["--no-sync", "--auth=scram-sha-256", f"--pwfile={word}", "--username=admin", "--encoding=UTF8"]
        self.run("initdb", f"--pgdata={self.folder}/data", *options, "--locale=C.UTF-8")
        settings = {"fsync": "off", "listen_addresses": "", "unix_socket_directories": self.folder}
        ends_with_us = ["setpriv", "--pdeathsig", "INT"]
        command = [*ends_with_us, self.programs / "postgres", "-D", self.folder / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.account
            )
        self.ask("SELECT 1", wait=True)
        quoted = PASSWORD.replace("'", "''")
        self.ask(f"CREATE ROLE shop LOGIN PASSWORD '{quoted}'")
        self.ask("CREATE DATABASE shop OWNER shop")

    def run(self, program, *arguments):
        """Runs one of the server's programs."""
        command = [self.programs / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, cwd="/", **self.account)

    def ask(self, sql, *, role="admin", database="postgres", wait=False):
        """What psql prints for a statement."""
        variables = {**os.environ, "PGPASSWORD": PASSWORD, "PGHOST": str(self.folder), "PGUSER": role}
        end = time.monotonic() + DEADLINE
        while True:
            done = subprocess.run(
                [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql],
                env={**variables, "PGDATABASE": database},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return done.stdout.strip()
            assert wait, done.stderr
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, done.stderr
            time.sleep(0.1)

    def shop(self, sql):
        """The same as the app asks it."""
        return self.ask(sql, role="shop", database="shop")

    def url(self, *, password=PASSWORD, database="shop"):
        """The URL by which the app reaches its database."""
        return f"postgresql://shop:{quote(password, safe='')}@/{database}?host={quote(str(self.folder), safe='')}"

    def stop(self):
        """Ends the server and removes its folder."""
        self.process.send_signal(2)  # SIGINT: a fast shutdown
        try:
            self.process.wait(DEADLINE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(DEADLINE)
            shutil.rmtree(self.folder, ignore_errors=True)
