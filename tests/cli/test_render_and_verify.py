"""`envkit render`, `envkit verify`, `envkit schema`, `envkit precompress`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

FILES = [
    "gunicorn.conf.py",
    "nginx/nginx.conf",
    "nginx/sites/shop.conf",
    "nginx/sites/catch-all.conf",
    "nginx/maintenance.html",
]


def test_renders_all_targets_then_nothing_changes(project, envkit):
    """Without TARGET every target is rendered; a second time no file is touched."""
    assert envkit("render") == (0, "".join(f"deploy/{file}: written\n" for file in FILES), "")
    times = {path: path.stat().st_mtime_ns for path in (project / "deploy").rglob("*")}
    assert envkit("render") == (0, "".join(f"deploy/{file}: unchanged\n" for file in FILES), "")
    assert times == {path: path.stat().st_mtime_ns for path in (project / "deploy").rglob("*")}


def test_renders_the_targets_named_into_the_folder_named(project, envkit):
    """TARGET and --out choose what and where."""
    assert envkit("render", "gunicorn", "--out", "x/y").out == "x/y/gunicorn.conf.py: written\n"
    assert not (project / "x/y/nginx").exists()


def test_every_rendered_file_has_the_header(project, envkit):
    """Else a later run would not overwrite it."""
    envkit("render")
    for file in FILES:
        assert "Made by envkit" in (project / "deploy" / file).read_text()[:2000]


def test_check_names_each_file_that_is_not_up_to_date(project, envkit):
    """--check exits 1 for missing and changed files, 0 when all are up to date, and writes nothing."""
    result = envkit("render", "gunicorn", "--check")
    assert (result.code, result.out) == (
        1,
        "deploy/gunicorn.conf.py: is missing\ndeploy and the description: 1 difference\n",
    )
    assert not (project / "deploy").exists()
    envkit("render")
    assert envkit("render", "--check") == (0, "deploy and the description: no difference\n", "")
    (project / "deploy/gunicorn.conf.py").write_text("# Made by envkit\n")
    (project / "deploy/nginx/nginx.conf").unlink()
    result = envkit("render", "--check")
    assert (result.code, result.out) == (
        1,
        (
            "deploy/gunicorn.conf.py: is not what envkit renders now\ndeploy/nginx/nginx.conf: is missing\n"
            "deploy and the description: 2 differences\n"
        ),
    )


def test_diff_shows_what_would_change(project, envkit, monkeypatch):
    """--diff prints a unified diff and writes nothing; with --check it exits 1."""
    envkit("render")
    assert envkit("render", "--diff") == (0, "", "")
    monkeypatch.setenv("ENVKIT_HTTP__DOMAINS", "other.example.org")
    before = (project / "deploy/nginx/nginx.conf").read_text()
    result = envkit("render", "nginx", "--diff")
    assert result.code == 0
    assert "-    server_name shop.example.org;" in result.out.replace("        ", "    ")
    assert "+    server_name other.example.org;" in result.out.replace("        ", "    ")
    assert (project / "deploy/nginx/nginx.conf").read_text() == before
    assert envkit("render", "nginx", "--diff", "--check").code == 1


def test_a_file_of_ones_own_is_neither_overwritten_nor_shown(project, envkit):
    """A file without envkit's header stays, its lines are in no diff, and --force overwrites it."""
    (project / "deploy").mkdir()
    (project / "deploy/gunicorn.conf.py").write_text("password = 'canary'\n")
    result = envkit("render")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("deploy/gunicorn.conf.py: was not made by envkit, so it is not overwritten")
    assert sorted(path.name for path in (project / "deploy").iterdir()) == ["gunicorn.conf.py"]
    shown = envkit("render", "gunicorn", "--diff", "--check")
    assert shown.code == 1
    assert "canary" not in shown.out + shown.err
    assert "was not made by envkit, so its lines are not shown" in shown.err
    assert envkit("render", "--force").code == 0


def test_json_lists_files_and_findings(envkit):
    """--json is one object with every file's target, path, mode and state."""
    report = json.loads(envkit("render", "--json").out)
    assert [file["path"] for file in report["files"]] == FILES
    assert report["files"][0] == {
        "target": "gunicorn",
        "path": "gunicorn.conf.py",
        "mode": "0644",
        "state": "written",
    }
    assert report["findings"] == []


