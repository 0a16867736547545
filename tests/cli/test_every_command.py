"""What holds for every command: help with an example, one shape of errors, nothing imported that it does not need."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from envkit import __version__
from envkit.cli import BROKEN, COMMANDS, FINE, FOUND, INTERRUPTED, MISUSED, cli, main
from envkit.cli.run import WRONG_SETTINGS
from envkit.targets.registry import TARGETS

ENVKIT = [sys.executable, "-m", "envkit"]


def _loaded(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(envkit, name):
    """Every command has a sentence for the list, a help text, and examples that call this very command."""
    result = envkit(name, "--help")
    assert result.code == 0
    assert "\nExample" in result.out
    command = _loaded(name)
    assert command.help
    assert len(command.get_short_help_str(200)) > 10
    assert not command.get_short_help_str(60).endswith("...")
    for example in command.examples:
        assert example in result.out
        words = shlex.split(example.partition("#")[0])
        start = words.index("envkit") if "envkit" in words else 0
        assert f"envkit {name}" in example, words[start:]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name):
    """No option stands in the help without words."""
    for parameter in _loaded(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", ["render", "verify"])
def test_the_help_names_every_target(envkit, name):
    """What TARGET may be stands in the help."""
    targets = envkit(name, "--help").out.partition("\nTargets:\n")[2].partition("\n\n")[0]
    assert targets.replace(",", "").split() == list(TARGETS)


def test_the_list_names_every_command(envkit):
    """The group's help lists all commands and the exit codes."""
    result = envkit("--help")
    assert result.code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.out
    codes = " ".join(result.out.partition("Exit codes: ")[2].split()).split("; ")
    assert [int(code.split()[0]) for code in codes] == [FINE, FOUND, MISUSED, BROKEN, WRONG_SETTINGS, INTERRUPTED]


def test_version(envkit):
    """--version prints the version."""
    assert envkit("--version").out == f"envkit {__version__}\n"


def test_a_misspelt_command_is_a_wrong_call_with_a_hint(envkit):
    """An unknown command exits 2 and names the likeliest one meant."""
    result = envkit("rendr")
    assert result.code == 2
    assert "no such command: rendr. did you mean render?" in result.err


def test_an_unknown_option_is_a_wrong_call(envkit):
    """An unknown option exits 2."""
    assert envkit("render", "--nope").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(envkit, shell):
    """The script for each shell names the variable by which click completes."""
    result = envkit("completion", shell)
    assert result.code == 0
    assert "_ENVKIT_COMPLETE" in result.out


def test_completion_knows_the_targets():
    """A shell that asks for completions of a target's name gets them."""
    environ = {**os.environ, "_ENVKIT_COMPLETE": "bash_complete", "COMP_WORDS": "envkit render ng", "COMP_CWORD": "2"}
    done = subprocess.run(ENVKIT, env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "plain,nginx"


@pytest.mark.needs("bash")
def test_bash_completes_by_the_script(tmp_path):
    """The script that is printed works in the real shell, for commands, options and the names of targets."""
    (tmp_path / "envkit").write_text(f'#!/bin/sh\nexec {shlex.join(ENVKIT)} "$@"\n')
    (tmp_path / "envkit").chmod(0o755)
    complete = (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); '
        '_envkit_completion envkit "${!#}"; echo "${COMPREPLY[@]}"'
    )
    script = f'eval "$(envkit completion bash)"; try() {{ {complete}; }}\n'
    script += "try envkit rend; try envkit render --o; try envkit render gunicorn ngi; try envkit encode --for esc"
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == ["render", "--out", "nginx", "escape"], done.stderr


# --- errors ---------------------------------------------------------------------------------------------------------


def _break_schema(monkeypatch, error):
    def raising():
        raise error

    monkeypatch.setattr("envkit.deployment.schema.json_schema", raising)


def test_an_unforeseen_error_is_one_line_without_its_message(envkit, monkeypatch):
    """The message of an unforeseen error may hold a value, so its kind and place are all that is printed."""
    _break_schema(monkeypatch, ValueError("canary-in-a-message"))
    result = envkit("schema")
    assert result.code == 70
    assert result.err.startswith("envkit: unexpected ValueError at ")
    assert result.err.count("\n") == 1
    assert "canary" not in result.err + result.out


def test_traceback_shows_the_error(monkeypatch):
    """With --traceback an unforeseen error is raised as it is."""
    _break_schema(monkeypatch, ValueError("everything"))
    with pytest.raises(ValueError, match="everything"):
        main(["--traceback", "schema"])


def test_an_interrupt_exits_130(envkit, monkeypatch):
    """Ctrl-C ends a command with 130 and no traceback."""
    _break_schema(monkeypatch, KeyboardInterrupt())
    result = envkit("schema")
    assert result.code == 130
    assert "Traceback" not in result.err


