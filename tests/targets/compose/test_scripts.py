"""The scripts that Compose's files hold, run with stand-ins for the programs that they call."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
import yaml

from envkit.operations.writing import write_artifacts
from envkit.targets.compose import render
from tests.targets.compose.matrix import SETTINGS, described
from tests.targets.programs import HELD

PROJECT = ("docker", "compose", "-p", "shop")


@pytest.fixture
def deploy(tmp_path, recorder):
    """Runs deploy.sh of an entry, with a docker that does what `body` says."""

    def run(name, body="", folders=()):
        write_artifacts(render(described(name), SETTINGS).artifacts, tmp_path)
        for folder in folders:
            (tmp_path / folder).mkdir()
        recorder.program("docker", body)
        return recorder.run(str(tmp_path / "deploy.sh"))

    return run


PROBES = r"no answer: timed out\nHTTP/1.1 500 Internal Server Error\n\n"
HEALTHY = 'case "$*" in *State.Health*) echo healthy;; *State.Running*) echo true;; *"ps -q"*) echo id;; esac'


def test_release_comes_before_anything_is_replaced(deploy, recorder):
    """What the app needs is started and healthy, then release runs to its end, then the rest is replaced."""
    done = deploy("processes", HEALTHY)
    assert (done.returncode, done.stderr) == (0, "")
    actions = [call[4:] for call in recorder.calls if call[:4] == list(PROJECT) and call[4] != "ps"]
    assert actions == [
        ["version"],
        ["build"],
        ["up", "-d", "--no-deps", "redis", "postgres", "dynamodb-local"],
        ["run", "--rm", "-T", "--no-deps", "--name", "shop-release", "release"],
        ["--profile", "*", "config", "--services"],
        ["up", "-d", "--no-deps", "web", "worker", "clock", "nginx"],
    ]
    reload = ["docker", "exec", "id", "nginx", "-e", "stderr", "-c", "/etc/envkit/nginx/nginx.conf", "-s", "reload"]
    assert reload in recorder.calls


def test_what_does_not_become_healthy_is_told(deploy, recorder):
    """With the last lines of its own, such as PostgreSQL's for a missing password; nothing else is touched."""
    recorder.program("sleep")
    done = deploy(
        "processes",
        f'case "$*" in *.Output*) exit;; *State.Health*) echo starting; exit;; *" logs "*) echo why;; esac; {HEALTHY}',
    )
    assert done.returncode == 1
    assert done.stderr == "why\nredis does not become healthy; nothing else was touched\n"
    assert not any("release" in call for call in recorder.calls)


def test_a_web_process_that_stays_ill_is_told(deploy, recorder):
    """Whoever deploys, such as CI, sees it by the exit code; one of several containers that is not well is enough.

    What the health path answered last is told as well: it stands in no log.
    """
    recorder.program("sleep")
    done = deploy(
        "least",
        f'case "$*" in *.Output*) printf "{PROBES}"; exit;; *State.Health*) echo healthy; echo unhealthy; exit;; '
        f'*" logs "*) echo why;; esac; {HEALTHY}',
    )
    assert done.returncode == 1
    said = "web does not become healthy, and was not taken back: visitors get the maintenance page until it does\n"
    assert done.stderr == f"why\nweb's health: HTTP/1.1 500 Internal Server Error\n{said}"
    assert [*PROJECT, "up", "-d", "--no-deps", "web", "nginx"] in recorder.calls


@pytest.mark.parametrize(("since", "told"), [("noon", ""), ("$$", "web does not become healthy")])
def test_an_image_without_a_probe(deploy, recorder, since, told):
    """Of it one sees whether it goes on: as long as it is started ever anew, it is not well."""
    recorder.program("sleep")
    done = deploy(
        "least", f'case "$*" in *.Output*) exit;; *State.Health*) echo "running {since}"; exit;; esac; {HEALTHY}'
    )
    assert (done.returncode, done.stderr.partition(",")[0]) == (1 if told else 0, told)


