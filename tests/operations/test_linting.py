"""Linting files: what a person fixes with one command, who else can read a secret, and the names of the class."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from envkit import PrivateKey, Secret, Settings, load_settings
from envkit.channels.lint_rules import RULES
from envkit.channels.linting import Remark
from envkit.channels.registry import channel
from envkit.cli.lint import DEFAULT_READERS
from envkit.findings import Finding
from envkit.operations.lint_formats import as_annotations, as_json, as_sarif
from envkit.operations.linting import Report, lint_files
from tests.settings.made_keys import made_key

SCHEMA = Path(__file__).parents[2] / ".tools" / "sarif" / "sarif-2.1.0.json"
"""Where tests/set-up.d/lint-formats puts it."""
HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


class Shop(Settings):
    api_token: Secret
    key: PrivateKey | None = None
    colour: str = "red"
    size: int


@pytest.fixture
def env(tmp_path, monkeypatch):
    """A function that writes a file of the current folder, private unless another mode is given."""
    monkeypatch.chdir(tmp_path)

    def write(text, name=".env", mode=0o600):
        path = Path(name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


def _lint(*paths, model=None, fix=False, readers=("dotenv", "docker", "compose")):
    return lint_files(paths, [channel(name) for name in readers], model, fix=fix)


def _told(*paths, **options):
    return [str(remark.finding) for remark in _lint(*paths, **options).remarks]


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_name", ["rsa-pkcs1", "openssh-ed25519", "pgp-ed25519"])
@pytest.mark.parametrize("model", [None, Shop])
@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}\n"', "escaped"])
def test_the_hint_about_a_key_leads_to_no_finding(env, key_name, form, model):
    """Whoever does word for word what lint says of a pasted key is done, and the app has its key."""
    text = made_key(key_name).text
    Path("key.pem").write_text(text)
    key = text.rstrip("\n").replace("-", "\\-").replace("\n", "\\n") if form == "escaped" else text.rstrip("\n")
    pasted = f"KEY={form.format(key) if form != 'escaped' else key}\n"
    path = env(f"API_TOKEN=x\n{pasted}SIZE=1\n")
    (told,) = _lint(path, model=model, readers=DEFAULT_READERS.split(",")).remarks
    command = re.search(r"put in its place what `(.+)` prints", told.finding.hint)
    assert command is not None, told.finding
    assert ("if it is a PrivateKey setting" in told.finding.hint) is (model is None)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    printed = subprocess.run(["bash", "-c", command[1]], env=environ, stdout=subprocess.PIPE, check=True).stdout
    path = env(f"API_TOKEN=x\n{printed.decode()}SIZE=1\n")
    assert _told(path, model=model, readers=DEFAULT_READERS.split(",")) == []
    loaded = load_settings(Shop, env_files=path, environ={}).key
    assert loaded is not None
    assert loaded.get_secret_value() == text


def test_a_key_in_a_setting_of_plain_text_is_not_turned_into_base64(env):
    """Only PrivateKey settings decode it."""
    path = env("API_TOKEN='-----BEGIN PRIVATE KEY-----\nMIIEow==\n-----END PRIVATE KEY-----'\nSIZE=1\n")
    (told,) = _told(path, model=Shop)
    assert "base64" not in told
    assert told.endswith("or use API_TOKEN_FILE")


# --- fixing ---------------------------------------------------------------------------------------------------------


def test_fix_rewrites_what_can_be_and_tells_the_rest(env):
    """Comments, order, blank lines and the file's mode stay."""
    path = env("# mine\nA='x'\n\nB='x y'\nC=z # why\n", mode=0o640)
    report = _lint(path, fix=True, readers=("dotenv", "docker", "shell"))
    assert path.read_text() == "# mine\nA=x\n\nB='x y'\n# why\nC=z\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert report.fixed == {".env": (2, 5)}
    assert [(remark.line, remark.finding.rule) for remark in report.remarks] == [(4, "quotes")]


def test_fix_leaves_a_clean_file_untouched(env):
    """A file in which nothing can be mended is not written again."""
    path = env("A=x\nB='x y'\n")
    before = path.stat()
    assert _lint(path, fix=True, readers=("dotenv", "docker", "shell")).fixed == {}
    assert path.stat().st_ino == before.st_ino


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone may give a file away")
def test_what_root_mends_stays_its_owners(env):
    """An app must go on reading its own file, in a folder that is root's."""
    path = env("COLOUR='red'\n")
    path.chmod(0o640)
    os.chown(path, 12345, 12346)
    assert _lint(path, fix=True).fixed == {".env": (1,)}
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12345, 12346, 0o640)


