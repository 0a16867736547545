"""A Docker engine for the tests that need one: the one that runs, or one of its own that ends with the session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.consumers.container_programs import EMPTY_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of an engine that has the image `EMPTY_IMAGE`."""
    running = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if _answers(running):
        _import_image(running)
        yield running
        return
    if os.geteuid():
        pytest.skip("needs a running Docker engine, or root to start one")
    # Not under pytest's own folder: the path of a socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="envkit-docker-"))
    host = f"unix://{folder}/socket"
    options = ("--storage-driver=overlay2", "--iptables=false", "--ip6tables=false", "--bridge=none")
    places = ("--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid")
    with (folder / "log").open("wb") as log:
        engine = subprocess.Popen(["dockerd", *options, *places, "-H", host], stdout=log, stderr=log)
    try:
        for _ in range(150):
            if _answers(host):
                break
            if engine.poll() is not None:
                break
            time.sleep(0.2)
        else:
            pytest.fail(f"dockerd does not answer:\n{(folder / 'log').read_text()[-2000:]}")
        if engine.poll() is not None:
            pytest.fail(f"dockerd ended:\n{(folder / 'log').read_text()[-2000:]}")
        _import_image(host)
        yield host
    finally:
        engine.terminate()
        engine.wait(timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(host: str) -> bool:
    if not Path(host.removeprefix("unix://")).exists():
        return False
    return not subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False).returncode


def _import_image(host: str) -> None:
    empty_archive = bytes(10240)
    subprocess.run(
        ["docker", "-H", host, "import", "-", EMPTY_IMAGE], input=empty_archive, capture_output=True, check=True
    )