def test_nginxs_files_are_opened(deploy, recorder, tmp_path):
    """A umask such as 077, here or where git was, does not close them to nginx's container, which is not root."""
    assert deploy("processes", HEALTHY).returncode == 0
    (tmp_path / "proxy/nginx.conf").chmod(0o600)
    (tmp_path / "proxy").chmod(0o700)
    assert recorder.run(str(tmp_path / "deploy.sh")).returncode == 0
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("proxy", "proxy/nginx.conf")] == [0o755, 0o644]


@pytest.mark.needs("flock")
def test_a_second_deployment_waits(deploy, recorder, tmp_path):
    """It begins when the first has ended: two release processes at a time would spoil each other's migrations."""
    assert deploy("processes", HEALTHY).returncode == 0
    alone = recorder.calls
    recorder.file.write_bytes(b"")
    recorder.program("docker", HELD + HEALTHY)
    first, second, until_then = recorder.run_two("docker", str(tmp_path / "deploy.sh"))
    assert (first, second) == ("", "another deploy.sh is at work here: waiting until it ends\n")
    assert len(until_then) == 1
    assert recorder.calls == alone * 2


def test_a_failed_release_leaves_the_old_ones_serving(deploy, recorder):
    """Nothing is replaced after it, and the script fails."""
    done = deploy("processes", f'{HEALTHY}\ncase "$*" in *"run --rm"*) exit 3;; esac')
    assert (done.returncode, done.stderr) == (3, "the release process failed: the app was not replaced\n")
    assert [call[-1] for call in recorder.calls][-1] == "release"


def test_a_release_that_still_runs_is_told(deploy, recorder):
    """What an earlier deploy.sh left when it was killed: two at a time would spoil each other's migrations."""
    done = deploy("processes", f'{HEALTHY}\ncase "$*" in "ps --quiet --filter name=^shop-release"*) echo id;; esac')
    told = "an earlier release process still runs: docker wait shop-release, or docker stop shop-release\n"
    assert (done.returncode, done.stderr) == (1, told)
    assert recorder.calls[-1] == ["docker", "ps", "--quiet", "--filter", "name=^shop-release$"]
    assert ["docker", "rm", "shop-release"] in recorder.calls


def test_wrong_settings_leave_the_old_ones_serving(deploy, recorder):
    """Without a release process, which would find them, they are checked in the new image; nothing is replaced."""
    done = deploy("least", f'{HEALTHY}\ncase "$*" in *"run --rm"*) exit 1;; esac')
    assert (done.returncode, done.stderr) == (
        1,
        "the settings did not pass the check in the new image: the app was not replaced\n",
    )
    check = ["run", "--rm", "-T", "--no-deps", "--entrypoint", "envkit", "web", "check"]
    assert recorder.calls[-1] == [*PROJECT, *check]


def test_refused_files_of_nginx_replace_nothing(deploy, recorder):
    """The proxy keeps the files it has, and the script fails before the app is touched."""
    done = deploy("processes", f'{HEALTHY}\ncase "$*" in *"-s reload") exit 1;; esac')
    assert (done.returncode, done.stderr) == (1, "nginx refuses its new files: the app was not replaced\n")
    assert recorder.calls[-1][-2:] == ["-s", "reload"]


def test_compose_that_is_missing_is_told(deploy, recorder):
    """Docker alone would say that it knows no shorthand flag -p; nothing is built or replaced."""
    done = deploy("processes", "echo unknown shorthand flag >&2; exit 125")
    expected = "Compose is missing: install it, or COMPOSE=docker-compose ./deploy.sh\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert recorder.calls == [[*PROJECT, "version"]]


