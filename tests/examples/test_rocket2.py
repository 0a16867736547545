"""Rocket 2's deployment: its twenty settings, its sample file as its author meant it, and everything it renders."""

from __future__ import annotations

import json
import tomllib

import pytest
import yaml

from envkit import SettingsError, load_settings
from envkit.channels.registry import channel
from envkit.operations.setting_names import names_of
from tests.examples.projects import EXAMPLES, Project, module_of

REQUIRED = [
    "SLACK_SIGNING_SECRET",
    "SLACK_API_TOKEN",
    "SLACK_NOTIFICATION_CHANNEL",
    "SLACK_ANNOUNCEMENT_CHANNEL",
    "GITHUB_APP_ID",
    "GITHUB_ORG_NAME",
    "GITHUB_WEBHOOK_ENDPT",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_KEY",
    "AWS_ACCESS_KEYID",
    "AWS_SECRET_KEY",
    "AWS_USERS_TABLE",
    "AWS_TEAMS_TABLE",
    "AWS_REGION",
]
OPTIONAL = [
    "AWS_LOCAL",
    "GITHUB_DEFAULT_TEAM_NAME",
    "GITHUB_ADMIN_TEAM_NAME",
    "GITHUB_LEADS_TEAM_NAME",
    "GCP_SERVICE_ACCOUNT_CREDENTIALS",
    "GCP_SERVICE_ACCOUNT_SUBJECT",
]
TO_FILL_IN = {
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_API_TOKEN": "xoxb-1234",
    "GITHUB_APP_ID": "0123",
    "GITHUB_ORG_NAME": "ubclaunchpad",
    "GITHUB_WEBHOOK_SECRET": "pa$$word #1",
}
"""What a user writes between the quotes of the sample; the team's name may stay empty."""
GCP = '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"}'


@pytest.fixture(scope="module")
def settings_class():
    """Rocket's settings class."""
    return module_of(EXAMPLES / "rocket2/config/__init__.py", "rocket2_config").RocketSettings


@pytest.fixture
def project(tmp_path):
    """The deployment's folder."""
    return Project("rocket2", tmp_path)


@pytest.fixture
def filled_in(pem):
    """The sample as a user fills it in: with the key on one line, as Rocket's documentation says."""
    text = (EXAMPLES / "rocket2/sample-env").read_text()
    for name, value in TO_FILL_IN.items():
        text = text.replace(f"{name}=''", f"{name}='{value}'")
    return text.replace("BEGIN KEY END KEY", pem.strip().replace("\n", "\\n"))


def test_exactly_these_settings(settings_class):
    """Fourteen are required, six are optional, under the names that the servers have."""
    names = names_of(settings_class)
    assert [setting.name for setting in names if setting.required] == REQUIRED
    assert [setting.name for setting in names if not setting.required] == OPTIONAL


def test_every_required_one_is_reported_at_once(settings_class):
    """Missing and empty are the same; the optional ones are never reported."""
    for environ in ({}, dict.fromkeys([*REQUIRED, *OPTIONAL], "")):
        with pytest.raises(SettingsError) as caught:
            load_settings(settings_class, environ=environ, env_files=[])
        assert [problem.name for problem in caught.value.problems] == REQUIRED


def test_the_sample_as_its_author_meant_it():
    """Eighteen values without the quotes, and none of the comment behind the last."""
    text = (EXAMPLES / "rocket2/sample-env").read_text()
    values = channel("dotenv").read(text).values()
    assert len(values) == len(text.splitlines()) == 18
    assert values["SLACK_NOTIFICATION_CHANNEL"] == "#rocket2"
    assert values["AWS_SECRET_KEY"] == "itsa secret"
    assert values["AWS_LOCAL"] == "False"
    as_docker = channel("docker").read(text).values()
    assert as_docker["SLACK_NOTIFICATION_CHANNEL"] == "'#rocket2'"
    assert as_docker["AWS_LOCAL"] == "'False' # set to 'True' to use local DynamoDB"


def test_the_sample_names_what_is_to_fill_in(settings_class):
    """What is empty is missing, and the words in place of the key are no key."""
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_class, environ={}, env_files=[EXAMPLES / "rocket2/sample-env"])
    assert {problem.name for problem in caught.value.problems} == {*TO_FILL_IN, "GITHUB_KEY"}


