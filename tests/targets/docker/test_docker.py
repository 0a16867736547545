"""The script around `docker run`: its arguments, and what happens to a container that is there already."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import Container, Deployment, Process
from envkit.deployment.reading import read_description
from envkit.operations.writing import write_artifacts
from envkit.rendering.quoting import CannotQuote
from envkit.targets.docker import FILE, render
from tests.targets.programs import HELD, Recorder

MATRIX = {
    "least": "[container]\n",
    "everything": (
        '[container]\nimage = "example/shop:latest"\ndata = ["./data:/data", "/srv/up loads:/uploads"]\n'
        'address = "127.0.0.1"\nport = 5000\nrestart = "always"\n[updates]\n'
        '[http]\nupstream = "web:80"\n[processes.web]\nmemory = "512 MiB"\ncpus = 1.5\nuser = "shop"\n'
    ),
    "plain": (
        '[container]\nbase = "plain"\nrestart = "on-failure"\nsecrets = "files"\n'
        '[processes.web]\ncommand = "python -m shop"\n[processes.worker]\ncommand = "rq worker"\n'
    ),
    "undescribed": "",
    "settings": 'settings = "shop:AppSettings"\n[container]\ndata = ["./data:/data"]\n',
}
NOT_THERE = """case "$*" in
start*) touch "$0.started";;
"container inspect"*.before|"container inspect"*.next) exit 1;;
"container inspect"*) [ -e "$0.started" ] && echo "running 0 healthy";;
esac"""
"""An engine without a container of the name, in which what is started gets well."""
THERE = """case "$*" in
rename*.before) touch "$0.before";;
rm*.before) rm -f "$0.before";;
rename*.before*) rm -f "$0.before";;
"container inspect"*.before) [ -e "$0.before" ] && echo "exited 0 healthy";;
"container inspect"*.next) exit 1;;
"container inspect"*) echo "running 0 healthy";;
esac"""
"""An engine with one container of the name, or whichever took its place; it is always well."""


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
        (tmp_path / "app.env").chmod(0o600)
        return recorder.run(str(tmp_path / FILE), cwd=tmp_path)

    return run


def test_arguments(run, recorder, tmp_path):
    """One docker create, whose settings come by the env file and are in no argument."""
    done = run("least")
    assert (done.returncode, done.stderr) == (0, "")
    (made,) = [call[1:] for call in recorder.calls if call[1] == "create"]
    assert made == [
        *("create", "--name", "shop.next", "--env-file", "app.env", "--env", "PORT=8000"),
        *("--restart", "unless-stopped", "--publish", "0.0.0.0:8000:8000"),
        *("--stop-timeout", "40"),
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
    assert changes(recorder) == []
    script = tmp_path / FILE
    script.write_text(script.read_text().replace("/srv/up loads", str(tmp_path)))
    assert recorder.run(str(script), cwd=tmp_path).returncode == 0
    (made,) = [call for call in recorder.calls if call[1] == "create"]
    assert f"type=bind,source={tmp_path}/data,target=/data" in made
    assert f"type=bind,source={tmp_path},target=/uploads" in made
    assert "127.0.0.1:5000:80" in made


def test_another_folder_of_the_same_name_is_not_taken(run, recorder, tmp_path):
    """Where CDPATH leads elsewhere, and blanks are in the path, a relative folder still lies beside the script."""
    run("least")
    home, elsewhere = tmp_path / "my home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        (folder / "shop/data").mkdir(parents=True)
    write_artifacts(render(described("everything")).artifacts, home / "shop")
    script = home / "shop" / FILE
    script.write_text(script.read_text().replace("/srv/up loads", str(tmp_path)))
    start = f"export CDPATH={elsewhere}; exec sh shop/{FILE} {tmp_path}/app.env"
    done = recorder.run("sh", "-c", start, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert any(f"type=bind,source={home}/shop/data,target=/data" in call for call in recorder.calls)


def changes(recorder):
    """The calls that change something, but for the removal of what no run left."""
    said = [call[1:] for call in recorder.calls if call[1] not in {"version", "container"}]
    return [call for call in said if call != ["rm", "--force", "shop.next"]]


def test_two_never_run_at_a_time(run, recorder):
    """The new container is made, the old one stopped with time to finish, the new one started, the old one removed."""
    done = run("least", THERE)
    assert (done.returncode, done.stderr) == (0, "")
    made, *actions = changes(recorder)
    assert made[:3] == ["create", "--name", "shop.next"]
    assert actions == [
        ["rename", "shop", "shop.before"],
        ["stop", "-t", "40", "shop.before"],
        ["rename", "shop.next", "shop"],
        ["start", "shop"],
        ["rm", "--force", "shop.before"],
    ]


@pytest.mark.needs("flock")
def test_a_second_script_waits(recorder, tmp_path, run):
    """It begins when the first has ended, and does then what it would have done alone."""
    assert run("least", THERE).returncode == 0
    alone = recorder.calls
    recorder.file.write_bytes(b"")
    recorder.program("docker", HELD + THERE)
    first, second, until_then = recorder.run_two("docker", str(tmp_path / FILE), cwd=tmp_path)
    assert (first, second) == ("", "another docker-run.sh is at work here: waiting until it ends\n")
    assert len(until_then) == 1
    assert recorder.calls == alone * 2


def test_the_old_one_comes_back(run, recorder):
    """When the new container cannot be started, the one before goes on, and the script fails."""
    done = run("least", THERE + '\ncase "$*" in start*) exit 125;; esac')
    assert done.returncode == 1
    assert done.stderr.startswith("shop: the new container cannot be started\n")
    assert ["rm", "--force", "shop"] in changes(recorder)


def test_wrong_settings_leave_the_old_one_serving(run, recorder):
    """They are checked in the new image, with the same settings and folders, before the old container is stopped."""
    done = run("settings", THERE + '\ncase "$*" in "run --rm"*) exit 1;; esac')
    assert (done.returncode, done.stderr) == (1, "the new image refuses its settings: nothing was changed\n")
    made, check = changes(recorder)
    seen = made[3:9]
    assert check == ["run", "--rm", *seen[:6], "--entrypoint", "envkit", "shop:latest", "check"]
    assert [seen[0], seen[2], seen[4]] == ["--env-file", "--env", "--mount"]


@pytest.mark.parametrize(
    ("base", "user", "how"),
    [
        ("envkit", "", "install -d -o 10001 -g 10001 '{}'"),
        ("envkit", 'user = "shop"\n', "make it, owned by the container's user"),
        ("plain", "", "make it, owned by the container's user"),
    ],
)
def test_a_missing_folder_is_told(recorder, tmp_path, base, user, how):
    """With the command that makes it, where the numbers of the container's user are known."""
    text = f'[container]\nbase = "{base}"\ndata = ["./data:/data"]\n[processes.web]\n{user}'
    write_artifacts(render(read_description(f'name = "shop"\napp = "shop:app"\n{text}', {})).artifacts, tmp_path)
    recorder.program("docker", NOT_THERE)
    (tmp_path / "app.env").touch(0o600)
    done = recorder.run(str(tmp_path / FILE), cwd=tmp_path)
    assert (done.returncode, changes(recorder)) == (1, [])
    folder = tmp_path / "data"
    assert done.stderr == f"{folder} is missing: {how.format(folder)}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a folder of another user's")