def test_fix_keeps_a_link_a_link(env):
    """What a link points to is mended in its own place."""
    real = env("A='x'\n", "real.env")
    Path("link.env").symlink_to(real)
    _lint(Path("link.env"), fix=True)
    assert Path("link.env").is_symlink()
    assert real.read_text() == "A=x\n"


def test_fix_ends_lines_in_lf(env):
    """Where shells would keep the CR, the line ends are mended, which rewrites no line."""
    path = env("A=1\r\nB=2\r\n")
    assert _lint(path, fix=True, readers=("dotenv", "shell")) == Report((), {".env": ()})
    assert path.read_bytes() == b"A=1\nB=2\n"


def test_a_file_that_is_not_utf_8_is_a_finding(env):
    """Its line is named; the other files are linted all the same."""
    first, second = env(b"A=1\nB=\xff\n"), env("A='x'\n", "b.env")
    assert [remark.finding.rule for remark in _lint(first, second).remarks] == ["not-utf-8", "quotes"]
    assert _told(first) == [".env:2: is not UTF-8. save it as UTF-8"]


# --- who else can read it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("API_TOKEN=x\n", 0o644, True),
        ("API_TOKEN=x\n", 0o640, True),
        ("API_TOKEN=x\n", 0o600, False),
        ("API_TOKEN=\nCOLOUR=x\n", 0o644, False),
    ],
)
def test_secrets_that_others_may_read(env, text, mode, told):
    """A file with secrets is its owner's alone; one without may be read by all."""
    path = env(text, mode=mode)
    expected = [
        f"{path}: holds secrets, and other users of the machine may read it (mode {mode:04o}). chmod 600 {path}"
    ]
    assert _told(path) == (expected if told else [])


def test_the_class_says_what_a_secret_is(env):
    """With a class, its types decide, and no name is guessed at."""

    class Odd(Settings):
        colour: Secret
        api_token: str

    path = env("API_TOKEN=x\n", mode=0o644)
    assert _told(path, model=Odd) == [".env: COLOUR: Odd needs it, and no file sets it"]
    path = env("API_TOKEN=x\nCOLOUR=y\n", mode=0o644)
    assert len(_told(path, model=Odd)) == 1


@pytest.mark.needs("git")
def test_secrets_that_git_tracks(env, tmp_path, monkeypatch):
    """A tracked file with secrets is an error; an untracked one and a template are none."""
    path = env("API_TOKEN=x\n")
    template = env("API_TOKEN=changeme\n", ".env.example")
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=environ)
    assert _told(path) == []
    subprocess.run(["git", "add", "-f", ".env", ".env.example"], check=True, env=environ)
    assert _told(path, template) == [
        (
            ".env: holds secrets, and git tracks it. "
            "git rm --cached .env, name it in .gitignore, and replace the secrets: they stay in the history"
        )
    ]
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own way to try it
    assert _told(path, template) == [
        (
            ".env: holds secrets, and git does not say whether it tracks it: the repository is another user's. "
            "run it as that user, or name the repository in git's safe.directory"
        )
    ]


def test_git_is_asked_for_the_file_that_holds_the_secrets(env, tmp_path):
    """A link's own place does not matter, and a name with a * is a name."""
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=environ)
    env("API_TOKEN=x\n", "tracked.env")
    Path("here.env").symlink_to("tracked.env")
    starred = env("API_TOKEN=x\n", "*.env")
    subprocess.run(["git", "add", "-f", "tracked.env"], check=True, env=environ)
    told = [remark.finding.rule for remark in _lint(Path("here.env"), starred).remarks if remark.path == "here.env"]
    assert told == ["tracked-by-git"]
    assert _told(starred) == []


# --- the settings class ---------------------------------------------------------------------------------------------


def test_unknown_and_missing_settings(env):
    """A name that the class lacks, with the likeliest one meant, and a setting that no file has."""
    path = env("API_TOKN=x\nCOLOUR=red\nKEY_FILE=/k\n")
    assert _told(path, model=Shop) == [
        ".env: API_TOKEN: Shop needs it, and no file sets it",
        ".env: SIZE: Shop needs it, and no file sets it",
        ".env:1: API_TOKN: Shop has no such setting. did you mean API_TOKEN?",
    ]