def test_what_is_described_no_more_is_stopped(deploy, recorder):
    """Before the new ones start; not what is described still, nor what is of another file than compose.yaml."""
    known = 'case "$*" in *"config --services") echo web; echo nginx; exit;; *State.Health*) echo healthy;; esac'
    here = "/srv/shop/compose.yaml,/srv/shop/compose.override.yaml"
    listed = f"1 web {here}\\n2 old-worker {here}\\n3 we {here}\\n4 own /srv/own-compose.yaml\\n5 v1 compose.yaml\\n"
    done = deploy("least", f"{known}\ncase \"$*\" in 'ps '*) printf '{listed}'; exit;; esac")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(
        f"{service} is described no more, so it is stopped\n" for service in ("old-worker", "we", "v1")
    )
    calls = [call[1:] for call in recorder.calls]
    ended = [[verb, number] for number in "235" for verb in ("stop", "rm")]
    assert [call for call in calls if call[0] in {"stop", "rm"}] == ended
    assert calls.index(["compose", "-p", "shop", "up", "-d", "--no-deps", "web", "nginx"]) > calls.index(ended[-1])
    (asked,) = (call for call in calls if call[0] == "ps")
    assert {"label=com.docker.compose.project=shop", "label=com.docker.compose.oneoff=False"} <= set(asked)


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ((), ""),
        (("docker-compose.yml",), "compose.yaml"),
        (("docker-compose.yml", "compose.override.yaml"), "compose.yaml:compose.override.yaml"),
    ],
)
def test_inertias_file_beside_it_is_not_taken(deploy, tmp_path, beside, told):
    """docker-compose 1 prefers that name; where it is there, Compose is told which files are meant."""
    for name in beside:
        (tmp_path / name).write_text("services: {}\n")
    done = deploy("least", f'echo "$COMPOSE_FILE" >>{tmp_path}/told; {HEALTHY}')
    assert (done.returncode, done.stderr) == (0, "")
    assert set((tmp_path / "told").read_text().splitlines()) == {told}


def test_missing_files_of_secrets_are_told(deploy, recorder, tmp_path):
    """All at once, also those of settings that may be unset, for which Docker wants a file as well."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/DATABASE_URL").touch()
    done = deploy("secrets", HEALTHY)
    said = "missing: secrets/SECRET_KEY secrets/POSTGRES_PASSWORD. "
    said += f"write them: envkit export --all --to files --out {tmp_path}/secrets\n"
    said += "then let each be read by the container's user\n"
    assert (done.returncode, done.stderr, recorder.calls) == (1, said, [])
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        (tmp_path / "secrets" / name).touch()
    assert deploy("secrets", HEALTHY).returncode == 0


@pytest.mark.parametrize(
    ("started", "replaced"), [("2000-01-01T00:00:00.5Z", ["web", "worker"]), ("2100-01-01T00:00:00.5Z", [])]
)
def test_changed_files_of_secrets_replace_what_read_them(deploy, recorder, tmp_path, started, replaced):
    """Compose sees no change in them, and what runs would go on with the old ones."""
    (tmp_path / "secrets").mkdir()
    for name in ("DATABASE_URL", "SECRET_KEY", "POSTGRES_PASSWORD"):
        (tmp_path / "secrets" / name).touch()
    done = deploy("secrets", f'case "$*" in *"format {{{{ .State.StartedAt"*) echo {started}; exit;; esac; {HEALTHY}')
    assert (done.returncode, done.stderr) == (0, "")
    up = [call[7:] for call in recorder.calls if call[4:7] == ["up", "-d", "--no-deps"]]
    anew = [["--force-recreate", *replaced]] if replaced else []
    assert up == [["postgres"], *anew, ["web", "worker", "nginx"]]


def test_a_missing_folder_is_told(deploy, recorder):
    """Docker would make it as root's, and the app could not write there."""
    done = deploy("data")
    expected = "./data is missing: make it; where the app writes, owned by the container's user, 10001\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert recorder.calls == []


def test_a_missing_certificate_is_told(deploy, recorder):
    """Before anything is replaced: Docker would refuse nginx's container when the app's is new already."""
    done = deploy("files")
    expected = "/etc/ssl/shop.pem is missing: make it; where the app writes, owned by the container's user, 10001\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert recorder.calls == []


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a folder of another user's")
def test_what_the_user_may_not_see_is_not_missing(deploy, recorder, tmp_path):
    """Docker may look into the folder of a private key, where a user of the group docker may not."""
    deploy("files", HEALTHY)
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    os.chown(hidden, 65534, 65534)
    script = tmp_path / "deploy.sh"
    text = script.read_text()
    paths = next(line for line in text.splitlines() if line.startswith("for folder in"))
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", str(script))
    script.write_text(text.replace(paths, f"for folder in {hidden}/key.pem; do"))
    assert recorder.run(*less).returncode == 0
    script.write_text(text.replace(paths, f"for folder in {tmp_path}/gone/key.pem; do"))
    assert recorder.run(*less).returncode == 1


