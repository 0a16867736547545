"""What `envkit render` takes from the project's folder, and what it says where files are missing there."""

from __future__ import annotations

import json

import pytest

ELSEWHERE = "its files are looked for in the project's own folder alone. envkit render"


def test_the_plain_dockerfile_needs_requirements(project, envkit):
    """A project without requirements.txt, whose build would fail, hears of it; one with the file does not."""
    warning = (
        "requirements.txt: is missing, and the Dockerfile installs what it names. name there what the app needs; "
        "uv export and pip-compile write it from pyproject.toml\n"
    )
    assert warning in envkit("render", "dockerfile").err
    assert "requirements.txt" not in envkit("render", "gunicorn").err
    (project / "requirements.txt").touch()
    assert "requirements.txt" not in envkit("render", "dockerfile").err


def test_the_plain_dockerfile_of_an_app_in_src(project, envkit, monkeypatch):
    """It tells Python where the modules lie, also when it is rendered from elsewhere."""
    envkit("render", "dockerfile")
    assert "PYTHONPATH" not in (project / "deploy/Dockerfile").read_text()
    (project / "src").mkdir()
    (project / "shop.py").rename(project / "src/shop.py")
    envkit("render", "dockerfile")
    text = (project / "deploy/Dockerfile").read_text()
    assert "\nENV PYTHONPATH=/app/src\n" in text
    monkeypatch.chdir(project / "src")
    envkit("render", "dockerfile", "--file", "../envkit.toml")
    assert (project / "src/deploy/Dockerfile").read_text() == text


@pytest.mark.parametrize("name", ["heroku", "inertia"])
def test_files_that_belong_in_the_project(project, envkit, name):
    """Heroku and Inertia look in the project's folder: elsewhere their files do nothing, which is said."""
    result = envkit("render", name)
    assert result.code == 0
    assert f"deploy: target {name}: {ELSEWHERE} {name} --out .\n" in result.err
    shown = json.loads(envkit("render", name, "--json").out)["findings"]
    assert [finding["severity"] for finding in shown if finding["name"] == f"target {name}"] == ["warning"]
    assert ELSEWHERE not in envkit("render", name, "--out", ".").err
    assert ELSEWHERE not in envkit("render", name, "--out", str(project)).err
    assert ELSEWHERE not in envkit("render", "gunicorn").err


def test_a_description_in_pyproject(project, envkit):
    """Warnings, errors and the headers of rendered files name the file in which the description stands."""
    (project / "envkit.toml").unlink()
    text = '[tool.envkit]\nname = "shop"\napp = "shop:create_app()"\ntargets = ["systemd"]\n'
    (project / "pyproject.toml").write_text(text + '[tool.envkit.processes.web]\ncommand = "serve"\n')
    assert "\nwarning: pyproject.toml: processes.web.command: " in "\n" + envkit("render").err
    assert envkit("render", "gunicorn", "nginx", "docker", "heroku").code == 0
    for file in (project / "deploy").rglob("*"):
        assert file.is_dir() or "from pyproject.toml. " in file.read_text(), file
    assert envkit("explain").err.startswith("pyproject.toml: settings: names no settings class")
    assert envkit("run", "worker").err.endswith("pyproject.toml: processes.worker: no such process. known: web\n")


def test_a_description_under_a_name_of_its_own(project, envkit):
    """The header has the file's name and not its folder, so that whoever renders it gives the same bytes."""
    (project / "stages").mkdir()
    (project / "envkit.toml").rename(project / "stages/staging.toml")
    envkit("render", "--file", "stages/staging.toml")
    header = (project / "deploy/gunicorn.conf.py").read_text()
    assert " from staging.toml. Changes made here are lost:\n" in header
    assert envkit("render", "--check", "--file", str(project / "stages/staging.toml")).code == 0
