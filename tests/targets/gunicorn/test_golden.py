"""What the target gunicorn renders, and that gunicorn itself and Python's parser accept it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from envkit.deployment.reading import read_description
from envkit.targets.gunicorn import JUDGE, render
from tests.targets.gunicorn.matrix import HEAD, MATRIX


def described(text):
    """The deployment that the matrix's head and `text` describe."""
    return read_description(HEAD + text, {})


@pytest.mark.parametrize("name", MATRIX)
def test_rendered_file(name, golden):
    """Each description of the matrix gives the file that was looked at."""
    (artifact,) = render(described(MATRIX[name])).artifacts
    golden(f"{name}.txt", artifact.text)


@pytest.mark.parametrize("name", MATRIX)
def test_same_bytes(name):
    """Rendering twice gives the same bytes, and no time or machine is in them."""
    assert render(described(MATRIX[name])) == render(described(MATRIX[name]))


@pytest.mark.parametrize("name", MATRIX)
def test_judge_accepts(name, tmp_path):
    """The command gunicorn --check-config accepts every golden file and imports the app it names."""
    deployment = described(MATRIX[name])
    (tmp_path / "shop.py").write_text("def app(environ, start_response): ...\n")
    (tmp_path / "gunicorn.conf.py").write_text(render(deployment).artifacts[0].text)
    argv = JUDGE.command(tmp_path, deployment)
    assert argv[0] == JUDGE.program
    result = subprocess.run(
        [sys.executable, "-m", *argv], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@pytest.mark.parametrize("name", MATRIX)
def test_every_setting_is_one_of_gunicorns(name):
    """No name in the file is misspelt: gunicorn ignores names that it does not know."""
    from gunicorn.config import KNOWN_SETTINGS

    known = {setting.name for setting in KNOWN_SETTINGS}
    body = ast.parse(render(described(MATRIX[name])).artifacts[0].text).body
    assigned = {node.targets[0].id for node in body if isinstance(node, ast.Assign)}
    hooks = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assert {name for name in assigned | hooks if not name.startswith("_")} <= known


@pytest.mark.parametrize("name", MATRIX)
def test_no_envkit_inside(name):
    """The file runs where envkit is not installed: it imports the standard library and gunicorn alone."""
    imported = set()
    for node in ast.walk(ast.parse(render(described(MATRIX[name])).artifacts[0].text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported <= {
        "json",
        "logging",
        "os",
        "pwd",
        "signal",
        "sys",
        "time",
        "gunicorn.arbiter",
        "gunicorn.glogging",
    }


def test_warnings():
    """What gunicorn cannot do as described is a listed warning."""
    text = (
        '[versions]\ngunicorn = "23.0.0"\n[http]\nupstream = "web:8000"\nheader_limit = "16 KiB"\n'
        "[processes.web]\nmax_requests = 100\n"
    )
    assert [str(finding) for finding in render(described(text)).findings] == [
        "envkit.toml: http.header_limit: gunicorn refuses every request line above 8190 bytes by 414",
        "envkit.toml: versions.gunicorn: before 24.1 it knows no networks, and believes no forwarded scheme here",
        "envkit.toml: processes.web.max_requests: gunicorn before 27.0.1 drops requests when it restarts a worker",
    ]
    assert {finding.severity for finding in render(described(text)).findings} == {"warning"}
    (finding,) = render(described('[processes.web]\ncommand = "uvicorn shop:app"\n')).findings
    assert finding.name == "processes.web.command"
    assert render(described("")).findings == ()
