"""Arbitrary text in every string of the description reaches YAML's parser as that text, or is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from envkit.deployment.model import Container, Deployment, Http, Images, Process, Services, Updates
from envkit.rendering.quoting import CannotQuote
from envkit.targets.compose import COMPOSE, INERTIA, render
from envkit.targets.compose.findings import OWN_NAMES
from envkit.targets.compose.yaml import block, key
from envkit.targets.settings import SettingName
from envkit.targets.updates import render as render_updates

TEXT = st.text(st.characters() | st.sampled_from("'\"\\\n\r\t#{}[]:,&*!|>%@`-?$\u2028\x85\ufeff\0 "), max_size=30)
PLAIN = Deployment(
    name="shop",
    app="shop:app",
    http=Http(domains=("a.example.org",), tls="letsencrypt", email="a@example.org"),
    container=Container(data=("/srv/data:/data",)),
    processes={"worker": Process(command=("work",), user="user")},
    services=Services(redis=True, postgres=True),
    updates=Updates(),
)


def parsed(rendering):
    """The Compose file as Compose sees it: `$$` is one dollar sign in values, and keys are as they are."""
    return plain_dollars(yaml.safe_load(rendering.artifacts[0].text))


def plain_dollars(value):
    """The document after interpolation of a file that refers to nothing."""
    if isinstance(value, str):
        assert "$" not in value.replace("$$", "")
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [plain_dollars(item) for item in value]
    return {name: plain_dollars(item) for name, item in value.items()} if isinstance(value, dict) else value


def shape(value):
    """The document with every text blanked, so that two differ only where their structure does."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value)


@settings(max_examples=60)
@given(
    image=TEXT.filter(bool),
    other=TEXT,
    target=TEXT,
    words=st.lists(TEXT, min_size=1, max_size=3),
    user=TEXT.filter(bool),
    name=TEXT.filter(bool),
    schedule=TEXT,
)
def test_values(image, other, target, words, user, name, schedule):
    """The parser sees exactly the texts given, in the structure that plain texts have."""
    images = Images(nginx=other, certbot=other, redis=other, postgres=other, watchtower=other)
    odd = replace(
        PLAIN,
        name=name,
        container=replace(PLAIN.container, image=image, data=(f"/{target.replace(':', '')}:{target}",), images=images),
        processes={"worker": Process(command=tuple(words), user=user)},
        updates=Updates(schedule=schedule),
    )
    odd = replace(odd, container=replace(odd.container, base="plain"))
    plain = parsed(render(replace(PLAIN, container=replace(PLAIN.container, base="plain")), ()))
    try:
        found = parsed(render(odd, ()))
    except CannotQuote:
        return  # nginx's part of the target takes fewer texts
    services = found["services"]
    assert services["web"]["image"] == services["worker"]["image"] == image
    assert {services[service]["image"] for service in ("nginx", "certbot", "redis", "postgres")} == {other}
    assert services["worker"]["volumes"][0]["target"] == target
    assert services["worker"]["command"] == words
    assert services["worker"]["user"] == user
    services["worker"]["command"] = plain["services"]["worker"]["command"]
    assert shape(found) == shape(plain)
    updates = parsed(render_updates(odd))["services"]["watchtower"]
    assert updates["environment"]["WATCHTOWER_SCHEDULE"] == schedule
    assert updates["environment"]["WATCHTOWER_SCOPE"] == name


@settings(max_examples=60)
@given(st.lists(TEXT.filter(bool), unique=True, max_size=4))
def test_names_of_settings(names):
    """A bare item is exactly the setting's name; one that no environment can hold is refused."""
    declared = tuple(SettingName(name) for name in names)
    try:
        services = parsed(render(PLAIN, declared))["services"]
    except CannotQuote:
        return
    assert services["web"].get("environment", []) == names


@settings(max_examples=60)
@given(TEXT.filter(lambda text: text and text not in OWN_NAMES))
def test_names_of_processes(name):
    """A process's name is a key as it stands."""
    deployment = replace(PLAIN, processes={name: Process(command=("x",))})
    try:
        services = yaml.safe_load(render(deployment, ()).artifacts[0].text)["services"]
    except CannotQuote:
        return
    assert name in services


@given(TEXT.filter(lambda text: not re.search("[\ud800-\udfff]", text)))
def test_block(text):
    """A script of several lines, as a block or quoted, is read back as it was; so is a key."""
    document = f"a:\n  - {block(text, 4)}\nb: 1\n"
    assert plain_dollars(yaml.safe_load(document)) == {"a": [text], "b": 1}
    assert yaml.safe_load(f"{{{key(text)}: 1}}") == {text: 1}


@pytest.mark.parametrize(
    "text", ["a\nb\n", "a\n\n  b $x\n", "a", " a\n", "\na\n", "a\n\n", "a\x01\n", "a\u2028b\n", ""]
)
def test_block_examples(text):
    """Only what a block can hold is one."""
    written = block(text, 4)
    assert plain_dollars(yaml.safe_load(f"a:\n  - {written}\n")) == {"a": [text]}
    assert written.startswith("|") == (text in {"a\nb\n", "a\n\n  b $x\n"})


def test_inertia_refers_only_to_names():
    """A name that no reference can have is refused, and the other forms give it as it is."""
    assert render(PLAIN, (SettingName("a.b"),), COMPOSE)
    with pytest.raises(CannotQuote):
        render(PLAIN, (SettingName("a.b"),), INERTIA)


@pytest.mark.parametrize(("name", "secrets"), [("größe", "files"), ("A B", "files"), ("A B", "environment")])
def test_names_that_compose_refuses(name, secrets):
    """Compose takes ASCII alone in the name of a secret, and docker-compose 1.29 no blank in one of a variable."""
    described = replace(PLAIN, container=Container(secrets=secrets))
    with pytest.raises(CannotQuote, match=name):
        render(described, (SettingName(name, secret=True),))
