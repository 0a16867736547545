"""Channels are found by name, built-in ones and those of plug-ins."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from envkit.channels import registry
from envkit.channels.docker import DOCKER
from envkit.cli import main


@pytest.fixture
def plug_in(monkeypatch, request):
    """Installs an entry point that names `request.param` as the channel `vault`."""
    entry = EntryPoint("vault", request.param, registry.GROUP)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [entry] if group == registry.GROUP else [])
    registry._plug_ins.cache_clear()
    registry._plugged_in.cache_clear()
    yield
    registry._plug_ins.cache_clear()
    registry._plugged_in.cache_clear()


@pytest.mark.parametrize("name", registry.names())
def test_every_name_leads_to_a_channel_that_says_what_it_is(name):
    """Each channel is called as it is registered and states a summary, its readers and its rules."""
    found = registry.channel(name)
    assert found.name == name
    assert found.summary
    assert found.reader
    assert found.rules
    assert not [rule for rule in found.rules if "\n" in rule]


@pytest.mark.parametrize("name", registry.names())
def test_every_channel_delivers_a_plain_value(name):
    """What a channel writes for a plain value, it reads back."""
    found = registry.channel(name)
    settings = {"DEBUG": "0", "HOST": "example.org"}
    assert [found.refuse(*item) for item in settings.items()] == [None, None]
    assert found.read(found.write(settings)).values() == settings


def test_an_unknown_name_is_answered_with_the_likely_one():
    """The error says which channel was likely meant."""
    with pytest.raises(registry.UnknownChannelError, match=r"^dcoker: no such channel\. did you mean docker\?$"):
        registry.channel("dcoker")


def test_an_unlikely_name_is_answered_with_all_names():
    """The error lists the channels when none is close."""
    with pytest.raises(registry.UnknownChannelError, match=r"^zzz: no such channel\. known: dotenv, docker, "):
        registry.channel("zzz")


@pytest.mark.parametrize("plug_in", ["envkit.channels.docker:DOCKER"], indirect=True)
@pytest.mark.usefixtures("plug_in")
def test_a_channel_comes_from_another_package():
    """An entry point's object is the channel of that name, listed after the built-in ones."""
    assert registry.names()[-1] == "vault"
    assert registry.channel("vault") is DOCKER


@pytest.mark.parametrize("plug_in", ["envkit.channels.docker:RULES"], indirect=True)
@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_is_no_channel_is_an_error():
    """The error names the entry point and what it lacks."""
    with pytest.raises(
        registry.BrokenChannelError,
        match=r"^the entry point envkit.channels.docker:RULES: vault: is no channel: it lacks ",
    ):
        registry.channel("vault")


@pytest.mark.parametrize("plug_in", ["no_such_module:CHANNEL"], indirect=True)
@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_cannot_be_imported_hides_no_other_channel(capsys):
    """`envkit channels` shows the rest of the table, names the entry point, and exits 1."""
    assert main(["channels"]) == 1
    out, err = capsys.readouterr()
    assert "\ndocker " in out
    assert err == (
        "the entry point no_such_module:CHANNEL: vault: cannot be imported (ModuleNotFoundError). "
        "mend or uninstall the package that it comes from\n"
    )


def test_listing_names_imports_no_channel():
    """The table of names costs no import of any channel's module."""
    import subprocess

    code = "import sys; from envkit.channels import registry; registry.names(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "envkit.channels.registry" in done.stdout
    assert "envkit.channels.docker" not in done.stdout
