"""What a Compose file says about an app: what is published, what waits for what, what never runs twice."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from envkit.deployment.errors import DescriptionError
from envkit.deployment.reading import read_description
from envkit.targets.compose import INERTIA, render
from envkit.targets.compose.beside import beside
from envkit.targets.compose.form import COMPOSE
from envkit.targets.inertia import render as render_inertia
from envkit.targets.settings import SettingName
from tests.consumers.container_programs import COMPOSE_2
from tests.targets.compose.matrix import MATRIX, SETTINGS, described

V2 = COMPOSE_2["2.40"]


def document(name, form=COMPOSE):
    """The Compose file of an entry, parsed."""
    return yaml.safe_load(render(described(name), SETTINGS, form).artifacts[0].text)


def services_of(text, form=COMPOSE, settings=SETTINGS):
    """The services for a description."""
    deployment = read_description(f'name = "shop"\napp = "shop:app"\n{text}', {})
    return yaml.safe_load(render(deployment, settings, form).artifacts[0].text)["services"]


@pytest.mark.parametrize("name", MATRIX)
def test_nginx_is_the_only_way_in(name):
    """No service but nginx publishes a port; the app's is for their network."""
    services = document(name)["services"]
    assert [service for service, keys in services.items() if "ports" in keys] == ["nginx"]
    assert services["web"]["expose"]
    assert set(services["web"]["networks"]) & set(services["nginx"]["networks"]) == {"front"}


@pytest.mark.parametrize("name", MATRIX)
def test_every_service(name):
    """Each has a restart policy, a rotated log, no way to more rights, and more time to stop than gunicorn takes."""
    deployment = described(name)
    for service in document(name)["services"].values():
        assert service["restart"] in {"unless-stopped", "always", "no"}
        assert service["logging"]["driver"] == "json-file"
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "healthcheck" in service
    for service in ("web", "nginx"):
        grace = int(document(name)["services"][service]["stop_grace_period"].removesuffix("s"))
        assert grace > deployment.http.timeouts.graceful


def test_processes_come_from_one_image():
    """Every process of the app has the same image, and the same settings, none forgotten."""
    services = document("processes")["services"]
    for name in ("web", "release", "worker", "clock", "report"):
        assert services[name]["image"] == "registry.example.org:5000/shop:latest"
        assert services[name]["environment"] == [setting.name for setting in SETTINGS]
        assert services[name]["command"] == [name]


@pytest.mark.parametrize("form", [COMPOSE, INERTIA], ids=["compose", "inertia"])
def test_the_web_process_listens_where_nginx_asks(form):
    """A setting PORT, of a laptop's .env say, does not part them; the other processes have it as it is set."""
    text = '[http]\nupstream = "web:5000"\n[container]\n[processes.worker]\ncommand = "work"\n'
    services = services_of(text, form, (SettingName("DEBUG"), SettingName("PORT")))
    assert services["web"]["environment"][1] == "PORT=5000"
    assert services["worker"]["environment"][1] == {COMPOSE: "PORT", INERTIA: "PORT=${PORT-}"}[form]
    assert services["web"]["expose"] == ["5000"]


def test_release_runs_to_its_end_before_the_others():
    """They wait for its success, and it runs once."""
    services = document("processes")["services"]
    for name in ("web", "worker", "clock"):
        assert services[name]["depends_on"]["release"] == {"condition": "service_completed_successfully"}
    assert services["release"]["restart"] == "no"
    assert "release" not in services["release"]["depends_on"]


