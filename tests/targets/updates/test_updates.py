"""Watchtower's file: its schedule, its scope, and its times; and the judges that accept it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import pytest
import yaml
from jsonschema.validators import validator_for

from envkit.deployment.reading import DescriptionError, read_description
from envkit.operations.writing import write_artifacts
from envkit.targets import compose, docker
from envkit.targets.updates import FILE, JUDGE, render
from tests.consumers.container_programs import COMPOSE_2
from tests.cron_times import CRON_TIMES, times

HEAD = 'name = "shop"\napp = "shop:app"\n'
MATRIX = {
    "default": '[container]\nimage = "ghcr.io/example/shop:latest"\n[updates]\n',
    "scheduled": (
        '[container]\nimage = "example/shop:latest"\n[container.images]\nwatchtower = "registry.example.org/w:1"\n'
        '[updates]\nschedule = "30 3 * * 7"\n[http.timeouts]\ngraceful = "2m"\n'
        '[processes.release]\ncommand = "migrate"\n'
    ),
    "undescribed": f'[container]\nimage = "example/shop@sha256:{"0" * 64}"\n',
}


def described(text):
    """The description of a text behind the matrix's head."""
    return read_description(HEAD + text, {})


def environment(text):
    """Watchtower's variables for a description."""
    return yaml.safe_load(render(described(text)).artifacts[0].text)["services"]["watchtower"]["environment"]


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_file(name, golden):
    """Each description of the matrix gives the file that was looked at."""
    rendering = render(described(MATRIX[name]))
    golden(f"{name}.yaml", rendering.artifacts[0].text)
    golden(f"{name}.findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))


@pytest.mark.parametrize("program", [pytest.param(p, marks=pytest.mark.needs(p)) for p in COMPOSE_2.values()])
@pytest.mark.parametrize("name", MATRIX)
def test_compose_accepts(name, program, tmp_path):
    """Compose 2 accepts the file, and so does the specification's schema."""
    write_artifacts(render(described(MATRIX[name])).artifacts, tmp_path)
    command = [sys.executable, "-m", "envkit.operations.compose_judge", str(tmp_path / FILE), program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text("utf-8"))
    document = yaml.safe_load((tmp_path / FILE).read_text())
    assert list(validator_for(schema)(schema).iter_errors(document)) == []


@pytest.mark.needs("docker", "docker-compose")
def test_judge(tmp_path):
    """The judge that the target names accepts the file; docker-compose 1.29 is such a judge here."""
    deployment = described(MATRIX["default"])
    write_artifacts(render(deployment).artifacts, tmp_path)
    command = JUDGE.command(tmp_path, deployment)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


SCHEDULES = [
    ("*/10 * * * *", "0 */10 * * * *"),
    ("0 */10 * * * *", "0 */10 * * * *"),
    ("every 10m", "0 */10 * * * *"),
    ("every 6h", "0 0 */6 * * *"),
    ("every 1d", "0 0 0 * * *"),
    ("every 1w", "0 0 0 * * 0"),
    ("0 4 * * *", "0 0 4 * * *"),
    ("30 3 * * 1-5", "0 30 3 * * 1-5"),
    ("30 3 * * 6,7", "0 30 3 * * 0,6"),
    ("15 30 3 1 jan,jul *", "15 30 3 1 jan,jul *"),
    ("0 4 */2 * *", "0 0 4 */2 * *"),
    ("0 4 1,15 * 1", "0 0 4 1,15 * 1"),
    ("0 4 1 * 0-6", "0 0 4 * * *"),
    ("0 4 1-31 * 1", "0 0 4 * * *"),
    ("0 4 2-31,1 * *", "0 0 4 * * *"),
    ("@daily", "0 0 0 * * *"),
    ("@hourly", "0 0 * * * *"),
    ("@weekly", "0 0 0 * * 0"),
    ("@yearly", "0 0 0 1 1 *"),
]
"""As written, and as rendered."""


@pytest.mark.parametrize(("written", "rendered"), SCHEDULES)
def test_the_schedule_always_has_six_fields(written, rendered):
    """Five fields mean every ten seconds to Watchtower, where every ten minutes were meant."""
    found = environment(f'[container]\n[updates]\nschedule = "{written}"\n')["WATCHTOWER_SCHEDULE"]
    assert found == rendered
    assert len(found.split()) == 6


@pytest.mark.needs(CRON_TIMES)
@pytest.mark.parametrize(("written", "rendered"), SCHEDULES)
def test_every_watchtower_fires_when_it_was_meant(written, rendered):
    """The cron library of today's Watchtower and the reading of older ones agree, and mean what was written."""
    meant = written
    for interval, line in (("10m", "*/10 * * * *"), ("6h", "0 */6 * * *"), ("1d", "@daily"), ("1w", "@weekly")):
        meant = line if written == f"every {interval}" else meant
    meant = meant.replace("6,7", "0,6")  # the library has no seventh day
    expected = times("current", meant, 5)
    assert [times(grammar, rendered, 5) for grammar in ("current", "older")] == [expected, expected]


@pytest.mark.needs(CRON_TIMES)
def test_why_five_fields_are_not_rendered():
    """An older Watchtower would ask every ten seconds."""
    assert times("older", "*/10 * * * *", 2) == ["2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("* * * * * *", "has a first field, of seconds, that is not a number from 0 to 59"),
        ("*/10 * * * * *", "has a first field, of seconds, that is not a number from 0 to 59"),
        ("61 0 4 * * *", "has a first field, of seconds, that is not a number from 0 to 59"),
        (
            "every 48h",
            "must be an interval that a cron line can say: minutes or hours that divide evenly, 1d or 7d",
        ),
        (
            "0 4 */2 * 1",
            (
                "asks for a day of the month that is also one of the week, which Watchtower does not know. "
                "restrict one of the two fields"
            ),
        ),
        ("0 25 * * *", "has a hour that is not from 0 to 23"),
        (
            "4 * *",
            "must be an interval such as every 48h, or a cron line of 5 fields such as 30 4 * * mon-fri",
        ),
    ],
)
def test_refused_schedule(written, problem):
    """What is no schedule, or would ask all the time, is told at its line."""
    with pytest.raises(DescriptionError) as caught:
        described(f'[updates]\nschedule = "{written}"\n')
    assert [str(finding) for finding in caught.value.findings] == [f"envkit.toml:4: updates.schedule: {problem}"]


def test_times_and_scope():
    """It waits longer than running requests may take, and touches this app's containers alone."""
    found = environment(MATRIX["scheduled"])
    assert found["WATCHTOWER_TIMEOUT"] == "130s"
    assert (found["WATCHTOWER_SCOPE"], found["WATCHTOWER_LABEL_ENABLE"]) == ("shop", "true")


def test_containers_are_labelled_for_it():
    """What compose and docker start carries the labels that it looks for; the proxy and others do not."""
    deployment = described(MATRIX["default"])
    services = yaml.safe_load(compose.render(deployment, ()).artifacts[0].text)["services"]
    labels = {"com.centurylinklabs.watchtower.enable": "true", "com.centurylinklabs.watchtower.scope": "shop"}
    assert {name for name, keys in services.items() if "labels" in keys} == {"web"}
    assert services["web"]["labels"] == labels
    script = docker.render(deployment).artifacts[0].text
    assert all(f"--label {name}={value}" in script for name, value in labels.items())
    without = described('[container]\nimage = "example/shop:latest"\n')
    assert "watchtower" not in compose.render(without, ()).artifacts[0].text + docker.render(without).artifacts[0].text
