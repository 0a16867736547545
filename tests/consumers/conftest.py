"""The shared engine with the one image that the consumers' tests create containers from."""

from __future__ import annotations

import subprocess

import pytest

from tests.consumers.container_programs import EMPTY_IMAGE


@pytest.fixture(scope="session")
def docker_host(docker_host: str) -> str:
    """The address of an engine that has the image `EMPTY_IMAGE`."""
    empty_archive = bytes(10240)
    subprocess.run(
        ["docker", "-H", docker_host, "import", "-", EMPTY_IMAGE], input=empty_archive, capture_output=True, check=True
    )
    return docker_host