def test_what_is_beside_the_app():
    """Each has a health check, which the app's processes wait for, and a network that nginx is not on."""
    services = document("processes")["services"]
    for name in ("redis", "postgres", "dynamodb-local"):
        assert services[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert services[name]["networks"] == ["back"]
        assert services["web"]["depends_on"][name] == {"condition": "service_healthy"}
    assert services["nginx"]["networks"] == ["front"]
    assert len(beside(described("processes"), COMPOSE, secret_files=False)) == 3


def test_never_two_at_a_time():
    """A singleton, and every process with data mounted, has a name that only one container can have."""
    services = document("processes")["services"]
    assert {name for name, keys in services.items() if "container_name" in keys} == {"clock"}
    assert document("data")["services"]["web"]["container_name"] == "shop-web"


@pytest.mark.needs(V2)
def test_compose_refuses_a_second_singleton(tmp_path):
    """Compose itself says so when somebody asks for two of a singleton."""
    (tmp_path / "compose.yaml").write_text(render(described("processes"), SETTINGS).artifacts[0].text)
    (tmp_path / "compose.override.yaml").write_text("services: {clock: {deploy: {replicas: 2}}}\n")
    done = subprocess.run(
        [V2, "-p", "shop", "config"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "container_name" in done.stderr


def test_a_process_with_a_schedule_is_not_started():
    """Compose keeps no time: `up` leaves it alone, and a warning says so."""
    assert document("processes")["services"]["report"]["profiles"] == ["scheduled"]
    rules = [finding.rule for finding in render(described("processes"), SETTINGS).findings]
    assert "compose-no-schedule" in rules


@pytest.mark.needs(V2)
@pytest.mark.parametrize("form", [COMPOSE, INERTIA], ids=["compose", "inertia"])
def test_unset_and_set(form, tmp_path):
    """A name without a value stays unset; under Inertia it is empty. A value arrives as it is, `$` and all."""
    (tmp_path / form.file).write_text(render(described("least"), SETTINGS, form).artifacts[0].text)
    environ = {"PATH": "/usr/bin:/bin", "SECRET_KEY": "a$b${c}'\"\n# d", "NO": "False"}
    command = [V2, "-p", "x", "config", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, timeout=60, check=True)
    seen = json.loads(done.stdout)["services"]["web"]["environment"]
    unset = None if form is COMPOSE else ""
    assert {name: value and value.replace("$$", "$") for name, value in seen.items()} == {
        "SECRET_KEY": environ["SECRET_KEY"],
        "DATABASE_URL": unset,
        "DEBUG": unset,
        "NO": "False",
    }


def test_inertia_sees_this_file_alone():
    """No env file, no secret's file, no relative folder: and every setting by reference."""
    text = render(described("processes", with_release=False), SETTINGS, INERTIA).artifacts[0].text
    assert "env_file" not in text
    assert "./" not in text
    services = services_of('[container]\nsecrets = "files"\n', INERTIA)
    assert services["web"]["environment"] == [
        "SECRET_KEY=${SECRET_KEY}",
        "DATABASE_URL=${DATABASE_URL}",
        "DEBUG=${DEBUG-}",
        "NO=${NO-}",
    ]
    assert services["nginx"]["build"]["context"] == services["web"]["build"]["context"] == "."


def test_secrets_as_files():
    """Secret settings are files in /run/secrets, where envkit looks by itself, and in no environment."""
    found = document("secrets")
    assert found["services"]["web"]["secrets"] == ["SECRET_KEY", "DATABASE_URL"]
    assert found["services"]["web"]["environment"] == ["DEBUG", "NO"]
    assert found["secrets"]["SECRET_KEY"] == {"file": "./secrets/SECRET_KEY"}
    assert "POSTGRES_PASSWORD_FILE=/run/secrets/POSTGRES_PASSWORD" in found["services"]["postgres"]["environment"]


@pytest.mark.parametrize(
    ("text", "settings", "command"),
    [
        ('base = "envkit"\n', "", {"web": ["web"], "worker": ["worker"]}),
        ('base = "plain"\n', "", {"worker": ["rq", "worker"]}),
        ('base = "plain"\n', 'settings = "a:B"\n', {"worker": ["envkit", "run", "worker"]}),
    ],
)
def test_commands(text, settings, command):
    """An image from envkit-base is told the process; a plain one is told the words, and starts web by itself."""
    services = services_of(f'{settings}[container]\n{text}[processes.worker]\ncommand = "rq worker"\n')
    assert {name: keys["command"] for name, keys in services.items() if "command" in keys} == command


def test_what_is_no_gunicorn_has_a_first_process_before_it():
    """The kernel keeps SIGTERM from a first process without a handler, and it would be killed after the whole grace."""
    services = services_of('[container]\n[processes.web]\ncommand = "python -m shop"\n')
    assert services["web"]["init"] is True
    others = {service for service, keys in document("processes")["services"].items() if "init" in keys}
    assert others == {"worker", "clock", "report", "release"}


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (
            '[http]\nupstream = "127.0.0.1:8000"\n',
            COMPOSE,
            (
                "envkit.toml: http.upstream: is not the service web, where nginx's container reaches the app's. "
                'leave it out, or write upstream = "web:8000"'
            ),
        ),
        (
            '[processes.redis]\ncommand = "redis-server"\n',
            COMPOSE,
            "envkit.toml: processes.redis: is the name of a service that is not the app's. rename it",
        ),
        (
            '[maintenance]\nflag = "/run/maintenance"\n',
            COMPOSE,
            (
                "envkit.toml: maintenance.flag: lies in a folder of the system, and nginx's container would see that "
                "instead of its own. give it a folder of its own, such as /srv/shop/maintenance/on"
            ),
        ),
        (
            '[container]\ndata = ["./data:/data"]\n',
            INERTIA,
            (
                "envkit.toml: container.data[0]: is a relative folder, which Inertia's Compose does not see. "
                "write an absolute path of the server"
            ),
        ),
        (
            '[processes.release]\ncommand = "flask db upgrade"\n',
            INERTIA,
            (
                "envkit.toml: processes.release: runs to its end, and Inertia stops every container when one of them "
                "ends. leave it out, and let the web process do this when it starts; or use the target compose"
            ),
        ),
    ],
)
def test_what_does_not_fit_containers(text, form, expected):
    """What contradicts containers is an error."""
    with pytest.raises(DescriptionError) as caught:
        services_of(text, form)
    assert [str(finding) for finding in caught.value.findings] == [expected]


def test_inertia_cannot_leave_unset():
    """A setting for which empty is a value is told by name."""
    settings = (SettingName("BANNER", keeps_empty=True),)
    deployment = read_description('name = "shop"\napp = "shop:app"\n[container]\n', {})
    assert [str(finding) for finding in render(deployment, settings, INERTIA).findings if "empty" in finding.rule] == [
        "envkit.toml: settings: unset becomes empty under Inertia, which is a value for BANNER"
    ]


BACKUP = '[processes.release]\ncommand = "true"\n[processes.nightly]\ncommand = "/opt/app/bin/envkit backup"\n'


@pytest.mark.parametrize(
    ("text", "seeing"),
    [
        ('[backup]\ndatabase = "DATABASE_URL"\n', ["release", "nightly"]),
        ('[backup]\ndatabase = "/data/shop.db"\nbefore_release = false\n', ["nightly"]),
        ("", []),
    ],
)
def test_who_makes_backups_sees_their_folder(text, seeing):
    """The machine's own, so that they outlive the container; nobody else sees it, and everybody may still overlap."""
    services = services_of(f"{BACKUP}{text}[container]\n")
    mount = {"type": "bind", "source": "/var/backups/shop", "target": "/var/backups/shop"}
    seen = {name: keys["volumes"] for name, keys in services.items() if name != "nginx" and "volumes" in keys}
    assert seen == {name: [mount] for name in seeing}
    assert not any("container_name" in keys for keys in services.values())


def test_a_folder_of_backups_among_the_data_is_mounted_once():
    """It is seen already."""
    text = '[backup]\ndatabase = "DATABASE_URL"\nfolder = "/data/backups"\n[container]\ndata = ["/srv/shop:/data"]\n'
    assert len(services_of(f"{BACKUP}{text}")["release"]["volumes"]) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[backup]\ndatabase = "DATABASE_URL"\n', True),
        ('[backup.postgres]\nname = "DATABASE_NAME"\n', True),
        ('[backup]\ndatabase = "/data/shop.db"\n', False),
        ("", False),
    ],
)
def test_backups_of_postgresql_need_its_programs(text, told):
    """Which the image has not unless its Dockerfile says so."""
    deployment = read_description(f'name = "shop"\napp = "shop:app"\n{BACKUP}{text}[container]\n', {})
    rules = [finding.rule for finding in render(deployment, SETTINGS).findings]
    assert ("compose-backup-client" in rules) == told