def test_warnings_go_to_standard_error(project, envkit):
    """What a target cannot express is listed, and does not change the exit code."""
    text = (project / "envkit.toml").read_text().replace("[http]", "[http]\nheader_limit = 65536")
    (project / "envkit.toml").write_text(text)
    result = envkit("render", "gunicorn")
    assert result.code == 0
    assert result.err.startswith("warning: envkit.toml: http.header_limit: gunicorn refuses every request line above")


def test_a_wrong_description_exits_1_with_every_problem(project, envkit):
    """All findings of the description are printed, and nothing is written."""
    (project / "envkit.toml").write_text('name = "Shop"\nap = "x"\n')
    result = envkit("render")
    assert result.code == 1
    assert len(result.err.splitlines()) == 3
    assert not (project / "deploy").exists()


def test_an_unknown_target_is_a_wrong_call(envkit):
    """A misspelt target exits 2 with the likeliest one meant."""
    result = envkit("render", "ngnix")
    assert result.code == 2
    assert "no such target: ngnix. did you mean nginx?" in result.err


def test_another_file_can_be_the_description(project, envkit):
    """--file takes the description from elsewhere."""
    (project / "envkit.toml").rename(project / "staging.toml")
    assert envkit("render", "--file", "staging.toml").code == 0
    assert envkit("render").code == 1


def _on_a_terminal(folder, environ):
    """What `render --diff` prints when its output is a terminal."""
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "envkit", "render", "gunicorn", "--diff"]
    subprocess.run(command, stdout=child, stderr=subprocess.DEVNULL, cwd=folder, env=environ, check=True)
    os.close(child)
    text = b""
    try:
        while chunk := os.read(parent, 65536):
            text += chunk
    except OSError:  # EIO: Linux's end of a terminal
        pass
    os.close(parent)
    return text


