"""A Docker engine for the tests: the one that runs, or one of the session's own that leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoEngineError(Exception):
    """None runs here, and none can be started."""


@contextmanager
def engine() -> Iterator[str]:
    """The address of an engine: DOCKER_HOST or the usual one where it answers, else one of its own.

    Its own engine touches no rule of the machine's firewall and makes no default network, so that several may run at
    a time. Containers on networks made for them reach each other, and are reached by ports published on 127.0.0.1;
    builds reach the outside by ``--network host``.

    Raises:
        NoEngineError: none answers, and starting one needs root; or it did not start.
    """
    running = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if _answers(running):
        yield running
        return
    if os.geteuid():
        raise NoEngineError("needs a running Docker engine, or root to start one")
    # Not under pytest's own folder: the path of a socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="envkit-docker-"))
    host = f"unix://{folder}/socket"
    options = ("--storage-driver=overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none")
    places = ("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *options, *places, "-H", host], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while not _answers(host):
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise NoEngineError(f"dockerd does not answer:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield host
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def building_client() -> str:
    """The first docker client that builds with BuildKit: Debian's own, or a newer one with its plug-in buildx."""
    for folder in os.environ["PATH"].split(os.pathsep):
        program = shutil.which("docker", path=folder)
        if program is None:
            continue
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        number = version.partition("version ")[2].partition(".")[0]
        plug_in = subprocess.run([program, "buildx", "version"], capture_output=True, check=False)
        if plug_in.returncode == 0 or (number.isdigit() and int(number) < 23):
            return program
    raise NoEngineError("no docker client here can build with BuildKit")


def _answers(host: str) -> bool:
    if host.startswith("unix://") and not Path(host.removeprefix("unix://")).exists():
        return False
    return not subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False).returncode
