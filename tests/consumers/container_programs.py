"""The real programs that read env files for containers, each as a function from texts to what it sees."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMPOSE_2 = {"2.26": "/opt/compose-trixie/docker-compose", "2.40": "/opt/compose-forky/docker-compose"}
"""Where tests/set-up.d/consumers-containers puts Compose 2."""

EMPTY_IMAGE = "envkit-tests-empty"
"""An image without files and without environment; the fixture `docker_host` imports it."""

_HERE = Path(__file__).parent

Seen = dict[str, str] | None
"""The variables by name, or None where the program stopped with an error."""


class Program:
    """A program that reads env files; `environ` is what its own process has besides PATH and HOME."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}

    def see(self, texts: Sequence[str], expected_fatal: Sequence[bool]) -> list[Seen]:
        """What the program sees in each text; texts that are expected to be fatal get a process each."""
        seen: list[Seen] = [None] * len(texts)
        together = [number for number, fatal in enumerate(expected_fatal) if not fatal]
        for number, result in zip(together, self._together([texts[number] for number in together]), strict=True):
            seen[number] = result
        for number, fatal in enumerate(expected_fatal):
            if fatal:
                seen[number] = self._together([texts[number]])[0]
        return seen

    def _together(self, texts: Sequence[str]) -> list[Seen]:
        """One call for all, and where that fails one for each half."""
        if not texts:
            return []
        paths = [self._file(number, text) for number, text in enumerate(texts)]
        seen = self.call(paths)
        if seen is not None:
            return list(seen)
        if len(texts) == 1:
            return [None]
        half = len(texts) // 2
        return self._together(texts[:half]) + self._together(texts[half:])

    def call(self, paths: Sequence[Path]) -> list[dict[str, str]] | None:
        """What one process sees in each file, or None if it stops with an error."""
        raise NotImplementedError

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        """Runs a program with this environment."""
        return subprocess.run(arguments, capture_output=True, env=self.environ | more, cwd=self.folder, check=False)

    def _file(self, number: int, text: str) -> Path:
        path = self.folder / f"{number}.env"
        path.write_bytes(text.encode())
        return path


class Docker(Program):
    """``docker create --env-file`` and ``docker inspect``; one container does for many files, with a marker between."""

    def __init__(self, folder: Path, environ: Mapping[str, str], program: str, host: str, image: str) -> None:
        super().__init__(folder, {**environ, "DOCKER_HOST": host})
        self.program = program
        self.image = image

    def call(self, paths: Sequence[Path]) -> list[dict[str, str]] | None:
        """One container for all files."""
        marker = "END-OF-FILE"
        end = self._file(-1, f"{marker}=\n")
        files = [argument for path in paths for argument in ("--env-file", str(path), "--env-file", str(end))]
        created = self.run(self.program, "create", *files, self.image, "/none")
        if created.returncode:
            return None
        container = created.stdout.decode().strip()
        variables = json.loads(self.run(self.program, "inspect", "-f", "{{json .Config.Env}}", container).stdout)
        self.run(self.program, "rm", container)
        seen: list[dict[str, str]] = [{}]
        for variable in variables:
            name, _, value = variable.partition("=")
            if name == marker:
                seen.append({})
            else:
                seen[-1][name] = value
        seen.pop()
        return seen