def test_colour_is_for_terminals_that_want_it(project, envkit):
    """A terminal gets colour, one with NO_COLOR and a pipe get none."""
    environ = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    (project / "deploy").mkdir()
    (project / "deploy/gunicorn.conf.py").write_text("# Made by envkit\n")
    assert b"\x1b[3" in _on_a_terminal(project, {**environ, "TERM": "xterm"})
    assert b"\x1b[3" not in _on_a_terminal(project, {**environ, "TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in envkit("render", "gunicorn", "--diff").out


# --- verify ---------------------------------------------------------------------------------------------------------


@pytest.mark.needs("nginx", "openssl")
def test_the_real_programs_accept_what_is_rendered(project, envkit):
    """Nginx and gunicorn judge freshly rendered files, and nothing is left in the project."""
    before = sorted(project.iterdir())
    assert envkit("verify") == (0, "gunicorn: accepted by gunicorn\nnginx: accepted by nginx\n", "")
    assert [path for path in sorted(project.iterdir()) if path.name != "__pycache__"] == before


@pytest.mark.needs("nginx", "openssl")
def test_files_as_they_stand_can_be_judged(project, envkit):
    """With --out the files of that folder are judged, and nginx's own words are printed when it refuses them."""
    envkit("render")
    assert envkit("verify", "nginx", "--out", "deploy").code == 0
    file = project / "deploy/nginx/nginx.conf"
    file.write_text(file.read_text().replace("http {", "http {\n    nonsense on;"))
    result = envkit("verify", "nginx", "--out", "deploy")
    assert (result.code, result.out) == (1, "nginx: refused by nginx\n")
    assert 'unknown directive "nonsense"' in result.err
    file.unlink()
    assert envkit("verify", "nginx", "--out", "deploy").err == f"{file}: no such file\n"


@pytest.mark.parametrize(
    ("app", "source", "words"),
    [
        ("shop:nope", "app = 1", "shop:nope: Failed to find attribute 'nope' in 'shop'.\n"),
        ("shop:app", "app = 1", "shop:app: Application object must be callable.\n"),
        ("shopp:app", "", "shopp:app: ModuleNotFoundError: No module named 'shopp'\n"),
        ("shop:app", "\nimport nothere", "shop.py:2: shop:app: ModuleNotFoundError: No module named 'nothere'\n"),
        ("shop:app", "\ndef (", "shop.py:2: shop:app: SyntaxError: invalid syntax\n"),
        (
            "shop:app",
            "print('canary')\nraise KeyError('canary\\ncanary')",
            (
                "shop.py:2: shop:app: cannot be loaded: KeyError. its message is withheld, for it may show a value; "
                "`gunicorn --check-config shop:app` shows it\n"
            ),
        ),
        (
            "shop:app",
            "import os\nos.environ['NOT_THERE']",
            (
                "shop.py:2: shop:app: cannot be loaded: it reads a variable from os.environ that is not set. "
                "export it, or let the code take it from load_settings, which also reads .env\n"
            ),
        ),
        (
            "shop:app",
            "from envkit import load_settings\nfrom shop_settings import *\nload_settings(ShopSettings)",
            (
                "ShopSettings: API_TOKEN: is not set. set API_TOKEN in the environment or a .env file, "
                "or name its file in API_TOKEN_FILE\n"
            ),
        ),
    ],
)
def test_an_app_that_cannot_be_imported_is_refused_in_one_line(project, envkit, app, source, words):
    """Gunicorn imports the app when it checks its file; of its traceback the line that matters is shown."""
    (project / "shop.py").write_text(source)
    description = (project / "envkit.toml").read_text().replace("shop:create_app()", app)
    (project / "envkit.toml").write_text(description)
    assert envkit("verify", "gunicorn") == (1, "gunicorn: refused by gunicorn\n", words)
    verdict = json.loads(envkit("verify", "gunicorn", "--json").out)[0]
    assert (verdict["outcome"], verdict["messages"]) == ("refused", words)


def test_lines_of_ones_own_that_fail_are_refused_in_one_line(project, envkit):
    """It is gunicorn's file that is named, not the app."""
    envkit("render", "gunicorn")
    (project / "deploy/gunicorn.local.py").write_text("raise ValueError('canary')\n")
    result = envkit("verify", "gunicorn", "--out", "deploy")
    assert result.err.startswith("deploy/gunicorn.local.py:1: gunicorn.conf.py: cannot be loaded: ValueError. its ")
    assert (result.err.count("\n"), "canary" in result.err) == (1, False)


def test_a_missing_program_is_said_by_name(envkit, monkeypatch):
    """Without the program nothing is judged: said, and a failure only with --require."""
    monkeypatch.setattr("envkit.operations.verifying.find_program", lambda name: None if name == "nginx" else name)
    assert envkit("verify", "nginx") == (0, "nginx: not verified: nginx is not installed\n", "")
    assert envkit("verify", "nginx", "--require").code == 1


# --- schema, precompress --------------------------------------------------------------------------------------------


def test_schema_is_json_and_the_example_is_a_description(project, envkit):
    """`schema` prints JSON Schema; its example is accepted by envkit itself."""
    schema = json.loads(envkit("schema").out)
    assert "http" in schema["properties"]
    (project / "envkit.toml").write_text(envkit("schema", "--example").out)
    assert envkit("render").code == 0


def test_precompress_takes_the_folders_of_the_description(project, envkit):
    """Folders of static files are compressed, those named or those of the description; of none it says so."""
    (project / "static").mkdir()
    (project / "static/app.css").write_text("a{}" * 1000)
    assert envkit("precompress", "static").out == "static/app.css.gz: written\n"
    nothing = "note: [http.static] of the description names no folder, so nothing is compressed; name DIR\n"
    assert envkit("precompress") == (0, "", nothing)
    with (project / "envkit.toml").open("a") as file:
        file.write(f'[http.static."/static/"]\ndirectory = "{project}/static"\n')
    assert envkit("precompress") == (0, "", "")
    assert envkit("precompress", "nowhere").code == 2


def test_a_folder_whose_name_is_no_text(envkit):
    """Bytes that are no UTF-8, and control characters, are printed escaped and written as they are."""
    result = envkit("render", "gunicorn", "--out", "a\udce4\x1b[31m")
    assert (result.code, result.out) == (0, "a\\udce4\\x1b[31m/gunicorn.conf.py: written\n")
    assert envkit("render", "gunicorn", "--out", "a\udce4\x1b[31m", "--check", "--diff").code == 0