@pytest.mark.parametrize("form", [COMPOSE, INERTIA], ids=["compose", "inertia"])
@pytest.mark.parametrize(("restart", "told"), [("on-failure", True), ("unless-stopped", False)])
def test_what_stays_away_after_a_restart_of_the_machine_is_told(restart, told, form):
    """Docker starts what ended well no more on-failure, and whatever drains when the machine stops has ended well."""
    deployment = read_description(f'name = "shop"\napp = "shop:app"\n[container]\nrestart = "{restart}"\n', {})
    assert ("container-restart" in [finding.rule for finding in render(deployment, SETTINGS, form).findings]) == told


@pytest.mark.parametrize(("flag", "told"), [("", True), ('[maintenance]\nflag = "/srv/shop/flags/on"\n', False)])
def test_where_the_flag_is_looked_for(flag, told):
    """In a folder of the machine's, which `envkit maintenance` reaches, or in a volume, which is told."""
    deployment = read_description(f'name = "shop"\napp = "shop:app"\n{flag}[container]\n', {})
    rendering = render(deployment, SETTINGS)
    assert ("compose-maintenance-flag" in [finding.rule for finding in rendering.findings]) == told
    mounts = yaml.safe_load(rendering.artifacts[0].text)["services"]["nginx"]["volumes"]
    assert any(isinstance(mount, dict) and mount["target"] == "/srv/shop/flags" for mount in mounts) != told


def test_both_forms_fit_into_one_folder():
    """No file of one is a file of the other, so that each stays as it was rendered."""
    paths = [
        artifact.path
        for target in (render, render_inertia)
        for artifact in target(described("processes", with_release=False), SETTINGS).artifacts
    ]
    assert len(set(paths)) == len(paths)
