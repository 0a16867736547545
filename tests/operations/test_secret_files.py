"""Settings as files of their own: which ones, what is in them, and what a comparison with them tells."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field

from envkit import PrivateKey, Secret, Settings, load_settings
from envkit.deployment.reading import read_description
from envkit.operations.exporting import ExportError, outgoing
from envkit.operations.secret_files import left_files, secret_file_differences, secret_files, without_credentials
from envkit.operations.writing import write_artifacts
from tests.settings.made_keys import made_key

HEAD = 'name = "shop"\napp = "shop:app"\n'
CREDENTIALS = read_description(HEAD + '[server]\ncredentials = ["Region", "token"]\n', {})
IN_CONTAINERS = read_description(HEAD + '[container]\nsecrets = "files"\n', {})


class App(Settings):
    token: Secret
    key: PrivateKey | None = None
    spare: Secret = Secret("spare")
    region: str = "us-west-2"


def _files(environ, deployment=None):
    settings = load_settings(App, env_files=(), environ=environ)
    files = secret_files(settings, outgoing(settings), deployment)
    return {file.artifact.path: file.artifact.text for file in files}


def test_every_secret_that_is_set():
    """Where the description says nothing; other settings and defaults are no files."""
    assert _files({"TOKEN": "t", "REGION": "eu"}) == {"TOKEN": "t"}


def test_what_systemd_hands_over():
    """What `server.credentials` names, secret or not, under the name that stands there; and that leaves the rest."""
    environ = {"TOKEN": "t", "SPARE": "s", "REGION": "eu"}
    assert _files(environ, CREDENTIALS) == {"Region": "eu", "token": "t"}
    settings = load_settings(App, env_files=(), environ=environ)
    others = without_credentials(settings, outgoing(settings), CREDENTIALS)
    assert others.values == {"SPARE": "s"}
    assert others.unset == {"KEY", "TOKEN", "REGION"}  # a variable that is there still would be read first


def test_a_credential_that_is_not_set():
    """Systemd would not start the app without its file."""
    with pytest.raises(ExportError) as caught:
        _files({"TOKEN": "t"}, CREDENTIALS)
    assert [str(finding) for finding in caught.value.findings] == [
        "files: Region: server.credentials names it, and no source has it. set it, or take it out of server.credentials"
    ]


def test_what_compose_hands_over():
    """Compose wants a file for each secret that the class declares: an empty one for what is not set."""
    assert _files({"TOKEN": "t"}, IN_CONTAINERS) == {"TOKEN": "t", "KEY": "", "SPARE": ""}


def test_another_name(tmp_path):
    """A credential under the setting's other name has its value, where containers get files as well."""

    class Renamed(Settings):
        token: Secret = Field(validation_alias=AliasChoices("TOKEN", "OLD_TOKEN"))

    both = read_description(HEAD + '[server]\ncredentials = ["OLD_TOKEN"]\n[container]\nsecrets = "files"\n', {})
    settings = load_settings(Renamed, env_files=(), environ={"TOKEN": "t"})
    files = secret_files(settings, outgoing(settings), both)
    write_artifacts([file.artifact for file in files], tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"TOKEN": "t", "OLD_TOKEN": "t"}


def test_names_that_differ_in_case_alone():
    """A credential is the setting's whose name it is to the letter, as the loader has it."""

    class Twins(Settings):
        first: Secret = Field(alias="Token")
        second: Secret = Field(alias="TOKEN")

    described = read_description(HEAD + '[server]\ncredentials = ["Token", "TOKEN"]\n', {})
    settings = load_settings(Twins, env_files=(), environ={"Token": "first", "TOKEN": "second"})
    files = secret_files(settings, outgoing(settings), described)
    assert {file.artifact.path: file.artifact.text for file in files} == {"Token": "first", "TOKEN": "second"}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_values_arrive(value):
    """Whatever the value, the app that reads the files has it, character by character, and a comparison says so."""
    settings = load_settings(App, env_files=(), environ={"TOKEN": value})
    files = secret_files(settings, outgoing(settings), IN_CONTAINERS)
    with tempfile.TemporaryDirectory() as folder:
        write_artifacts([file.artifact for file in files], Path(folder))
        assert secret_file_differences(files, Path(folder)) == []
        read = load_settings(App, env_files=(), environ={}, secrets_dir=folder)
    assert read.token.get_secret_value() == value
    assert read == settings


def test_keys_arrive(tmp_path):
    """A private key is in its file as OpenSSL writes it, and is read as the same key."""
    key = made_key("rsa-pkcs8").text
    settings = load_settings(App, env_files=(), environ={"TOKEN": "t", "KEY": key.replace("\n", "\\n")})
    files = secret_files(settings, outgoing(settings), None)
    write_artifacts([file.artifact for file in files], tmp_path)
    assert (tmp_path / "KEY").read_text() == key
    assert secret_file_differences(files, tmp_path) == []
    assert load_settings(App, env_files=(), environ={}, secrets_dir=tmp_path) == settings


def test_what_no_file_carries():
    """A value longer than the loader reads of a file, told without it."""
    assert _files({"TOKEN": "x" * (1 << 20)}) == {"TOKEN": "x" * (1 << 20)}
    with pytest.raises(ExportError) as caught:
        _files({"TOKEN": "x" * (1 << 20) + "x"})
    assert "longer than the 1,048,576 bytes" in str(caught.value.findings[0])
    assert "xx" not in str(caught.value.findings[0])


def test_differences(tmp_path):
    """A file that is missing or has another value is told, without the value; a newline that an editor left is none."""
    settings = load_settings(App, env_files=(), environ={"TOKEN": "canary", "SPARE": "s"})
    files = secret_files(settings, outgoing(settings), IN_CONTAINERS)
    (tmp_path / "TOKEN").write_text("another canary\n")
    (tmp_path / "SPARE").write_text("s\n")
    assert [str(finding) for finding in secret_file_differences(files, tmp_path)] == [
        f"{tmp_path}/TOKEN: TOKEN: differs from the setting. export it again",
        f"{tmp_path}/KEY: KEY: no such file. export it again",
    ]
    assert "canary" not in repr(files)


def test_files_that_are_left(tmp_path):
    """The file of a setting that is no longer set is told: the app would read it. Others' files are theirs."""
    for name in ("TOKEN", "region", "SPARE", "README"):
        (tmp_path / name).write_text("canary")
    (tmp_path / "key").mkdir()  # the app's own, where the folder is its project's
    settings = load_settings(App, env_files=(), environ={"TOKEN": "t"})
    wanted = outgoing(settings)
    assert [str(finding) for finding in left_files(wanted, secret_files(settings, wanted, None), tmp_path)] == [
        f"{tmp_path}/SPARE: SPARE: is there, but no longer among the settings. delete it",
        f"{tmp_path}/region: region: is there, but no longer among the settings. delete it",
    ]
    assert [path.artifact.path for path in secret_files(settings, wanted, IN_CONTAINERS)] == ["TOKEN", "KEY", "SPARE"]
    assert left_files(wanted, secret_files(settings, wanted, None), tmp_path / "missing") == []