def test_an_image_of_a_registry_is_pulled(deploy, recorder):
    """One without a build; and another Compose is taken from the environment."""
    assert deploy("letsencrypt", HEALTHY).returncode == 0
    assert [*PROJECT, "pull", "web"] in recorder.calls
    assert [*PROJECT, "up", "-d", "--no-deps", "web", "nginx", "certbot"] in recorder.calls


def test_another_folder_of_the_same_name_is_not_taken(deploy, recorder, tmp_path):
    """Where CDPATH leads elsewhere, the script still goes to the folder that it lies in."""
    deploy("least", HEALTHY)
    (tmp_path / "home/shop").mkdir(parents=True)
    (tmp_path / "elsewhere/shop").mkdir(parents=True)
    (tmp_path / "deploy.sh").rename(tmp_path / "home/shop/deploy.sh")
    recorder.program("docker", f"pwd >&2; {HEALTHY}")
    script = f"export CDPATH={tmp_path}/elsewhere; exec sh shop/deploy.sh"
    done = recorder.run("sh", "-c", script, cwd=tmp_path / "home")
    assert done.returncode == 0
    assert set(done.stderr.splitlines()) == {str(tmp_path / "home/shop")}


@pytest.fixture
def certbot(recorder):
    """The command of the service certbot, started with stand-ins; ended with the test."""
    text = render(described("letsencrypt"), SETTINGS).artifacts[0].text
    service = yaml.safe_load(text)["services"]["certbot"]
    (script,) = service["command"]
    for name in ("chgrp", "chmod"):
        recorder.program(name)
    recorder.program("sleep", "exec /bin/sleep 100")
    started = []

    def start(body="", kept="/nowhere"):
        recorder.program("certbot", body)
        command = [*service["entrypoint"], script.replace("$$", "$").replace("/etc/letsencrypt/renewal", str(kept))]
        started.append(subprocess.Popen(command, env=recorder.environ(), start_new_session=True))
        end = time.monotonic() + 20
        while not any(call[0] == "sleep" for call in recorder.calls):
            assert time.monotonic() < end
            time.sleep(0.02)
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_first_issue_and_renewal_are_one_command(certbot, recorder):
    """It asks for all domains through the webroot, and sleeps half a day; the signal to stop ends it at once."""
    process = certbot()
    asked, *_ = recorder.calls
    assert asked[:2] == ["certbot", "certonly"]
    assert asked[-4:] == ["--domain", "shop.example.org", "--domain", "www.example.org"]
    assert {"--non-interactive", "--keep-until-expiring", "--renew-with-new-domains"} <= set(asked)
    assert asked[asked.index("--webroot-path") + 1] == "/var/www/acme"
    assert asked[asked.index("--server") + 1] == "https://acme.example.org/directory"
    assert asked[asked.index("--cert-name") + 1] == "shop.example.org"
    assert recorder.calls[-1] == ["sleep", "43200"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_failed_issue_is_tried_again_sooner(certbot, recorder):
    """After a quarter of an hour: Let's Encrypt allows five failures an hour."""
    certbot("exit 1")
    assert recorder.calls[-1] == ["sleep", "900"]


@pytest.mark.parametrize(("server", "when"), [("staging-v02", "--force-renewal"), ("v02", "--keep-until-expiring")])
def test_a_certificate_of_the_staging_authority_is_replaced(certbot, recorder, tmp_path, server, when):
    """No browser trusts it: whoever tried with it, and then names another authority, has not to wait for its end."""
    kept = f"[renewalparams]\nserver = https://acme-{server}.api.letsencrypt.org/directory\n"
    (tmp_path / "shop.example.org.conf").write_text(kept)
    certbot(kept=tmp_path)
    asked, *_ = recorder.calls
    assert {"--force-renewal", "--keep-until-expiring"} & set(asked) == {when}