def test_all_files_together_must_have_every_setting(env):
    """A setting is missing only where no file has it, under its name or as NAME_FILE."""
    assert _told(env("API_TOKEN_FILE=/t\n"), env("SIZE=1\n", "b.env"), model=Shop) == []


# --- formats --------------------------------------------------------------------------------------------------------

REPORT = Report(
    (
        Remark("a b,c.env", 3, Finding("a b,c.env:3", "A", "100% differ", "mend: it", rule="quotes")),
        Remark("a b,c.env", 0, Finding("a b,c.env", "", "is read", "", "warning", "readable-by-others")),
    ),
    {"a b,c.env": (1, 2)},
)


def test_json():
    """Each finding with its place; `ok` says whether there is an error."""
    assert as_json(REPORT) == {
        "ok": False,
        "fixed": {"a b,c.env": [1, 2]},
        "findings": [
            {
                "path": "a b,c.env",
                "line": 3,
                "name": "A",
                "rule": "quotes",
                "severity": "error",
                "problem": "100% differ",
                "hint": "mend: it",
            },
            {
                "path": "a b,c.env",
                "line": 0,
                "name": "",
                "rule": "readable-by-others",
                "severity": "warning",
                "problem": "is read",
                "hint": "",
            },
        ],
    }
    assert as_json(Report(REPORT.remarks[1:], {}))["ok"]


def test_annotations_are_escaped_as_the_runner_decodes_them():
    """%, line ends, and in properties : and , are escaped; a finding of the whole file has no line."""
    assert as_annotations(REPORT.remarks) == (
        "::error file=a b%2Cc.env,line=3,title=envkit lint%3A quotes::A: 100%25 differ. mend: it\n"
        "::warning file=a b%2Cc.env,title=envkit lint%3A readable-by-others::is read\n"
    )


def test_sarif_points_to_files_lines_and_rules():
    """Every result names a rule of the list at its index, and a region where there is a line."""
    (run,) = as_sarif(REPORT)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["quotes", "readable-by-others"]
    first, second = run["results"]
    assert first == {
        "ruleId": "quotes",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "A: 100% differ. mend: it"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a%20b%2Cc.env"}, "region": {"startLine": 3}}}],
    }
    assert (second["ruleIndex"], second["level"]) == (1, "warning")
    assert "region" not in second["locations"][0]["physicalLocation"]


def test_a_name_that_is_no_utf_8_can_be_told():
    """SARIF has its bytes, as a URI has; annotations show what can be shown."""
    name = os.fsdecode(b"\xff.env")
    report = Report((Remark(name, 1, Finding(f"{name}:1", "A", "differ", f"mend {name}", rule="quotes")),), {})
    (result,) = as_sarif(report)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "%FF.env"
    assert result["message"]["text"] == "A: differ. mend �.env"
    assert as_annotations(report.remarks) == (
        "::error file=�.env,line=1,title=envkit lint%3A quotes::A: differ. mend �.env\n"
    )


def test_sarif_is_valid():
    """The schema of the standard accepts what is written, with every rule there is and without any finding."""
    if not SCHEMA.exists():
        reason = "needs the schema of SARIF, not installed here (tests/set-up.d/lint-formats fetches it)"
        if os.environ.get("ENVKIT_TESTS_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)
    import jsonschema

    validator = jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())
    everything = Report(tuple(Remark("x", 1, Finding("x:1", "A", "p", "h", rule=rule)) for rule in RULES), {})
    for report in (REPORT, everything, Report((), {})):
        validator.validate(as_sarif(report))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**as_sarif(REPORT), "version": "9"})


def test_the_pre_commit_hook_is_one_that_pre_commit_accepts():
    """pre-commit's own validator takes the manifest, and its pattern finds `.env` files."""
    import re

    import yaml
    from pre_commit.clientlib import load_manifest

    (hook,) = load_manifest(str(HOOKS))
    assert (hook["entry"], hook["language"]) == ("envkit lint", "python")
    pattern = re.compile(yaml.safe_load(HOOKS.read_text())[0]["files"])
    assert all(pattern.search(name) for name in (".env", "a/.env", ".env.staging", "deploy/app.env"))
    assert not any(pattern.search(name) for name in ("env.py", "a.env.py/x", ".envrc", "a/.environment"))
