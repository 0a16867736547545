"""The images in numbers: size over the base, a build after a change of the code, the start, and the health probe.

It needs an engine that runs, or root to start one, and mmdebstrap; the base is the tests' stand-in, Debian's Python
3.11. Times are medians; beside each stands the same without envkit, as the machine may be busy.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.containers.engine_client import LEAST, Docker, stand_in
from tests.containers.images import build_base, make_app, pip_configuration, settings_of_the_app
from tests.engine import building_client, engine

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 7
PROBES = 30
_CPU = f"""
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
before = resource.getrusage(resource.RUSAGE_CHILDREN)
for _ in range({PROBES}):
    subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
after = resource.getrusage(resource.RUSAGE_CHILDREN)
print((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / {PROBES} * 1000)
"""


def main() -> None:
    """Builds the images, measures, prints, and removes them."""
    with engine() as host, tempfile.TemporaryDirectory() as scratch:
        docker = Docker(host, building_client(), "envkit-benchmark")
        network = f"{docker.name}-network"
        docker("network", "create", network)
        try:
            _measure(docker, network, Path(scratch))
        finally:
            docker("network", "rm", network, check=False)
            for images in (f"reference={docker.name}-*", f"label=made-by={docker.name}"):
                made = docker("images", "--quiet", f"--filter={images}").stdout.split()
                docker("rmi", "--force", *set(made), check=False)


def _measure(docker: Docker, network: str, folder: Path) -> None:
    base = stand_in(docker)
    ours = build_base(docker, base, folder)
    app = make_app(ours, folder)
    secrets = [f"id=pip.conf,src={pip_configuration(folder)}"]
    start = time.perf_counter()
    image = docker.build(app, "teams", "--no-cache", secrets=secrets)
    whole = time.perf_counter() - start
    over = (_size(docker, ours) - _size(docker, base)) / 1e6
    _print("size of envkit-base over its base", f"{over:.1f} MB, on {_size(docker, base) / 1e6:.0f} MB")
    _print("build of the sample app, nothing cached", f"{whole:.1f} s")
    _print("build after a change of its code", f"{median(_changed(docker, app, secrets)):.2f} s")
    _start(docker, network, base, image, settings_of_the_app(folder))


def _changed(docker: Docker, app: Path, secrets: Sequence[str]) -> list[float]:
    times = []
    for number in range(ROUNDS):
        with (app / "teams_app/pages.py").open("a") as file:
            file.write(f"# {number}, {time.time_ns()}\n")
        start = time.perf_counter()
        docker.build(app, "teams", f"--label=made-by={docker.name}", secrets=secrets)
        times.append(time.perf_counter() - start)
    return times


def _start(docker: Docker, network: str, base: str, image: str, settings: Sequence[str]) -> None:
    options = (*LEAST, "--network", network)
    published = (*options, "--publish=127.0.0.1::8000", *settings)
    to_first, to_nothing = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        docker("run", "--rm", *options, base, "true")
        to_nothing.append(time.perf_counter() - start)
        start = time.perf_counter()
        with docker.running(image, *published) as container:
            port = container.port(8000)
            while not _answers(port):
                time.sleep(0.01)
            to_first.append(time.perf_counter() - start)
    _print("docker run until the first 200", f"{median(to_first):.2f} s")
    _print("docker run of `true` in the base, until its end", f"{median(to_nothing):.2f} s")
    with docker.running(image, *published) as container:
        port = container.port(8000)
        while not _answers(port):
            time.sleep(0.01)
        probe = container.state()["Config"]["Healthcheck"]["Test"][1:]
        costs = {"probe": probe, "empty": [*probe[:3], "-c", "pass"]}
        measured = {name: container.execute("python3", "-c", _CPU, *words).stdout for name, words in costs.items()}
    _print("CPU of one health probe", f"{float(measured['probe'].split()[-1]):.1f} ms")
    _print("CPU of Python that does nothing", f"{float(measured['empty'].split()[-1]):.1f} ms")


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _size(docker: Docker, image: str) -> int:
    size: int = json.loads(docker("inspect", image).stdout)[0]["Size"]
    return size


def _print(what: str, number: str) -> None:
    print(f"{what:<52} {number}", flush=True)


if __name__ == "__main__":
    main()