class Podman(Program):
    """``podman create --env-file`` and ``podman inspect``; a container for each file, because podman merges files."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(folder, environ)
        # Not under pytest's own folder: podman takes 50 characters for the run root at most.
        self.store = Path(tempfile.mkdtemp(prefix="envkit-podman-"))
        (self.store / "rootfs").mkdir()
        # A lock for each container from a folder of its own: in shared memory podman has 2,048 of them for the whole
        # machine, and containers whose store was removed keep theirs for ever.
        (self.store / "containers.conf").write_text('[engine]\nlock_type = "file"\n')
        self.environ["CONTAINERS_CONF"] = f"{self.store}/containers.conf"

    def call(self, paths: Sequence[Path]) -> list[dict[str, str]] | None:
        """One container for each file."""
        containers = []
        for path in paths:
            created = self._podman("create", "--env-file", str(path), "--rootfs", f"{self.store}/rootfs", "/none")
            if created.returncode:
                assert b"parsing env file" in created.stderr, created.stderr
                return None
            containers.append(created.stdout.decode().strip())
        own = {"PATH", "TERM", "HOSTNAME", "container", "HOME", "CONTAINERS_CONF"}
        inspected = json.loads(self._podman("inspect", *containers).stdout)
        pairs = [[variable.partition("=") for variable in found["Config"]["Env"]] for found in inspected]
        return [{name: value for name, _, value in found if name not in own} for found in pairs]

    def close(self) -> None:
        """Removes the containers."""
        shutil.rmtree(self.store, ignore_errors=True)

    def _podman(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        folders = ("--root", f"{self.store}/root", "--runroot", f"{self.store}/run", "--tmpdir", f"{self.store}/tmp")
        return self.run("podman", *folders, "--storage-driver", "vfs", *arguments)


class Kubectl(Program):
    """``kubectl create secret generic --from-env-file``, without a server; a process for each file."""

    def call(self, paths: Sequence[Path]) -> list[dict[str, str]] | None:
        """One Secret for each file."""
        from base64 import b64decode

        seen = []
        for path in paths:
            made = self.run(
                "kubectl",
                "create",
                "secret",
                "generic",
                "x",
                f"--from-env-file={path}",
                "--dry-run=client",
                "-o",
                "json",
            )
            if made.returncode:
                return None
            data = json.loads(made.stdout).get("data", {})
            seen.append({name: b64decode(value).decode() for name, value in data.items()})
        return seen


class Compose(Program):
    """``docker-compose config`` of Compose 2, with one service for each file."""

    def __init__(self, folder: Path, environ: Mapping[str, str], program: str, env_format: str = "") -> None:
        super().__init__(folder, environ)
        self.program = program
        self.format = {"format": env_format} if env_format else {}

    def call(self, paths: Sequence[Path]) -> list[dict[str, str]] | None:
        """One project for all files."""
        services = {
            f"s{number}": {"image": "x", "env_file": [{"path": str(path), **self.format}]}
            for number, path in enumerate(paths)
        }
        description = self.folder / "compose.json"
        description.write_text(json.dumps({"services": services}))
        done = self.run(self.program, "-p", "x", "-f", str(description), "config", "--format", "json")
        if done.returncode:
            return None
        # `config` doubles every dollar sign, so that its output is a compose file again.
        found = json.loads(done.stdout.replace(b"$$", b"$"))["services"]
        return [found[f"s{number}"].get("environment") or {} for number in range(len(paths))]


class ComposeV1:
    """docker-compose 1.29's own functions, called in one long-lived process of Debian's Python."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.path = folder / "v1.env"
        self.environ = dict(environ)
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(_HERE / "compose_v1_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        )

    def see(self, texts: Sequence[str], expected_fatal: Sequence[bool]) -> list[Seen]:  # noqa: ARG002  (one process for all)
        """What docker-compose sees in each text."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        seen: list[Seen] = []
        for text in texts:
            self.path.write_bytes(text.encode())
            self.process.stdin.write(f"{self.path}\n".encode())
            self.process.stdin.flush()
            seen.append(json.loads(self.process.stdout.readline()))
        return seen

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class PythonDotenv:
    """python-dotenv of this environment, in this process."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.path = folder / ".env"
        self.environ = dict(environ)

    def see(self, texts: Sequence[str], expected_fatal: Sequence[bool]) -> list[Seen]:  # noqa: ARG002  (nothing is fatal)
        """What `dotenv_values` returns for each text, without bare names."""
        import logging
        from unittest.mock import patch

        from dotenv import dotenv_values

        logging.getLogger("dotenv.main").disabled = True
        seen: list[Seen] = []
        with patch.dict(os.environ, self.environ, clear=True):
            for text in texts:
                self.path.write_bytes(text.encode())
                seen.append({name: value for name, value in dotenv_values(self.path).items() if value is not None})
        return seen


def docker_programs() -> list[str]:
    """Every docker client of this machine."""
    found = [shutil.which("docker", path=folder) for folder in ("/usr/local/bin", "/usr/bin")]
    return [program for program in found if program]
