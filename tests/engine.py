"""A Docker engine for the tests: the one that runs, or one of the session's own that leaves nothing behind.

Run as a program, `python engine.py FOLDER`, it keeps such an engine until standard input ends, and that it does however
the tests end: not even SIGKILL to them leaves containers, or bridges, which are the machine's and take up addresses.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
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
    # Not under pytest's own folder, nor TMPDIR: the path of a socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="envkit-docker-", dir="/tmp"))
    host = f"unix://{folder}/socket"
    keeper = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(keeper, stdin=subprocess.PIPE, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while not _answers(host):
            if process.poll() is not None or time.monotonic() > deadline:
                said = (folder / "log").read_text()[-2000:] if (folder / "log").exists() else ""
                shutil.rmtree(folder, ignore_errors=True)
                raise NoEngineError(f"dockerd does not answer:\n{said}")
            time.sleep(0.1)
        yield host


def _keep(folder: Path) -> None:
    """Runs an engine until standard input ends; then nothing of it is left."""
    host = f"unix://{folder}/socket"
    options = ("--storage-driver=overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none")
    # Many and small: whatever earlier runs left here, there are addresses for another network.
    pools = ("--default-address-pool=base=10.96.0.0/11,size=24", "--default-address-pool=base=172.16.0.0/12,size=24")
    places = ("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *options, *pools, *places, "-H", host], stdout=log, stderr=log)
        while daemon.poll() is None and not select.select([sys.stdin], [], [], 0.5)[0]:
            pass
        if daemon.poll() is not None:
            return  # the tests show its log, and remove it
        with suppress(subprocess.TimeoutExpired):
            _remove_all(host, "ps --all", "rm --force --volumes")
            _remove_all(host, "network ls --filter=type=custom", "network rm")
        daemon.terminate()
        try:
            daemon.wait(timeout=60)
        except subprocess.TimeoutExpired:
            daemon.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _remove_all(host: str, what: str, removal: str) -> None:
    client = ["docker", "-H", host]
    listed = subprocess.run(
        [*client, *what.split(), "--quiet"], capture_output=True, text=True, check=False, timeout=60
    )
    if names := listed.stdout.split():
        subprocess.run([*client, *removal.split(), *names], capture_output=True, check=False, timeout=120)


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
    try:
        done = subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return False
    return not done.returncode


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
