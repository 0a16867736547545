"""What the target dockerfile renders, and that hadolint accepts it and every Dockerfile of the project."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envkit import __version__
from envkit.deployment.model import Images
from envkit.deployment.reading import read_description
from envkit.operations.programs import find_program
from envkit.operations.writing import write_artifacts
from envkit.targets.dockerfile import DOCKERIGNORE, JUDGE, app_dockerfile, render
from envkit.targets.registry import render_target

ROOT = Path(__file__).parents[3]
HEAD = 'name = "shop"\napp = "shop:create_app()"\n'
SERVICE = '[http]\nupstream = "web:8000"\n'
MATRIX = {
    "plain": SERVICE,
    "settings": f'settings = "shop.settings:ShopSettings"\n{SERVICE}[versions]\npython = "3.12"\n',
    "own-command": f'{SERVICE}[processes.web]\ncommand = ["uvicorn", "shop:app", "--header", "X: é"]\n',
}


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_file(name, golden):
    """Each description of the matrix gives the Dockerfile that was looked at."""
    golden(f"{name}.Dockerfile", render(read_description(HEAD + MATRIX[name], {})).artifacts[0].text)


@pytest.mark.parametrize("name", MATRIX)
def test_judge_accepts(name, tmp_path):
    """Hadolint finds nothing in it."""
    deployment = read_description(HEAD + MATRIX[name], {})
    write_artifacts(render(deployment).artifacts, tmp_path)
    _accept(JUDGE.command(tmp_path, deployment))


@pytest.mark.parametrize("in_src", [False, True])
def test_hadolint_accepts_what_init_writes(in_src, tmp_path):
    """Nor in the five or six lines of an app's own Dockerfile."""
    (tmp_path / "Dockerfile").write_text(app_dockerfile(in_src=in_src))
    _accept(["hadolint", str(tmp_path / "Dockerfile")])


@pytest.mark.needs("git")
def test_hadolint_accepts_the_projects_own():
    """Nor in any Dockerfile of the project: of the images, the examples, the tests, and what was rendered once."""
    listed = subprocess.run(["git", "ls-files", "*Dockerfile"], cwd=ROOT, check=True, capture_output=True, text=True)
    files = listed.stdout.splitlines()
    assert {"image/Dockerfile", "nginx/Dockerfile", "examples/rocket2/Dockerfile"} <= set(files)
    assert "tests/targets/compose/golden/letsencrypt-inertia/inertia-proxy-Dockerfile" in files
    _accept(["hadolint", *(str(ROOT / file) for file in files)])


@pytest.mark.parametrize("image", ["base", "nginx"])
def test_the_images_are_built_with_the_tag_that_is_used(image):
    """The README and the images' own Dockerfiles build under the package's version, as what is written names them."""
    tag = f"envkit-{image}:{__version__}"
    used = app_dockerfile() if image == "base" else f"FROM {Images().nginx}\n"
    assert used.startswith(f"FROM {tag}\n")
    for file in ("README.md", "image/Dockerfile" if image == "base" else "nginx/Dockerfile"):
        assert f" --tag {tag} " in (ROOT / file).read_text()


def _accept(command):
    program = find_program(command[0])
    assert program is not None
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_nobody_reaches_is_a_warning():
    """A socket or a loopback address inside a container is of no use to the proxy, and that is said."""
    for upstream, port in (("", "unix:/run/shop/web.sock"), ('upstream = "127.0.0.1:8000"', "127.0.0.1:8000")):
        rendering = render_target("dockerfile", read_description(f"{HEAD}[http]\n{upstream}\n", {}))
        (finding,) = rendering.findings
        assert finding.severity == "warning"
        assert str(finding) == (
            f"envkit.toml: http.upstream: the app listens on {port}, which nothing outside its container reaches. "
            'say upstream = "web:8000", where web is the name of its container'
        )
        assert "EXPOSE" not in rendering.artifacts[0].text
    assert render_target("dockerfile", read_description(HEAD + SERVICE, {})).findings == ()


def test_an_app_in_src(tmp_path):
    """Python finds the modules of an app whose project has them in the folder src, and hadolint accepts that."""
    deployment = read_description(HEAD + SERVICE, {})
    rendering = render(deployment, in_src=True)
    plain = render(deployment).artifacts[0].text
    assert rendering.artifacts[0].text == plain.replace("\nWORKDIR /app\n", "\nENV PYTHONPATH=/app/src\nWORKDIR /app\n")
    write_artifacts(rendering.artifacts, tmp_path)
    _accept(JUDGE.command(tmp_path, deployment))


def test_what_stays_out_of_the_build():
    """The ignore file beside it keeps secrets, history and data out."""
    text = render(read_description(HEAD + SERVICE, {})).artifacts[1].text
    assert {"**/.env", "**/.env.*", "!**/.env.example", ".git", "data", "**/*.pem"} <= set(text.splitlines())
    assert {"deploy/secrets", "secrets"} <= set(text.splitlines())  # where Compose finds the secrets that are files


@pytest.mark.parametrize("example", ["quizagator", "rocket2"])
def test_the_examples_leave_out_the_same(example):
    """Their ignore files are those that init writes now."""
    assert (ROOT / f"examples/{example}/.dockerignore").read_text() == DOCKERIGNORE


def test_the_readme_shows_what_init_writes():
    """The five lines of an app's Dockerfile stand in the README as they are written."""
    assert f"```dockerfile\n{app_dockerfile()}```\n" in (ROOT / "README.md").read_text()
