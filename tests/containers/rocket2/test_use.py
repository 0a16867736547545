"""The running deployment as its users have it, its settings, and the same by docker-compose 1.29 on Debian's nginx."""

from __future__ import annotations

import http.client
import json

import pytest

from envkit import load_settings
from envkit.channels.registry import channel
from tests.containers.rocket2.deployment import DOMAIN, EVENT, NEEDS, SIGNATURE, WEBHOOK_SECRET
from tests.examples.projects import EXAMPLES, module_of

pytestmark = [NEEDS]
COMPOSE_1 = "docker-compose"


def test_it_is_used(rocket):
    """The page, and the webhook, whose secret came through file and Compose unchanged; plain HTTP leads to HTTPS."""
    uses(rocket)


@pytest.mark.needs(COMPOSE_1)
def test_it_is_used_with_compose_1(started, proxy_image, docker):
    """docker-compose 1.29 and an nginx of unknown version: the same deploy.sh, the same answers, and down again."""
    with started("rocket2-v1", proxy_image, compose=COMPOSE_1, channel="compose-v1") as rocket:
        uses(rocket)
        rocket.run("./deploy.sh")
        rocket.wait_for(200)
        uses(rocket)
        name = rocket.name
    assert not docker("ps", "--all", "--quiet", "--filter", f"name={name}").stdout


def uses(rocket):
    """Asks for what the app does."""
    assert rocket.ask()[::2] == (200, "🚀")
    assert rocket.ask("POST", "/webhook", EVENT.encode(), {"X-Hub-Signature-256": SIGNATURE})[0] == 204
    assert rocket.ask("POST", "/webhook", EVENT.encode())[0] == 403
    plain = http.client.HTTPConnection("127.0.0.1", rocket.port, timeout=40)
    plain.request("GET", "/", headers={"Host": DOMAIN})
    answer = plain.getresponse()
    plain.close()
    assert answer.status in {301, 308}
    assert answer.headers["Location"].startswith(f"https://{DOMAIN}")


def test_docker_itself_reads_what_is_exported(docker, project, stand_in_image):
    """`docker run --env-file` of the export gives the app the settings that the sample gives."""
    rocket_settings = module_of(EXAMPLES / "rocket2/config/__init__.py", "rocket2_config_of_docker").RocketSettings
    done = project.envkit("export", "--to", "docker", "--out", "app.env")
    assert done.returncode == 0, done.stderr
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    file = str(project.folder / "app.env")
    said = docker("run", "--rm", "--network=none", "--env-file", file, stand_in_image, "python3", "-c", code).stdout
    meant = channel("dotenv").read((project.folder / ".env").read_text()).values()
    seen = load_settings(rocket_settings, environ=json.loads(said), env_files=[])
    assert seen == load_settings(rocket_settings, environ=meant, env_files=[])
    assert seen.github_webhook_secret.get_secret_value() == WEBHOOK_SECRET