def test_the_filled_in_sample_loads(settings_class, filled_in, pem, tmp_path):
    """Every value is what the user meant; what is empty or absent has its default."""
    (tmp_path / "sample-env").write_text(filled_in)
    settings = load_settings(settings_class, environ={}, env_files=[tmp_path / "sample-env"])
    assert settings.github_key.get_secret_value() == pem
    assert settings.github_webhook_secret.get_secret_value() == "pa$$word #1"
    assert (settings.github_app_id, settings.slack_notification_channel) == ("0123", "#rocket2")
    assert settings.aws_local is False
    assert settings.github_default_team_name == "all"
    assert (settings.github_admin_team_name, settings.github_leads_team_name) == ("exec", "leads")
    assert settings.gcp_service_account_credentials is None


@pytest.mark.parametrize("name", ["docker", "compose", "compose-v1", "inertia", "heroku", "json", "systemd", "dotenv"])
def test_the_same_values_by_every_channel(name, project, settings_class, filled_in):
    """What envkit exports gives the app, read as the channel's program does, the settings that the sample gives."""
    (project.folder / ".env").write_text(filled_in + f"GCP_SERVICE_ACCOUNT_CREDENTIALS='{GCP}'\n")
    meant = load_settings(settings_class, environ={}, env_files=[project.folder / ".env"])
    done = project.envkit("export", "--to", name, "--out", "exported")
    assert done.returncode == 0, done.stderr
    seen = channel(name).read((project.folder / "exported").read_text()).values()
    assert load_settings(settings_class, environ=seen, env_files=[]) == meant
    assert meant.gcp_service_account_credentials.get_secret_value() == GCP


def test_a_broken_google_document_is_told(settings_class, filled_in, tmp_path):
    """Rocket turned the feature off in silence."""
    (tmp_path / "sample-env").write_text(filled_in + "GCP_SERVICE_ACCOUNT_CREDENTIALS='{canary'\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(settings_class, environ={}, env_files=[tmp_path / "sample-env"])
    (problem,) = caught.value.problems
    assert problem.name == "GCP_SERVICE_ACCOUNT_CREDENTIALS"
    assert "is not a JSON object" in str(problem)
    assert "canary" not in str(problem)


def test_compose(project):
    """The app's port is private, its one container has one worker, and every setting is passed by name."""
    done = project.envkit("render")
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load((project.folder / "deploy/compose.yaml").read_text())["services"]
    assert set(services) == {"web", "nginx", "certbot"}
    assert services["web"]["environment"] == [*REQUIRED, *OPTIONAL]
    assert services["web"]["expose"] == ["5000"]
    assert services["web"]["container_name"] == "rocket2-web"
    assert {name for name, service in services.items() if "ports" in service} == {"nginx"}
    gunicorn = (project.folder / "deploy/gunicorn.conf.py").read_text()
    assert "\nworkers = 1\n" in gunicorn
    assert 'bind = "0.0.0.0:5000"' in gunicorn
    nginx = (project.folder / "deploy/proxy/nginx.conf").read_text()
    assert "web:5000" in nginx
    assert "rocket2.ubclaunchpad.com" in nginx


def test_inertia_and_heroku(project):
    """Both belong in the project's folder; every setting is named, and no value is in a file."""
    done = project.envkit("render", "inertia", "heroku", "--out", ".")
    assert done.returncode == 0, done.stderr
    inertia = tomllib.loads((project.folder / "inertia.toml").read_text())
    assert inertia["profile"][0]["branch"] == "ec2-release"
    web = yaml.safe_load((project.folder / "docker-compose.yml").read_text())["services"]["web"]
    assert [item.partition("=")[0] for item in web["environment"]] == [*REQUIRED, *OPTIONAL]
    script = (project.folder / "inertia-settings.sh").read_text()
    assert [line.split()[1] for line in script.splitlines() if line.startswith("set_one ")] == [*REQUIRED, *OPTIONAL]
    app = json.loads((project.folder / "app.json").read_text())
    assert [name for name, item in app["env"].items() if item["required"]] == REQUIRED
    assert "web: env WEB_CONCURRENCY=1 gunicorn" in (project.folder / "Procfile").read_text()
    assert (project.folder / ".python-version").read_text().splitlines()[-1] == "3.13"


@pytest.mark.needs("nginx", "openssl", "docker", "docker-compose")
def test_judges_accept(project):
    """The real programs accept what is rendered."""
    done = project.envkit("verify", "compose", "nginx", "inertia", "heroku", "--require")
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_containers_are_refused(project):
    """More than one worker, from the file or the environment, is an error that says why."""
    done = project.envkit("render", WEB_CONCURRENCY="2")
    assert done.returncode == 1
    assert "the process is a singleton" in done.stderr
