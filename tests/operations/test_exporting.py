"""What is exported, in which form, and what a file's comparison with the settings tells."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from envkit import AllowEmpty, PrivateKey, Secret, Settings, development_only, load_settings
from envkit.channels.registry import channel, names
from envkit.operations.exporting import (
    ExportError,
    append,
    differences,
    export,
    key_forms,
    masks_for,
    outgoing,
    warnings_for,
)
from envkit.settings.private_key import read_private_key
from tests.settings.made_keys import KEY_NAMES, made_key

CANARY = "hUnter2 'Canary'\n"


class App(Settings):
    token: Secret
    key: PrivateKey | None = None
    greeting: str = "hello"
    banner: str = "none"
    pool: int = development_only(1)


def _outgoing(env, *, everything=False, model=App, environ=None, tmp_path=None):
    files = ()
    if tmp_path is not None:
        (tmp_path / ".env").write_text(env)
        files, env = (tmp_path / ".env",), {}
    settings = load_settings(model, env_files=files, environ={**env, **(environ or {})})
    return outgoing(settings, everything=everything)


def test_only_what_a_source_has_is_exported():
    """Defaults are left out, in development too: the app has them itself."""
    wanted = _outgoing({"TOKEN": "t", "ENVKIT_ENV": "development", "OTHER": "x"})
    assert wanted.values == {"TOKEN": "t"}


def test_the_order_is_the_classs():
    """The same settings give the same text, whatever order their sources have."""
    wanted = _outgoing({"POOL": "2", "GREETING": "g", "TOKEN": "t"})
    assert export(channel("docker"), wanted) == "TOKEN=t\nGREETING=g\nPOOL=2\n"


def test_all_adds_the_names_of_env_files_but_not_of_the_environment(tmp_path):
    """Names that the class does not declare come from `.env` files alone, in alphabetical order."""
    wanted = _outgoing(
        "ZED=1\nPOOL=1\nTOKEN=t\nBARE\nALPHA=${TOKEN}x\nKEY_FILE=\n",
        everything=True,
        environ={"PATH": "/bin"},
        tmp_path=tmp_path,
    )
    assert list(wanted.values.items()) == [("TOKEN", "t"), ("POOL", "1"), ("ALPHA", "tx"), ("ZED", "1")]


def test_what_nobody_declared_counts_as_secret_unless_it_is_a_short_word(tmp_path):
    """A mask for `1` would make a log unreadable; a name that speaks of a secret has one all the same."""
    env = "TOKEN=t\nPOOL=1\nDEBUG=false\nDB_PASSWORD=1\nSOME=longer-than-a-word\n"
    wanted = _outgoing(env, everything=True, tmp_path=tmp_path)
    assert wanted.secrets == {"TOKEN", "DB_PASSWORD", "SOME"}


def test_a_value_from_a_file_goes_under_the_settings_own_name(tmp_path):
    """NAME_FILE names a file of this machine, so that the value itself is exported."""
    (tmp_path / "token").write_text("t\n")
    assert _outgoing({"TOKEN_FILE": str(tmp_path / "token"), "POOL": "1"}).values == {"TOKEN": "t", "POOL": "1"}


def test_an_empty_value_that_counts_is_exported():
    """Where an empty value is a value, it is one that a source has."""
    from typing import Annotated

    class Bannered(Settings):
        banner: Annotated[str, AllowEmpty()] = "x"

    assert _outgoing({"BANNER": ""}, model=Bannered).values == {"BANNER": ""}


def test_a_copy_has_no_history():
    """Only what load_settings made can be exported."""
    with pytest.raises(ValueError, match="was not made by load_settings"):
        outgoing(App(token="t", pool=1))


def test_the_representation_holds_no_value():
    """What is to be exported shows names only."""
    assert repr(_outgoing({"TOKEN": CANARY, "POOL": "1"})) == "Outgoing(names=['TOKEN', 'POOL'])"


@pytest.mark.needs("openssl", "ssh-keygen", "gpg")
@pytest.mark.parametrize("key_name", KEY_NAMES)
def test_a_key_goes_by_every_channel_and_comes_back(key_name):
    """Each channel's own reader gives a text that the loader reads as the very same key."""
    key = made_key(key_name).text
    wanted = _outgoing({"TOKEN": "t", "POOL": "1", "KEY": key})
    for name in names():
        carrier = channel(name)
        arrived = carrier.read(export(carrier, wanted), {}).values()
        assert arrived["TOKEN"] == "t"
        assert load_settings(App, environ=arrived, env_files=()).key.get_secret_value() == wanted.values["KEY"]


@pytest.mark.needs("openssl", "gpg")
@pytest.mark.parametrize("key_name", ["rsa-pkcs8", "pgp-with-headers"])
def test_key_forms_stand_on_one_line_and_are_the_same_key(key_name):
    """Every form is decoded by the loader to the key in its normal form; the readable one comes first."""
    key = read_private_key(made_key(key_name).text).text
    forms = list(key_forms(key))
    assert forms[0] == key.replace("\n", "\\n")
    assert all("\n" not in form and read_private_key(form).text == key for form in forms)


