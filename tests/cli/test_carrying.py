"""`envkit export`, `import` and `channels`: values go to files of their owner's alone, and seldom to a terminal."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys

import pytest

from envkit.channels.registry import names
from envkit.cli import input as cli_input

CANARY = "hUnter2Canary"


@pytest.fixture
def shop(project):
    """The project with a `.env`."""
    (project / ".env").write_text("API_TOKEN='abc def'\nPOOL_SIZE=7\nOTHER=more\n")
    return project


@pytest.mark.usefixtures("shop")
def test_export_writes_what_sources_have(envkit):
    """The class's settings in its order, without defaults and without names it does not declare."""
    result = envkit("export", "--to", "docker")
    assert (result.code, result.out, result.err) == (0, "API_TOKEN=abc def\nPOOL_SIZE=7\n", "")


@pytest.mark.usefixtures("shop")
def test_export_all(envkit):
    """--all adds the `.env` file's other names."""
    assert envkit("export", "--to", "docker", "--all").out == "API_TOKEN=abc def\nPOOL_SIZE=7\nOTHER=more\n"


def test_export_to_a_file_of_the_owners_alone(shop, envkit):
    """The file has mode 0600 whatever the umask is, and the command says what it wrote."""
    before = os.umask(0)
    try:
        result = envkit("export", "--to", "systemd", "--out", "app.env")
    finally:
        os.umask(before)
    assert (result.code, result.out, result.err) == (0, "", "app.env: 2 settings written for systemd\n")
    assert (shop / "app.env").read_text() == 'API_TOKEN="abc def"\nPOOL_SIZE="7"\n'
    assert stat.S_IMODE((shop / "app.env").stat().st_mode) == 0o600


def test_export_overwrites_only_by_force(shop, envkit):
    """A file that holds something else stays; the same content is fine, and its mode is mended."""
    (shop / "app.env").write_text("mine\n")
    result = envkit("export", "--to", "docker", "--out", "app.env")
    assert result.code == 1
    assert result.err.startswith("app.env: holds something else, so it is not overwritten.")
    assert (shop / "app.env").read_text() == "mine\n"
    assert envkit("export", "--to", "docker", "--out", "app.env", "--force").code == 0
    (shop / "app.env").chmod(0o644)
    assert envkit("export", "--to", "docker", "--out", "app.env").code == 0
    assert stat.S_IMODE((shop / "app.env").stat().st_mode) == 0o600


def test_export_check(shop, envkit):
    """Exits 0 where the program would read the settings from the file, else 1 with their names."""
    envkit("export", "--to", "docker", "--out", "app.env")
    result = envkit("export", "--to", "docker", "--check", "app.env")
    assert (result.code, result.out) == (0, "app.env and shop_settings:ShopSettings: no difference\n")
    (shop / "app.env").write_text("API_TOKEN='abc def'\n")
    result = envkit("export", "--to", "docker", "--check", "app.env")
    assert result.code == 1
    assert result.out == "app.env and shop_settings:ShopSettings: 2 differences\n"
    assert result.err == (
        "app.env:1: API_TOKEN: differs from the setting. export it again\n"
        "app.env: POOL_SIZE: is missing. export it again\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "dokcer"), "no such channel: dokcer. did you mean docker?"),
        (("--to", "docker", "--out", "a", "--check", "a"), "--out and --check exclude each other."),
        (("--to", "docker", "--check", "nothing"), "nothing: no such file or directory"),
        ((), "Missing option '--to'. Name one of: dotenv, "),
    ],
)
@pytest.mark.usefixtures("shop")
def test_wrong_calls(envkit, arguments, words):
    """What cannot be meant exits 2 and says why."""
    result = envkit("export", *arguments)
    assert result.code == 2
    assert words in result.err


def test_wrong_settings_are_not_exported(project, envkit):
    """Every problem of the settings is told, and nothing is written."""
    result = envkit("export", "--to", "docker", "--out", "app.env")
    assert result.code == 1
    assert "API_TOKEN" in result.err
    assert not (project / "app.env").exists()


def test_refused_settings_are_all_told_and_nothing_is_written(shop, envkit):
    """A channel that cannot carry a value says what to do instead."""
    (shop / ".env").write_text('API_TOKEN="a\nb"\nGREETING="c\nd"\n')
    result = envkit("export", "--to", "docker", "--out", "app.env")
    assert result.code == 1
    assert [line.split(":")[1].strip() for line in result.err.splitlines()] == ["API_TOKEN", "GREETING"]
    assert not (shop / "app.env").exists()


def _on_a_terminal(folder, *arguments):
    """Exit code and everything that a command prints where standard output is a terminal."""
    outer, inner = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "envkit", *arguments], cwd=folder, stdout=inner, stderr=inner, stdin=subprocess.DEVNULL
    ) as process:
        os.close(inner)
        parts = []
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # Linux says EIO where the other end is closed
                break
            if not part:
                break
            parts.append(part)
        code = process.wait()
    os.close(outer)
    return code, b"".join(parts).decode()


