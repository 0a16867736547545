"""Quizagator's deployment: one container by docker run, its SQLite file, and its updates."""

from __future__ import annotations

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run

import pytest
import yaml

from tests.cron_times import CRON_TIMES, times
from tests.examples.projects import EXAMPLES, Project, module_of
from tests.targets.programs import Recorder


@pytest.fixture
def project(tmp_path):
    """The deployment's folder."""
    return Project("quizagator", tmp_path)


def test_rendered_files(project):
    """Three workers on port 80, the folder mounted, the access log on standard output, and a schedule of six fields."""
    done = project.envkit("render")
    assert done.returncode == 0, done.stderr
    deploy = project.folder / "deploy"
    script = (deploy / "docker-run.sh").read_text()
    assert 'type=bind,source="$here"/data,target=/data' in script
    assert "--publish 0.0.0.0:80:80" in script
    gunicorn = (deploy / "gunicorn.conf.py").read_text()
    assert 'bind = "0.0.0.0:80"' in gunicorn
    assert 'accesslog = "-"' in gunicorn
    assert "3" in next(line for line in gunicorn.splitlines() if line.startswith("workers = "))
    watchtower = yaml.safe_load((deploy / "watchtower.yaml").read_text())["services"]["watchtower"]
    assert watchtower["environment"]["WATCHTOWER_SCHEDULE"] == "0 */10 * * * *"
    assert watchtower["image"].startswith("nickfedor/watchtower:")


@pytest.mark.needs(CRON_TIMES)
@pytest.mark.parametrize("grammar", ["current", "older"])
def test_every_ten_minutes(project, grammar):
    """As the cron library reads it with which Watchtower is built, now and before it took five fields."""
    assert project.envkit("render", "updates").returncode == 0
    text = (project.folder / "deploy/watchtower.yaml").read_text()
    schedule = yaml.safe_load(text)["services"]["watchtower"]["environment"]["WATCHTOWER_SCHEDULE"]
    assert times(grammar, schedule, 4) == [f"2026-01-01T00:{minute}:00Z" for minute in (10, 20, 30, 40)]


@pytest.mark.needs("docker", "docker-compose")
def test_judges_accept(project):
    """The real programs accept what is rendered."""
    done = project.envkit("verify", "docker", "updates", "--require")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_missing_secret_is_told(project):
    """In one line, and not by a traceback from a worker."""
    done = project.envkit("run", "web")
    assert done.returncode == 78
    assert "FLASK_SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_start_at_once_on_an_empty_folder(tmp_path):
    """Any number of processes make the tables at the same moment, and each finds them."""
    code = (
        "import sys; from pathlib import Path; from application import database; path = Path(sys.argv[1]); "
        "database.prepare(path); database.titles(path)"
    )

    def start(file):
        command = [sys.executable, "-c", code, str(file)]
        return run(command, cwd=EXAMPLES / "quizagator", capture_output=True, text=True, timeout=60, check=False)

    files = [tmp_path / f"{round_}.db" for round_ in range(12) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert [done.stderr for done in pool.map(start, files)] == [""] * len(files)


def test_quizzes_are_kept(tmp_path):
    """One of a title that is there already is not added again."""
    database = module_of(EXAMPLES / "quizagator/application/database.py", "quizagator_database")
    file = tmp_path / "quizagator.db"
    database.prepare(file)
    assert [database.add(file, title) for title in ("alligators", "quizzes", "alligators")] == [True, True, False]
    database.prepare(file)
    assert database.titles(file) == ["alligators", "quizzes"]


def test_the_readme_names_the_lines(project):
    """What its table says of envkit.toml stands there, and nothing there is left out that the deployment needs."""
    table = [line.split("|") for line in (project.folder / "README.md").read_text().splitlines() if " = " in line]
    named = [code for row in table if len(row) == 5 for code in re.findall(r"`([a-z]+ = [^`]+)`", row[2])]
    lines = (project.folder / "envkit.toml").read_text().splitlines()
    assert len(named) == 8
    assert set(named) <= set(lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone may give a folder away")
def test_the_readmes_commands(project, tmp_path):
    """They run as they stand, up to docker: it is given what was made, and the folder is the container user's."""
    text = (project.folder / "README.md").read_text()
    commands = [line[2:].partition("#")[0].strip() for line in text.splitlines() if line.startswith("$ ")]
    recorder = Recorder(tmp_path)
    recorder.program("docker", 'case "$*" in *.next) exit 1;; "container inspect"*) echo "running 0 healthy";; esac')
    python = f'PYTHONPATH="{EXAMPLES.parent}" exec "{sys.executable}" -m envkit "$@"'
    recorder.program("envkit", python)
    environ = {**recorder.environ(), "FLASK_SECRET_KEY": "canary"}
    for command in commands:
        done = run(["sh", "-c", command], cwd=project.folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    said = [call[1:] for call in recorder.calls if call[0] == "docker"]
    made = next(call for call in said if call[0] == "create")
    (mount,) = [word for word in made if word.startswith("type=bind")]
    folder = Path(mount.partition("source=")[2].partition(",")[0])
    assert (folder.stat().st_uid, folder.stat().st_gid) == (10001, 10001)
    assert "canary" not in recorder.file.read_text()
    compose = said[-1]
    assert compose[:3] == ["compose", "-p", "quizagator-updates"]
    assert (project.folder / compose[compose.index("-f") + 1]).is_file()
