"""The script around `docker run`: its arguments, and what happens to a container that is there already."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import Container, Deployment, Process
from envkit.deployment.reading import read_description
from envkit.operations.writing import write_artifacts
from envkit.rendering.quoting import CannotQuote
from envkit.targets.docker import FILE, render
from tests.targets.programs import Recorder

MATRIX = {
    "least": "[container]\n",
    "everything": (
        '[container]\nimage = "example/shop:latest"\ndata = ["./data:/data", "/srv/up loads:/uploads"]\n'
        'address = "127.0.0.1"\nport = 5000\nrestart = "always"\n[updates]\n'
        '[http]\nupstream = "web:80"\n[processes.web]\nmemory = "512 MiB"\ncpus = 1.5\nuser = "shop"\n'
    ),
    "plain": '[container]\nbase = "plain"\nsecrets = "files"\n[processes.worker]\ncommand = "rq worker"\n',
    "undescribed": "",
}
NOT_THERE = 'case "$*" in *"container inspect"*|rename*) exit 1;; esac'


def described(name):
    """The description of one entry."""
    return read_description(f'name = "shop"\napp = "shop:app"\n{MATRIX[name]}', {})


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_file(name, golden):
    """Each description of the matrix gives the script that was looked at."""
    rendering = render(described(name))
    (artifact,) = rendering.artifacts
    golden(f"{name}.sh.txt", artifact.text)
    golden(f"{name}.findings.txt", "".join(f"{finding}\n" for finding in rendering.findings))
    assert artifact.mode == 0o755


@pytest.fixture
def run(tmp_path, recorder):
    """Runs the script of an entry with a docker that does what `body` says, and an env file with a secret."""

    def run(name, body=NOT_THERE):
        write_artifacts(render(described(name)).artifacts, tmp_path)
        recorder.program("docker", body)
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "app.env").write_text("SECRET_KEY=canary\n")
        return recorder.run(str(tmp_path / FILE), cwd=tmp_path)

    return run


def test_arguments(run, recorder, tmp_path):
    """One docker run, whose settings come by the env file and are in no argument."""
    done = run("least")
    assert (done.returncode, done.stderr) == (0, "")
    (started,) = [call[1:] for call in recorder.calls if call[1] == "run"]
    assert started == [
        *("run", "--detach", "--name", "shop", "--env-file", "app.env"),
        *("--restart", "unless-stopped", "--publish", "0.0.0.0:8000:8000", "--stop-timeout", "40"),
        *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
        *("--log-driver", "json-file", "--log-opt", "max-size=10485760", "--log-opt", "max-file=5"),
        *("shop:latest", "web"),
    ]
    assert "canary" not in recorder.file.read_text() + done.stdout + (tmp_path / FILE).read_text()


def test_bind_mounts(run, recorder, tmp_path):
    """A relative folder lies beside the script; one that is missing is told before anything is stopped."""
    done = run("everything")
    assert (done.returncode, done.stderr) == (
        1,
        "/srv/up loads is missing: make it, owned by the container's user\n",
    )
    assert recorder.calls == []
    script = tmp_path / FILE
    script.write_text(script.read_text().replace("/srv/up loads", str(tmp_path)))
    assert recorder.run(str(script), cwd=tmp_path).returncode == 0
    (started,) = [call for call in recorder.calls if call[1] == "run"]
    assert f"type=bind,source={tmp_path}/data,target=/data" in started
    assert f"type=bind,source={tmp_path},target=/uploads" in started
    assert "127.0.0.1:5000:80" in started


def test_two_never_run_at_a_time(run, recorder):
    """The old container is stopped, with time to finish, before the new one starts, and then removed."""
    assert run("least", "").returncode == 0
    actions = [call[1:] for call in recorder.calls if call[1] != "container"]
    assert actions[1:3] == [["stop", "-t", "40", "shop"], ["rename", "shop", "shop-before"]]
    assert actions[3][0] == "run"
    assert actions[4:] == [["rm", "shop-before"]]


def test_the_old_one_comes_back(run, recorder):
    """When the new container cannot be started, the one before goes on, and the script fails."""
    done = run("least", 'case "$*" in run*) exit 125;; esac')
    assert done.returncode == 1
    assert [call[1:] for call in recorder.calls][-3:] == [
        ["rm", "--force", "shop"],
        ["rename", "shop-before", "shop"],
        ["start", "shop"],
    ]


def test_a_missing_env_file_is_told(run, tmp_path, recorder):
    """Nothing is stopped, and the command that writes it is said."""
    run("least")
    (tmp_path / "app.env").unlink()
    recorder.file.write_text("")
    done = recorder.run(str(tmp_path / FILE), cwd=tmp_path)
    assert done.stderr == "app.env is missing: envkit export --to docker --out app.env\n"
    assert (done.returncode, recorder.calls) == (1, [])


def test_an_address_that_docker_cannot_publish():
    """An app that listens on loopback inside its container is an error."""
    with pytest.raises(DescriptionError) as caught:
        render(read_description('name = "a"\napp = "a:b"\n[http]\nupstream = "127.0.0.1:8000"\n', {}))
    (finding,) = caught.value.findings
    assert str(finding) == (
        "envkit.toml: http.upstream: is not a service, so the app would listen where docker cannot publish it. "
        'leave it out, or write "web:8000"'
    )


TEXT = st.text(st.characters() | st.sampled_from("'\"\\\n\r\t#$`;&|*?!~ -"), min_size=1, max_size=20)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=TEXT, image=TEXT, target=TEXT, words=st.lists(TEXT, min_size=1, max_size=2))
def test_quoting(tmp_path_factory, name, image, target, words):
    """A real shell hands docker exactly the texts of the description, whatever they hold."""
    folder = tmp_path_factory.mktemp("quoting")
    deployment = Deployment(
        name=name,
        app="a:b",
        container=Container(image=image, base="plain", data=(f"/tmp:/{target}",)),
        processes={"web": Process(command=tuple(words))},
    )
    try:
        (artifact,) = render(deployment).artifacts
    except CannotQuote:
        return
    recorder = Recorder(folder)
    recorder.program("docker", NOT_THERE)
    (folder / "app.env").touch()
    script = folder / "script"
    script.write_text(artifact.text, newline="")
    assert recorder.run("sh", str(script), cwd=folder).returncode == 0
    (started,) = [call for call in recorder.calls if call[1] == "run"]
    assert started[4] == name
    assert started[-len(words) - 1 :] == [image, *words]
    assert f"type=bind,source=/tmp,target=/{target}" in started
