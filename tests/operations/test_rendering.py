"""Which targets are rendered, and the names of settings that they are given."""

from __future__ import annotations

import sys
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from envkit import PrivateKey, Secret, Settings
from envkit.deployment.errors import DescriptionError
from envkit.deployment.reading import read_description
from envkit.operations.compose_judge import main as judge
from envkit.operations.importing import CannotImportError
from envkit.operations.rendering import render_targets
from envkit.operations.setting_names import names_of
from envkit.settings.model import AllowEmpty
from envkit.targets.settings import SettingName

HEAD = 'name = "shop"\napp = "shop:app"\n'


def described(text=""):
    """A description of a shop."""
    return read_description(HEAD + text, {})


def test_targets_asked_for_go_before_those_described():
    """Without either, gunicorn and nginx are rendered."""
    assert list(render_targets([], described())) == ["gunicorn", "nginx"]
    text = 'targets = ["compose", "updates", "compose"]\n[container]\n'
    assert list(render_targets([], described(text))) == ["compose", "updates"]
    assert list(render_targets(["docker"], described(text))) == ["docker"]


def test_an_unknown_target_in_the_description():
    """It is told with the likeliest one meant, and all at once."""
    with pytest.raises(DescriptionError) as caught:
        render_targets([], described('targets = ["compsoe", "nginx", "apache"]\n'))
    first, second = map(str, caught.value.findings)
    assert first == "envkit.toml: targets[0]: there is no target compsoe. did you mean compose?"
    assert second.startswith("envkit.toml: targets[2]: there is no target apache. known: compose, docker,")


def test_settings_are_passed_on(tmp_path, monkeypatch):
    """The class that the description names is imported, and every name it declares is in the file."""
    (tmp_path / "rendered_settings.py").write_text(
        "from envkit import Secret, Settings\nclass S(Settings):\n    api_token: Secret\n    debug: bool = False\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    text = 'settings = "rendered_settings:S"\n[container]\n'
    file = render_targets(["compose"], described(text))["compose"].artifacts[0].text
    assert "      - API_TOKEN\n      - DEBUG\n" in file
    sys.modules.pop("rendered_settings")


def test_a_class_that_cannot_be_had():
    """A file that forgot every setting would be worse than none; targets that name no setting need no class."""
    deployment = described('settings = "no_such_module_here:S"\n[container]\n')
    with pytest.raises(CannotImportError):
        render_targets(["compose"], deployment)
    assert list(render_targets(["gunicorn", "docker"], deployment)) == ["gunicorn", "docker"]


class Database(BaseModel):
    host: str
    password: Secret


class Everything(Settings, prefix="SHOP_"):
    key: PrivateKey
    region: str = "here"
    banner: Annotated[str, AllowEmpty()] = "hello"
    token: Secret = Field(validation_alias="OLD_TOKEN")
    database: Database


def test_names():
    """Every name under which a setting is looked for, in the class's order: aliases and nested models too.

    A field of a nested model is not required by itself, as the whole may come as one JSON document.
    """
    assert names_of(Everything) == (
        SettingName("SHOP_KEY", secret=True, required=True),
        SettingName("SHOP_REGION"),
        SettingName("SHOP_BANNER", keeps_empty=True),
        SettingName("OLD_TOKEN", secret=True, required=True),
        SettingName("SHOP_DATABASE", secret=True),
        SettingName("SHOP_DATABASE__HOST"),
        SettingName("SHOP_DATABASE__PASSWORD", secret=True),
    )


def test_a_name_that_two_fields_share():
    """It is secret when one of them is."""

    class Shared(Settings):
        first: str = Field(validation_alias="TOKEN")
        second: Secret = Field(validation_alias="TOKEN")

    assert names_of(Shared) == (SettingName("TOKEN", secret=True, required=True),)


def test_judge_without_a_program(tmp_path, monkeypatch, capsys):
    """It says that there is none, and does not accept."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert judge([str(tmp_path / "compose.yaml")]) == 2
    assert capsys.readouterr().err == "neither docker compose nor docker-compose is installed\n"