def test_a_closed_pipe_is_no_error_message():
    """When the reader of the output has gone, nothing is printed about it."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*ENVKIT, "schema"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


def test_a_closed_pipe_is_no_error_message_for_little_output_either():
    """The same where all of the output still stands in the buffer at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*ENVKIT, "--version"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


def test_the_exit_code_outlives_a_full_standard_error(project):
    """Where no message can be written, as on a full disk, the exit code still says what is wrong."""
    codes = {"run worker": 78, "rendr": 2, "check --settings shop_settings:ShopSettings": 1}
    with Path("/dev/full").open("w") as full:
        for words, code in codes.items():
            done = subprocess.run([*ENVKIT, *words.split()], cwd=project, stderr=full, check=False)
            assert done.returncode == code, words


def test_a_terminal_that_is_not_utf_8_shows_what_it_can(project):
    """In Latin-1 every command prints, with escapes for what that cannot hold."""
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*ENVKIT, "channels", "systemd"], cwd=project, env=environ, capture_output=True, check=False)
    assert done.returncode == 0
    assert b"\\u2026" in done.stdout
    assert done.stderr == b""


def test_a_folder_that_was_removed_is_named(envkit, project, monkeypatch):
    """In a folder that is gone, a command says so instead of breaking."""
    gone = project / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = envkit("check", "--settings", "shop_settings:ShopSettings")
    assert (result.code, result.err) == (1, "the current folder: is not there any more. change to one that is\n")


def test_a_machine_without_room_for_temporary_files_is_told(envkit, project, monkeypatch):
    """On a read-only file system, or a full one, a command that needs such a file says so instead of breaking."""
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: [str(project / "nowhere")])
    result = envkit("verify", "gunicorn")
    problem = "none of those that are usual can be written to"
    assert (result.code, result.err) == (1, f"the folder for temporary files: {problem}. name one in TMPDIR\n")


def test_an_interrupt_while_it_starts_up_exits_130():
    """Ctrl-C before the command runs, while click is imported, prints no traceback either."""
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'click':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "import envkit.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


# --- start-up -------------------------------------------------------------------------------------------------------


def _modules_after(*arguments: str, cwd) -> set[str]:
    """The modules that a command imported, in a fresh process."""
    code = (
        "import sys\nfrom envkit.cli import main\n"
        f"code = main({list(arguments)!r})\n"
        "sys.stderr.write('\\n'.join(sorted(sys.modules)))\nsys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], {"pydantic", "jinja2", "envkit.deployment.model", "envkit.settings", "subprocess", "json"}),
        (["schema"], {"pydantic", "jinja2"}),
        (["render", "gunicorn", "nginx"], {"pydantic", "subprocess", "asyncio", "envkit.settings", "ssl"}),
        (["render", "--diff"], {"pydantic", "envkit.settings"}),
        (["completion", "bash"], {"pydantic", "jinja2", "envkit.deployment.model"}),
        (["example"], {"jinja2"}),
        (["explain"], {"jinja2"}),
        (["check"], {"jinja2"}),
    ],
    ids=" ".join,
)
def test_a_command_imports_only_what_it_needs(project, arguments, unwanted):
    """No command without a settings class imports pydantic, and none that renders nothing imports jinja2."""
    (project / ".env").write_text("API_TOKEN=a\n")
    assert not _modules_after(*arguments, cwd=project) & unwanted


@pytest.mark.parametrize("name", ["check", "explain", "render", "verify"])
def test_errors_are_json_for_whoever_asked_for_json(envkit, project, name):
    """A description that cannot be read at all is a finding in JSON too, on standard output, and the exit code is 1."""
    (project / "envkit.toml").write_text("name =\n")
    result = envkit(name, "--json")
    assert result.code == 1
    findings = json.loads(result.out)["findings"]
    assert [(finding["origin"], finding["problem"]) for finding in findings] == [
        ("envkit.toml:1", "is not TOML: invalid value")
    ]
    assert result.err == ""


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("closing", ["<&-", ">&-", "2>&-"])
@pytest.mark.parametrize("command", ["schema", "encode --for escape", "render --check"])
def test_a_closed_standard_stream_is_an_empty_one(command, closing):
    """Some supervisors start programs without one of the three; that is no error of theirs."""
    shell = f"{shlex.join(ENVKIT)} {command} {closing}"
    if closing != "<&-":
        shell += " </dev/null"
    result = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert result.returncode == int(command == "render --check")
    assert "unexpected" not in result.stderr


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", ["schema", "encode --for escape"])
def test_a_full_standard_output_is_said(command):
    """/dev/full is a disk without space."""
    shell = f"echo x | {shlex.join(ENVKIT)} {command} --exact >/dev/full".replace("schema --exact", "schema")
    result = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "standard output: cannot be written: no space left on device\n"
