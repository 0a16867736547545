"""What the target compose renders, and that Compose 1.29, Compose 2 and the specification's schema accept it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files

import pytest
import yaml
from jsonschema.validators import validator_for

from envkit.operations.writing import write_artifacts
from envkit.targets.compose import INERTIA, JUDGE, render
from tests.consumers.container_programs import COMPOSE_2
from tests.targets.compose.matrix import MATRIX, SETTINGS, described

PROGRAMS = ("docker-compose", *COMPOSE_2.values())
FORMS = [(name, "compose") for name in MATRIX] + [(name, "inertia") for name in ("letsencrypt", "processes")]


def rendered(name, form="compose"):
    """The rendering of one entry; an undescribed app has no settings either."""
    settings = None if name == "undescribed" else SETTINGS
    if form == "inertia":
        return render(described(name, with_release=False), settings, INERTIA)
    return render(described(name), settings)


def main_file(rendering):
    """The Compose file among the artifacts."""
    return rendering.artifacts[0]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_rendered_files(name, form, golden):
    """Each description of the matrix gives the files that were looked at; nginx's have golden files of their own."""
    rendering = rendered(name, form)
    for artifact in rendering.artifacts:
        if "proxy/" not in artifact.path or artifact.path.endswith("/Dockerfile"):
            golden(f"{name}-{form}/{artifact.path.replace('/', '-')}", artifact.text)
    golden(f"{name}-{form}/findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_same_bytes(name, form):
    """Rendering twice gives the same bytes."""
    assert rendered(name, form) == rendered(name, form)


@pytest.mark.parametrize(
    ("name", "form", "program"),
    [
        pytest.param(name, form, program, marks=pytest.mark.needs(program))
        for name, form in FORMS
        for program in PROGRAMS
    ],
)
def test_judge_accepts(name, form, program, tmp_path):
    """Every Compose accepts the file, and has nothing to say about it but that a setting is not set."""
    rendering = rendered(name, form)
    write_artifacts(rendering.artifacts, tmp_path)
    command = [sys.executable, "-m", "envkit.operations.compose_judge", str(tmp_path / main_file(rendering).path)]
    done = subprocess.run([*command, program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "Defaulting to a blank string" not in line] == []


@pytest.mark.needs("docker", "docker-compose")
def test_judge_finds_a_program(tmp_path):
    """The judge that the target names asks whichever Compose is installed."""
    deployment = described("least")
    write_artifacts(rendered("least").artifacts, tmp_path)
    command = JUDGE.command(tmp_path, deployment)
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    (tmp_path / "compose.yaml").write_text("services: {web: {imagine: x}}\n")
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_specification_accepts(name, form):
    """The Compose specification's own JSON Schema accepts the file."""
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text("utf-8"))
    document = yaml.safe_load(main_file(rendered(name, form)).text)
    assert list(validator_for(schema)(schema).iter_errors(document)) == []


@pytest.mark.parametrize("name", MATRIX)
def test_scripts_are_of_a_shell(name, tmp_path):
    """The shell reads every script without a complaint."""
    write_artifacts(rendered(name).artifacts, tmp_path)
    scripts = sorted(tmp_path.rglob("*.sh"))
    assert scripts
    for script in scripts:
        done = subprocess.run(["sh", "-n", script], capture_output=True, timeout=20, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert script.stat().st_mode & 0o777 == 0o755
