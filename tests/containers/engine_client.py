"""The docker client as the tests of containers use it, and the stand-in for the public base images."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEAST = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
"""Options of a container that may write nothing and do nothing special."""
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PACKAGES = ("ca-certificates", "curl", "nginx-light", "openssl", "python3", "python3-venv")


class Docker:
    """An engine, reached through a client that can build."""

    def __init__(self, host: str, program: str, name: str) -> None:
        """`name` begins the name of everything made here."""
        self.program = program
        self.name = name
        self.environ = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "1"}
        self._count = 0

    def __call__(
        self, *arguments: str, check: bool = True, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One command of the client."""
        done = subprocess.run(
            [self.program, *arguments], env=self.environ, text=True, capture_output=True, check=False, timeout=timeout
        )
        assert not check or done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def build(
        self,
        context: Path,
        name: str,
        *options: str,
        file: Path | None = None,
        args: Sequence[str] = (),
        secrets: Sequence[str] = (),
    ) -> str:
        """Builds an image, by the network of this machine, whose one hiccup is no failure; returns its tag."""
        tag = f"{self.name}-{name}"
        given = [word for arg in args for word in ("--build-arg", arg)]
        given += [word for secret in secrets for word in ("--secret", secret)]
        given += ["--file", str(file)] if file else []
        command = ("build", "--network=host", "--tag", tag, *options, *given, str(context))
        if self(*command, check=False, timeout=400).returncode:
            self(*command, timeout=400)
        return tag

    @contextmanager
    def running(self, image: str, *options: str, command: Sequence[str] = ()) -> Iterator[Container]:
        """A container that is removed at the end; its logs are shown when the test fails inside."""
        self._count += 1
        container = Container(self, f"{self.name}-{self._count}")
        self("run", "--detach", "--name", container.name, *options, image, *command)
        try:
            yield container
        except BaseException:
            print(container.logs())  # noqa: T201  pytest shows it
            raise
        finally:
            self("rm", "--force", "--volumes", container.name, check=False)


class Container:
    """One container."""

    def __init__(self, docker: Docker, name: str) -> None:
        self.docker = docker
        self.name = name

    def state(self) -> dict[str, Any]:
        """What the engine says of it."""
        found: dict[str, Any] = json.loads(self.docker("inspect", self.name).stdout)[0]
        return found

    def logs(self) -> str:
        """Standard output and standard error."""
        done = self.docker("logs", self.name, check=False)
        return done.stdout + done.stderr

    def execute(self, *command: str, check: bool = True, user: str = "") -> subprocess.CompletedProcess[str]:
        """A command inside."""
        return self.docker("exec", *(("--user", user) if user else ()), self.name, *command, check=check)

    def port(self, inner: int) -> int:
        """Where this machine reaches a published port."""
        return int(self.docker("port", self.name, str(inner)).stdout.split()[0].rpartition(":")[2])

    def wait_for(self, url: str, status: int = 200, seconds: float = 40) -> str:
        """The body, once the address answers with this status."""
        deadline = time.monotonic() + seconds
        said: object = "nothing"
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own address
                    said = answer.status
                    body = answer.read().decode()
            except urllib.error.HTTPError as error:
                said = error.code
                body = error.read().decode()
            except OSError as error:
                said, body = error, ""
            if said == status:
                return body
            time.sleep(0.2)
        raise AssertionError(f"{url} gave {said}, not {status}")


def stand_in(
    docker: Docker, packages: Sequence[str] = _PACKAGES, name: str = "stand-in", hooks: Sequence[str] = ()
) -> str:
    """An image with packages of Debian (Python, nginx and OpenSSL) and this machine's certificate authorities.

    Its file system is made once, into a folder for caches outside the project; an engine that has it keeps it. `hooks`
    are options of mmdebstrap.
    """
    mark = hashlib.sha256(CA_BUNDLE.read_bytes() + " ".join((*packages, *hooks)).encode()).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "envkit-tests")
    archive = folder / f"{name}-{mark}.tar"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*.tar"):
            with suppress(OSError):
                old.unlink()
        new = archive.with_name(f"{os.getpid()}-{archive.name}")
        copy_authorities = f"--customize-hook=copy-in {CA_BUNDLE} {CA_BUNDLE.parent}"
        retries = '--aptopt=Acquire::Retries "3"'
        options = ("--quiet", "--variant=minbase", f"--include={','.join(packages)}", copy_authorities, retries)
        subprocess.run(["mmdebstrap", *options, *hooks, "bookworm", str(new)], check=True, timeout=400)
        new.rename(archive)
    tag = f"envkit-tests-{name}:{mark}"
    if docker("image", "inspect", tag, check=False).returncode:
        docker("import", str(archive), tag, timeout=400)
    return tag
