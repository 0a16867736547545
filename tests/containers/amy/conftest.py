"""The app's image, and folders with its description."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.containers.amy.deployment import Amy
from tests.examples.projects import EXAMPLES
from tests.ports import free_port


@pytest.fixture(scope="package")
def image(docker, base_image, pip_conf, tmp_path_factory):
    """The app's image, with the Dockerfile that envkit writes."""
    folder = tmp_path_factory.mktemp("image") / "amy"
    shutil.copytree(EXAMPLES / "amy", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.move(folder / "containers.toml", folder / "envkit.toml")
    subprocess.run([sys.executable, "-m", "envkit", "init", "--docker"], cwd=folder, check=True, capture_output=True)
    dockerfile = folder / "Dockerfile"
    dockerfile.write_text(f"FROM {base_image}\n{dockerfile.read_text().partition(chr(10))[2]}")
    return docker.build(folder, "amy", secrets=[f"id=pip.conf,src={pip_conf}"])


@pytest.fixture(scope="package")
def described(docker, image, proxy_image, service_images):
    """A folder with the description as on a server, but for plain HTTP, this engine's images and a free port.

    What was started there is gone after the `with`, data and all.
    """

    @contextmanager
    def make(folder, image=image, tables="", **more):
        shutil.copytree(EXAMPLES / "amy", folder, ignore=shutil.ignore_patterns("__pycache__"))
        amy = Amy(docker, folder, image, free_port())
        text = (folder / "containers.toml").read_text().replace('name = "amy"', f'name = "{amy.name}"', 1)
        text = text.replace('tls = "letsencrypt"\nemail = "admin@example.org"', f"port = {amy.port}")
        text = text.replace('"amy:latest"', f'"{image}"\naddress = "127.0.0.1"')
        images = {"nginx": proxy_image, **service_images}
        text += "[container.images]\n" + "".join(f'{name} = "{tag}"\n' for name, tag in images.items())
        for table, lines in more.items():
            assert f"[{table}]\n" in text
            text = text.replace(f"[{table}]\n", f"[{table}]\n{lines}\n")
        (folder / "envkit.toml").write_text(text + tables)
        amy.write_settings()
        amy.envkit("render")
        amy.override()
        try:
            yield amy
        finally:
            amy.compose("kill", check=False)
            amy.compose("down", "--volumes", check=False)

    return make
