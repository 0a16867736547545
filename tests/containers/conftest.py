"""The images, each built once a session."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.containers.engine_client import Docker, stand_in
from tests.containers.images import ROOT, build_base, make_app, pip_configuration, settings_of_the_app
from tests.engine import NoEngineError, building_client


@pytest.fixture(scope="session")
def docker(docker_host):
    """The client; what it made is removed at the end."""
    try:
        program = building_client()
    except NoEngineError as error:
        pytest.fail(str(error))
    # Not by the process's id, which a killed session may have had whose containers an engine still has.
    client = Docker(docker_host, program, f"envkit-tests-{secrets.token_hex(3)}")
    yield client
    # By name: the same image may have another name, of a session that goes on.
    names = ("--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={client.name}-*")
    images = client("images", *names).stdout.split()
    if images:
        client("rmi", "--force", *images, check=False)


@pytest.fixture(scope="session")
def pip_conf(tmp_path_factory):
    """The configuration of pip as a secret of builds."""
    return pip_configuration(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def stand_in_image(docker):
    """What stands in for python:3.13-slim-bookworm and nginx:stable."""
    return stand_in(docker)


@pytest.fixture(scope="session")
def certificates_image(docker):
    """What stands in for certbot/certbot, with an authority that it can ask."""
    return stand_in(docker, ("ca-certificates", "certbot", "pebble"), "certificates")


@pytest.fixture(scope="session")
def service_images(docker):
    """What stands in for redis, postgres and amazon/dynamodb-local, by the names of their keys."""
    packages = ("bash", "curl", "gosu", "postgresql-15", "python3", "redis-server")
    no_cluster = "echo create_main_cluster=false >$1/etc/postgresql-common/createcluster.conf"
    heavy = ("usr/lib/postgresql/15/lib/*llvmjit*", "usr/lib/*/libLLVM*", "usr/share/doc", "usr/share/locale")
    hooks = (
        f"--essential-hook=mkdir -p $1/etc/postgresql-common && {no_cluster}",
        f"--customize-hook=cd $1 && rm -rf {' '.join(heavy)}",
    )
    base = stand_in(docker, packages, "services", hooks)
    folder = Path(__file__).parent / "services"
    return {
        name: docker.build(folder, name, "--target", name.replace("_", "-"), args=[f"BASE={base}"])
        for name in ("redis", "postgres", "dynamodb_local")
    }


@pytest.fixture(scope="session")
def base_image(docker, stand_in_image, tmp_path_factory):
    """The image envkit-base."""
    return build_base(docker, stand_in_image, tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def app_folder(base_image, tmp_path_factory):
    """The sample app as one has it before a build."""
    return make_app(base_image, tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="session")
def app_image(docker, app_folder, pip_conf):
    """The sample app's image."""
    return docker.build(app_folder, "teams", secrets=[f"id=pip.conf,src={pip_conf}"])


@pytest.fixture(scope="session")
def app_options(tmp_path_factory):
    """Options of `docker run` that give the sample app its settings."""
    return settings_of_the_app(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="session")
def proxy_image(docker, stand_in_image):
    """envkit-nginx."""
    return docker.build(ROOT / "nginx", "nginx", args=[f"BASE={stand_in_image}"])


@pytest.fixture(scope="session")
def network(docker):
    """A network on which containers find each other by name."""
    name = f"{docker.name}-network"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name, check=False)
