"""`envkit lint`: exit codes, formats, and no value in any of them."""

from __future__ import annotations

import json

import pytest

CANARY = "hUnter2Canary"
HOSTILE = (
    f"API_TOKEN='{CANARY}\nexport A={CANARY}\nB = ${CANARY}\nC=`{CANARY}`\n{CANARY}\n{CANARY}=\nD=x # {CANARY}\n"
    f'KEY=-----BEGIN PRIVATE KEY-----\n{CANARY}==\n-----END PRIVATE KEY-----\nE=${{{CANARY}:?{CANARY}}}\n"{CANARY}\n'
)


@pytest.fixture
def env(project):
    """A function that writes the project's `.env`, its owner's alone."""

    def write(text, name=".env"):
        (project / name).write_text(text)
        (project / name).chmod(0o600)
        return project / name

    return write


def test_a_clean_file(env, envkit):
    """Nothing to tell is exit 0."""
    env("API_TOKEN=abc\n")
    result = envkit("lint")
    assert (result.code, result.out, result.err) == (0, ".env: no problem found\n", "")


def test_a_disputed_line(env, envkit):
    """A difference is exit 1, with the line on standard error."""
    env("API_TOKEN='abc'\n")
    result = envkit("lint")
    assert (result.code, result.out) == (1, ".env: 1 problem found\n")
    assert result.err.startswith(
        ".env:1: API_TOKEN: dotenv, compose, systemd, shell, node: 3 characters; docker: 5 char"
    )


def test_for_chooses_the_readers(env, envkit):
    """What the chosen readers read alike is no finding; names are separated by commas or repeated."""
    env("API_TOKEN='abc'\n")
    assert envkit("lint", "--for", "dotenv,compose").code == 0
    assert envkit("lint", "--for", "dotenv", "--for", "docker").code == 1


def test_fix(env, envkit):
    """What can be mended is, and the rest decides the exit code."""
    file = env("API_TOKEN='abc' # why\n")
    result = envkit("lint", "--fix")
    assert (result.code, result.out, result.err) == (0, ".env: no problem found\n", ".env: 1 line rewritten\n")
    assert file.read_text() == "# why\nAPI_TOKEN=abc\n"


def test_warnings_fail_only_when_strict(env, envkit):
    """A warning is told and exits 0; with --strict it exits 1."""
    env("API_TOKEN=abc\nUNHEARD_OF=1\n")
    result = envkit("lint")
    assert (result.code, result.err) == (0, "warning: .env:2: UNHEARD_OF: ShopSettings has no such setting\n")
    assert envkit("lint", "--strict").code == 1


def test_without_a_description_no_names_are_checked(env, envkit, project):
    """Lint needs no project: any file can be linted."""
    (project / "envkit.toml").unlink()
    env("UNHEARD_OF=1\n", "other.env")
    assert envkit("lint", "other.env").code == 0


def test_without_the_apps_packages_the_lines_are_linted_all_the_same(env, envkit, project):
    """Where the class cannot be imported, a note says so; asked for by name, it is an error."""
    (project / "shop_settings.py").write_text("import a_package_that_is_not_here\n")
    env("API_TOKEN='abc'\nUNHEARD_OF=1\n")
    result = envkit("lint", "--for", "dotenv,compose")
    assert (result.code, result.out) == (0, ".env: no problem found\n")
    assert result.err.startswith("note: names are not compared with a settings class: ")
    assert "a_package_that_is_not_here" in result.err
    assert envkit("lint", "--settings", "shop_settings:ShopSettings").code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing.env",), "nothing.env: no such file"),
        (("/proc/self/mem",), "/proc/self/mem: input/output error"),
        (("x" * 300,), "xxx: file name too long"),
        (("/dev/null",), "/dev/null: is no regular file"),
        (("--for", "dotenf"), "no such channel: dotenf. did you mean dotenv?"),
        (("--for", "dotenv,json"), "json reads no NAME=value lines, so there is nothing to compare"),
        (("--for", ","), "--for names no channel"),
        (("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_wrong_calls(env, envkit, arguments, words):
    """What cannot be meant exits 2 and says why."""
    env("API_TOKEN=abc\n")
    result = envkit("lint", *arguments)
    assert result.code == 2
    assert words in result.err


def test_a_files_name_cannot_drive_the_terminal(env, envkit):
    """Control characters of a name are spelt, in the last line too."""
    env("API_TOKEN=x\n", "a\x1b[31m\n.env")
    result = envkit("lint", "a\x1b[31m\n.env")
    assert (result.code, result.out) == (0, "a\\x1b[31m\\n.env: no problem found\n")


def test_formats_for_programs(env, envkit):
    """JSON, SARIF and annotations go to standard output, alone."""
    env("API_TOKEN='abc'\n")
    found = json.loads(envkit("lint", "--format", "json").out)
    assert (found["ok"], found["findings"][0]["rule"], found["findings"][0]["line"]) == (False, "quotes", 1)
    sarif = envkit("lint", "--format", "sarif")
    assert (sarif.code, sarif.err) == (1, "")
    assert json.loads(sarif.out)["runs"][0]["results"][0]["ruleId"] == "quotes"
    annotations = envkit("lint", "--format", "github")
    assert annotations.out.startswith("::error file=.env,line=1,title=envkit lint%3A quotes::API_TOKEN: dotenv, ")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize("readers", ["dotenv,docker,compose,systemd,shell,node", "podman,kubectl,npm-dotenv,github"])
def test_no_format_holds_a_value(env, envkit, form, readers):
    """Whatever stands in a file, well-formed or not, no output repeats a piece of it; nor does a fix's."""
    env(HOSTILE)
    for arguments in ((), ("--fix",)):
        result = envkit("lint", "--for", readers, "--format", form, *arguments)
        assert result.code == 1
        assert CANARY not in result.out + result.err


def test_no_single_hostile_line_is_repeated(env, envkit):
    """The same for each line alone, where no other line swallows it."""
    for line in HOSTILE.splitlines():
        env(f"{line}\n")
        result = envkit("lint")
        assert CANARY not in result.out + result.err
