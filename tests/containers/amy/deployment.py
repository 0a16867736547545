"""Amy's deployment on this machine: deploy.sh and Compose in its folder, and what a visitor sees."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from envkit.channels.registry import channel
from tests.consumers.container_programs import COMPOSE_2
from tests.containers.health import asked_often

COMPOSE = COMPOSE_2["2.26"]
DOMAIN = "amy.example.org"
HOSTILE = "pa$$w${ord} 'it\"s' #1 %41 \\n \\ `id` ünï😀"
"""The password, and every other secret."""
SEEN = """
from envkit import load_settings
from amy.settings import AppSettings
seen = load_settings(AppSettings)
print(json.dumps([seen.secret_key.get_secret_value(), seen.database_url.password.get_secret_value()]))
"""
"""Prints what the app has of it, wherever that comes from."""


class Amy:
    """The deployment on this machine."""

    def __init__(self, docker, folder, image, port):
        self.docker, self.folder, self.image, self.port = docker, folder, image, port
        self.name = f"{docker.name}-amy"

    def envkit(self, *arguments, check=True):
        """Calls envkit in the app's image, in the folder of the description; what it said."""
        inside = ("--network=none", "--user=0", f"--volume={self.folder}:/app", "--entrypoint=envkit")
        return self.docker("run", "--rm", *inside, self.image, *arguments, check=check)

    def compose(self, *arguments, check=True):
        """One command of Compose."""
        return self.run(COMPOSE, "-p", self.name, *arguments, check=check)

    def write_settings(self):
        """Writes .env beside the description."""
        role = self.name.replace("-", "_")
        url = f"postgresql://{role}:{urllib.parse.quote(HOSTILE, safe='')}@postgres:5432/{role}"
        self.values = {
            "SECRET_KEY": HOSTILE,
            "DATABASE_URL": url,
            "REDIS_URL": "redis://redis:6379/0",
            "POSTGRES_PASSWORD": HOSTILE,
        }
        (self.folder / ".env").write_text(channel("dotenv").write(self.values))

    def deploy(self, *, check=True):
        """Runs deploy.sh."""
        return self.run("./deploy.sh", check=check)

    def run(self, *command, check=True):
        """A program in the folder."""
        environ = {**self.docker.environ, "COMPOSE": COMPOSE}
        done = subprocess.run(
            command, cwd=self.folder / "deploy", env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert not check or done.returncode == 0, f"{done.stdout}{done.stderr}{self._logs()}"
        return done

    def override(self, more=None):
        """The operator's own compose.override.yaml: health is asked for often, for the tests' time, and more."""
        deploy = self.folder / "deploy"
        services = asked_often(deploy / "compose.yaml")
        for name, lines in (more or {}).items():
            services.setdefault(name, {}).update(lines)
        (deploy / "compose.override.yaml").write_text(json.dumps({"services": services}))

    def containers(self):
        """What the engine knows of the containers, by their services."""
        ids = self.compose("ps", "--all", "--quiet").stdout.split()
        found = json.loads(self.docker("inspect", *ids).stdout) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def execute(self, service, *command, check=True):
        """A command in a service's container."""
        return self.compose("exec", "-T", service, *command, check=check)

    def python(self, code, service="web"):
        """What a program in a container says, as JSON."""
        return json.loads(self.execute(service, "python3", "-c", f"import json\n{code}").stdout)

    def ask(self, path="/", form=None):
        """Status, Retry-After and body of an answer."""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Host": DOMAIN})
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310  our own address
                return answer.status, answer.headers["Retry-After"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Retry-After"], error.read().decode()
        except OSError as error:
            return 0, None, str(error)

    def wait_until(self, is_so, what, seconds=120):
        """Returns when it is so, and shows the logs when that does not come."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"{what} does not come\n{self._logs()}"
            time.sleep(0.2)

    def wait_for(self, status, path="/health"):
        """Returns when there is this answer."""
        self.wait_until(lambda: self.ask(path)[0] == status, f"status {status}")

    def announced(self, name):
        """Whether the worker has done its job for a workshop."""
        status, _, body = self.ask()
        return status == 200 and json.loads(body).get(name) is True

    def kill(self, service, stand_in_image):
        """SIGKILL to a container's first process, as by the kernel out of memory; returns when it is back."""
        before = self.containers()[service]
        # `docker kill` would count as a stop that somebody asked for.
        kill = ("sh", "-c", f"kill -KILL {before['State']['Pid']}")
        self.docker("run", "--rm", "--network=none", "--pid=host", stand_in_image, *kill)

        def is_back():
            now = self.containers()[service]
            return now["RestartCount"] > before["RestartCount"] and now["State"]["Running"]

        self.wait_until(is_back, f"{service} again")

    def _logs(self):
        return self.compose("logs", "--no-color", "--tail=30", check=False).stdout[-8000:]
