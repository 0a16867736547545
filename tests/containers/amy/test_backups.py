"""Amy with a backup before each release: made in the release's container, kept on the machine."""

from __future__ import annotations

import json

import pytest

from tests.containers.amy.deployment import COMPOSE

pytestmark = [pytest.mark.needs("dockerd", "mmdebstrap", COMPOSE)]
BACKUP = """
[backup]
database = "DATABASE_URL"
folder = "{folder}"
"""
DESCRIBED = """
FROM {app}
USER root
COPY more.toml /tmp/
RUN cat /tmp/more.toml >>/app/envkit.toml
USER 10001
"""
CLIENT = """
FROM {app}
USER root
COPY --from={postgres} /usr/lib/postgresql/15/bin/ /usr/lib/postgresql/15/bin/
COPY --from={postgres} /usr/lib/x86_64-linux-gnu/ /usr/lib/x86_64-linux-gnu/
USER 10001
"""
"""What `apt-get install postgresql-client` adds, without a network."""


@pytest.fixture
def images(docker, image, service_images, tmp_path):
    """The app's image with a description that asks for backups, without and with PostgreSQL's programs."""
    context = tmp_path / "image"
    context.mkdir()
    (context / "more.toml").write_text(BACKUP.format(folder=tmp_path / "backups"))
    (context / "Dockerfile").write_text(DESCRIBED.format(app=image))
    without = docker.build(context, "amy-without-client")
    (context / "Dockerfile").write_text(CLIENT.format(app=without, postgres=service_images["postgres"]))
    return without, docker.build(context, "amy-with-client")


def test_a_backup_before_the_release(described, images, tmp_path):
    """It lies on the machine, whole; without pg_dump in the image the release does not run, and it is said why."""
    without, with_client = images
    backups = tmp_path / "backups"
    with described(tmp_path / "amy", image=without, tables=BACKUP.format(folder=backups)) as amy:
        said = amy.envkit("render", "--check").stderr
        assert "install postgresql-client in the app's Dockerfile" in said
        amy.envkit("export", "--all", "--to", "compose", "--out", "deploy/.env")
        assert f"{backups} is missing" in amy.deploy(check=False).stderr
        backups.mkdir()
        backups.chmod(0o777)  # its owner would be the user of the container
        done = amy.deploy(check=False)
        assert done.returncode != 0
        assert "pg_dump is not installed. install postgresql-client" in done.stderr + done.stdout
        assert "web" not in amy.containers()

        description = amy.folder / "envkit.toml"
        description.write_text(description.read_text().replace(f'"{without}"', f'"{with_client}"'))
        amy.envkit("render")
        amy.deploy()
        amy.wait_for(200)
        list_them = ("backup", "list", "--verify", "--json")
        listed = amy.compose("run", "--rm", "-T", "--no-deps", "--entrypoint=envkit", "release", *list_them)
        assert len(json.loads(listed.stdout)) == 1
        assert list(backups.glob("*.sha256"))