def test_every_refusal_at_once_and_without_a_value():
    """A value that the channel cannot carry is refused with a way out, never changed."""
    wanted = _outgoing({"TOKEN": CANARY, "GREETING": CANARY, "POOL": "1"})
    with pytest.raises(ExportError) as caught:
        export(channel("docker"), wanted)
    assert str(caught.value) == (
        "docker: TOKEN: the value has a line break, and this format ends a value at the end of the line. "
        "put the value into a file and set TOKEN_FILE to its path, or take another channel\n"
        "docker: GREETING: the value has a line break, and this format ends a value at the end of the line. "
        "put the value into a file and set GREETING_FILE to its path, or take another channel"
    )
    assert caught.value.__context__ is None


def test_what_is_too_much_together_is_a_finding():
    """A limit that only all settings together pass is told like any other."""
    wanted = _outgoing({"TOKEN": "t" * 20_000, "GREETING": "g" * 20_000, "POOL": "1"})
    with pytest.raises(ExportError, match="heroku: all settings together have 40,0"):
        export(channel("heroku"), wanted)


# --- comparing ------------------------------------------------------------------------------------------------------


def _differences(name, text, **env):
    wanted = _outgoing({"POOL": "1", **env})
    return [str(finding) for finding in differences(channel(name), wanted, Path("x.env"), text)]


def test_the_same_settings_have_no_difference():
    """What is exported is what a comparison finds."""
    assert _differences("docker", "TOKEN=t\nPOOL=1\nSOMETHING=else\n", TOKEN="t") == []


def test_differences_name_settings_and_no_values():
    """What is missing, other than it is, or no longer there is told by name and line."""
    assert _differences("docker", f"TOKEN={CANARY}BANNER=1\n", TOKEN="t") == [
        "x.env:1: TOKEN: differs from the setting. export it again",
        "x.env: POOL: is missing. export it again",
        "x.env:2: BANNER: is set there, but no longer among the settings. export it again",
    ]


def test_the_program_reads_the_file_not_envkit():
    """Quotes that docker keeps are a difference, and so is a file that it refuses."""
    assert _differences("docker", "TOKEN='t'\nPOOL=1\n", TOKEN="t") == [
        "x.env:1: TOKEN: differs from the setting. export it again"
    ]
    assert _differences("docker", "export TOKEN=t\n", TOKEN="t") == [
        "x.env: docker refuses the file: a blank in the name"
    ]


@pytest.mark.needs("openssl")
def test_any_form_of_the_same_key_is_no_difference():
    """A key that was escaped by hand is still the key."""
    key = made_key("rsa-pkcs8").text
    other = made_key("ed25519-pkcs8").text
    escaped = key.replace("\n", "\\n")
    assert _differences("docker", f"TOKEN=t\nPOOL=1\nKEY={escaped}\n", TOKEN="t", KEY=key) == []
    assert _differences("docker", f"TOKEN=t\nPOOL=1\nKEY={escaped}\n", TOKEN="t", KEY=other) == [
        "x.env:3: KEY: differs from the setting. export it again"
    ]


# --- GitHub, ConfigMap and files ------------------------------------------------------------------------------------


@pytest.mark.needs("openssl")
def test_masks_hide_secrets_inside_the_runner_only():
    """Each secret, each of its lines and each form of a key has a mask; outside of Actions there is none."""
    wanted = _outgoing({"TOKEN": "a\nb", "GREETING": "shown", "POOL": "1", "KEY": made_key("ed25519-pkcs8").text})
    inside = masks_for(channel("github"), wanted, {"GITHUB_ACTIONS": "true"}).splitlines()
    assert {"::add-mask::a%0Ab", "::add-mask::a", "::add-mask::b"} <= set(inside)
    for form in key_forms(wanted.values["KEY"]):
        assert f"::add-mask::{form}" in inside
    assert "::add-mask::shown" not in inside
    assert masks_for(channel("github"), wanted, {}) == ""
    assert masks_for(channel("docker"), wanted, {"GITHUB_ACTIONS": "true"}) == ""


def test_a_configmap_is_no_place_for_a_secret():
    """Secrets in a ConfigMap are a warning each."""
    wanted = _outgoing({"TOKEN": "t", "POOL": "1"})
    assert [str(finding) for finding in warnings_for(channel("configmap"), wanted)] == [
        (
            "configmap: TOKEN: whoever may read the namespace may read a ConfigMap. "
            "take the channel kubernetes, which writes a Secret"
        )
    ]
    assert warnings_for(channel("kubernetes"), wanted) == []


def test_append_adds_to_a_file_and_makes_it_private(tmp_path):
    """What other steps wrote stays; a new file is its owner's alone whatever the umask is."""
    before = os.umask(0)
    try:
        append(tmp_path / "env", "A=1\n")
        append(tmp_path / "env", "B=é\n")
    finally:
        os.umask(before)
    assert (tmp_path / "env").read_text() == "A=1\nB=é\n"
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600


def test_append_says_why_it_cannot(tmp_path):
    """A folder in the file's place is a finding."""
    with pytest.raises(ExportError, match="cannot be written: is a directory"):
        append(tmp_path, "A=1\n")


def test_append_writes_to_no_terminal():
    """A terminal can be named as a file, too."""
    ours, theirs = os.openpty()
    try:
        with pytest.raises(ExportError, match="is a terminal, and everybody who sees it would see the values"):
            append(Path(os.ttyname(theirs)), "NAME=canary\n")
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)
    finally:
        os.close(ours)
        os.close(theirs)