def test_what_the_user_may_not_see_is_not_missing(run, recorder, tmp_path):
    """Docker may look into a folder that a user of the group docker may not enter."""
    run("everything")
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    os.chown(hidden, 65534, 65534)
    script = tmp_path / FILE
    text = script.read_text()
    less = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", str(script))
    script.write_text(text.replace("/srv/up loads", f"{hidden}/uploads"))
    assert recorder.run(*less, cwd=tmp_path).returncode == 0
    recorder.file.write_text("")
    script.write_text(text.replace("/srv/up loads", f"{tmp_path}/gone/uploads"))
    assert recorder.run(*less, cwd=tmp_path).returncode == 1
    assert changes(recorder) == []


@pytest.mark.parametrize("name", ["a,b", 'a"b'])
def test_a_folder_that_mount_cannot_name(recorder, tmp_path, name):
    """The argument of --mount is a line of CSV: where the script's own path breaks it, that is said at once."""
    folder = tmp_path / name
    write_artifacts(render(described("everything")).artifacts, folder)
    recorder.program("docker", NOT_THERE)
    (tmp_path / "app.env").touch(0o600)
    done = recorder.run(str(folder / FILE), str(tmp_path / "app.env"), cwd=tmp_path)
    problem = "docker run --mount takes no comma and no quote in a path: move docker-run.sh and its folders"
    assert (done.returncode, done.stderr, changes(recorder)) == (1, f"{folder}: {problem}\n", [])


def test_a_missing_env_file_is_told(run, tmp_path, recorder):
    """Nothing is changed, and the command that writes it is said."""
    run("least")
    (tmp_path / "app.env").unlink()
    recorder.file.write_text("")
    done = recorder.run(str(tmp_path / FILE), cwd=tmp_path)
    assert done.stderr == "app.env is missing: envkit export --to docker --out app.env\n"
    assert (done.returncode, changes(recorder)) == (1, [])


def test_an_env_file_that_all_can_read_is_refused(run, tmp_path, recorder):
    """Nothing is changed, and the command that closes it is said."""
    run("least")
    (tmp_path / "app.env").chmod(0o604)
    recorder.file.write_text("")
    done = recorder.run(str(tmp_path / FILE), cwd=tmp_path)
    assert done.stderr == "app.env can be read by every user of this machine: chmod 600 app.env\n"
    assert (done.returncode, changes(recorder)) == (1, [])


def test_no_engine_is_told(run, recorder):
    """Before anything else, and nothing is tried."""
    done = run("least", "exit 1")
    assert (done.returncode, done.stderr) == (1, "docker does not answer: nothing was changed\n")
    assert [call[1:] for call in recorder.calls] == [["version"]]


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
    (folder / "app.env").touch(0o600)
    script = folder / "script"
    script.write_text(artifact.text, newline="")
    assert recorder.run("sh", str(script), cwd=folder).returncode == 0
    (made,) = [call for call in recorder.calls if call[1] == "create"]
    assert made[3] == f"{name}.next"
    assert made[-len(words) - 1 :] == [image, *words]
    assert f"type=bind,source=/tmp,target=/{target}" in made