@pytest.mark.parametrize("asked", [(), ("--show",), ("--yes-show-secrets",)])
def test_a_terminal_shows_nothing_unless_asked_twice(shop, asked):
    """Once is not enough; the error says how to ask."""
    code, shown = _on_a_terminal(shop, "export", "--to", "docker", *asked)
    assert code == 2
    assert "abc def" not in shown
    assert "--out FILE, or ask twice: --show --yes-show-secrets" in shown


def test_a_terminal_shows_values_when_asked_twice(shop):
    """Asked twice, the values are printed."""
    code, shown = _on_a_terminal(shop, "export", "--to", "docker", "--show", "--yes-show-secrets")
    assert (code, shown) == (0, "API_TOKEN=abc def\r\nPOOL_SIZE=7\r\n")


def test_github_adds_to_the_runners_file_and_masks_first(shop, envkit, monkeypatch):
    """Inside Actions the lines go to $GITHUB_ENV behind what is there; masks of secrets go to the log."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ENV", str(shop / "runner.env"))
    (shop / "runner.env").write_text("EARLIER=1\n")
    result = envkit("export", "--to", "github")
    assert (result.code, result.out) == (0, "::add-mask::abc def\n")
    assert (shop / "runner.env").read_text() == (
        "EARLIER=1\nAPI_TOKEN<<ENVKIT_END\nabc def\nENVKIT_END\nPOOL_SIZE<<ENVKIT_END\n7\nENVKIT_END\n"
    )


@pytest.mark.usefixtures("shop")
def test_github_elsewhere_is_text_without_masks(envkit, monkeypatch):
    """Outside of Actions nobody would take the masks out of the output."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    result = envkit("export", "--to", "github")
    assert result.out.startswith("API_TOKEN<<ENVKIT_END\n")
    assert "add-mask" not in result.out


# --- import ---------------------------------------------------------------------------------------------------------


def test_import_writes_a_private_env(project, envkit):
    """The `.env` has the spelling that local tools share, and is its owner's alone."""
    (project / "app.env").write_text("A=x y\nB=1\n")
    result = envkit("import", "--from", "docker", "app.env")
    assert (result.code, result.out, result.err) == (0, "", ".env: 2 settings written\n")
    assert (project / ".env").read_text() == "A='x y'\nB=1\n"
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_import_never_overwrites_unasked(shop, envkit):
    """An existing file stays unless --force is given."""
    (shop / "app.env").write_text("A=1\n")
    before = (shop / ".env").read_text()
    assert envkit("import", "--from", "docker", "app.env").code == 1
    assert (shop / ".env").read_text() == before
    assert envkit("import", "--from", "docker", "app.env", "--force").code == 0
    assert (shop / ".env").read_text() == "A=1\n"


def test_import_reads_standard_input(project, envkit):
    """- is standard input, so that no file need be made of what a program prints."""
    assert envkit("import", "--from", "json", "-", stdin=b'{"A": "x"}').code == 0
    assert (project / ".env").read_text() == "A=x\n"


def test_import_of_a_refused_file_writes_nothing(project, envkit):
    """What the channel's program refuses is told by line, with the way out."""
    result = envkit("import", "--from", "docker", "-", stdin=b"A=1\nexport B=2\n")
    assert (result.code, result.err) == (1, "standard input:2: a blank in the name. drop the export\n")
    assert not (project / ".env").exists()


def test_import_of_bytes_that_are_no_text(envkit):
    """A file that is not UTF-8 is a wrong call, and none of it is shown."""
    result = envkit("import", "--from", "docker", "-", stdin=CANARY.encode() + b"\xff")
    assert result.code == 2
    assert "standard input: is not UTF-8 (byte 14)" in result.err
    assert CANARY not in result.err


@pytest.mark.parametrize(("file", "called"), [("settings.env", "settings.env"), ("-", "standard input")])
def test_import_reads_nothing_without_end(project, envkit, monkeypatch, file, called):
    """A file, and standard input, may be a device; what is larger than settings can be is a wrong call."""
    monkeypatch.setattr(cli_input, "_LONGEST", 1 << 20)
    text = b"A=1\n" * (1 << 18)
    (project / "settings.env").write_bytes(text + b"B=1\n")
    result = envkit("import", "--from", "dotenv", file, stdin=text + b"B=1\n")
    assert (result.code, result.out) == (2, "")
    assert f"{called}: is larger than 1 MiB, too large for settings" in result.err
    assert envkit("import", "--from", "dotenv", "-", stdin=text).code == 0


# --- channels -------------------------------------------------------------------------------------------------------


def test_channels_lists_every_channel(envkit):
    """A row of the table and a line of words for each."""
    result = envkit("channels")
    assert result.code == 0
    head, *rows = result.out.split("\n\n")[0].splitlines()
    assert head.split("  ")[0] == "CHANNEL"
    assert [row.split()[0] for row in rows] == list(names())
    assert all(set(row.split()[1:]) <= {"yes", "-"} for row in rows)


@pytest.mark.parametrize("name", names())
def test_channels_shows_the_rules_of_one(envkit, name):
    """Every rule, and what the channel cannot carry with the way out."""
    from envkit.channels.registry import channel

    result = envkit("channels", name)
    assert result.code == 0
    words = " ".join(result.out.split())
    for rule in channel(name).rules:
        assert " ".join(rule.split()) in words


def test_channels_as_json(envkit):
    """The same for programs."""
    entries = json.loads(envkit("channels", "--json").out)
    assert [entry["name"] for entry in entries] == list(names())
    docker = next(entry for entry in entries if entry["name"] == "docker")
    assert docker["carries"]["line break"] is False
    assert docker["carries"]["quotes"] is True
    assert set(docker["refuses"]["line break"]) == {"problem", "hint"}


def test_an_unknown_channel_is_a_wrong_call(envkit):
    """The likeliest name meant is told."""
    result = envkit("channels", "systemt")
    assert result.code == 2
    assert "did you mean systemd?" in result.err


# --- no value anywhere ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("value", [f"{CANARY}\n\r'\"`#$A\\n{{{{{CANARY}}}}}", f"{CANARY}" * 20_000])
def test_no_message_holds_a_value(shop, envkit, name, value):
    """Export, its check and import print no value, refused or not, and errors keep none either."""
    (shop / "token").write_text(value)
    (shop / ".env").write_text("API_TOKEN_FILE=token\nGREETING=\n")
    (shop / "old").write_text(f"API_TOKEN={CANARY}\nexport B={CANARY}\n'{CANARY}\n")
    exported = envkit("export", "--to", name, "--out", "app")
    checked = envkit("export", "--to", name, "--check", "old")
    imported = envkit("import", "--from", name, "old", "--out", "new")
    for result in (exported, checked, imported):
        assert result.code in {0, 1}
        assert CANARY not in result.out + result.err


def test_export_to_files(shop, envkit):
    """A file for each secret, of its owner's alone, which a comparison then finds to be the same."""
    result = envkit("export", "--to", "files", "--out", "secrets")
    assert (result.code, result.err) == (0, "secrets: 1 file written, each readable by its owner alone\n")
    assert [path.name for path in (shop / "secrets").iterdir()] == ["API_TOKEN"]
    assert (shop / "secrets/API_TOKEN").read_text() == "abc def"
    assert stat.S_IMODE((shop / "secrets/API_TOKEN").stat().st_mode) == 0o600
    assert envkit("export", "--to", "files", "--check", "secrets").code == 0
    (shop / ".env").write_text(f"API_TOKEN={CANARY}\n")
    result = envkit("export", "--to", "files", "--check", "secrets")
    assert result.code == 1
    assert result.err == "secrets/API_TOKEN: API_TOKEN: differs from the setting. export it again\n"
    result = envkit("export", "--to", "files", "--out", "secrets")
    assert result.err.startswith("secrets/API_TOKEN: holds something else, so it is not overwritten. move it away, or")
    (shop / "secrets/Greeting").touch()
    result = envkit("export", "--to", "files", "--out", "secrets", "--force")
    assert result.code == 0
    left = "secrets/Greeting: Greeting: is there, but no longer among the settings. delete it\n"
    assert result.err.startswith(f"warning: {left}")
    assert envkit("export", "--to", "files", "--check", "secrets").err == left


def test_export_to_files_needs_a_folder(shop, envkit):
    """One that can be read or made, and a description that can be read, which says what is written there."""
    result = envkit("export", "--to", "files")
    assert (result.code, result.err.splitlines()[-1]) == (2, "Error: files need a folder: --out FOLDER")
    for path in ("none", "envkit.toml"):
        result = envkit("export", "--to", "files", "--check", path)
        assert (result.code, result.err.splitlines()[-1]) == (2, f"Error: {path}: no such folder")
    (shop / "envkit.toml").write_text("name = 1\n")
    for channel in ("files", "systemd"):
        result = envkit("export", "--to", channel, "--settings", "shop_settings:ShopSettings", "--out", "there")
        assert result.code == 1
        assert result.err.startswith("envkit.toml:1: name: must be text, not a whole number. write it in quotes\n")
    assert not (shop / "there").exists()


def test_export_to_systemd_leaves_its_files_out(shop, envkit):
    """What systemd hands to the app as a file is not in its environment as well."""
    description = (shop / "envkit.toml").read_text()
    (shop / "envkit.toml").write_text(f'{description}[server]\ncredentials = ["API_TOKEN"]\n')
    assert envkit("export", "--to", "systemd").out == 'POOL_SIZE="7"\n'
    assert envkit("export", "--to", "docker").out == "API_TOKEN=abc def\nPOOL_SIZE=7\n"
