"""`envkit check` and `envkit explain`: every problem at once, where each setting comes from, and never a value."""

from __future__ import annotations

import json
import os

import pytest

CANARY = "canary-9f3b"
HOW_TO_SET = "set API_TOKEN in the environment or a .env file, or name its file in API_TOKEN_FILE"


def test_all_is_well(project, envkit):
    """A right description with right settings exits 0."""
    (project / ".env").write_text("API_TOKEN=a\n")
    assert envkit("check") == (0, "envkit.toml and shop_settings:ShopSettings: no problem found\n", "")


def test_problems_of_description_and_settings_come_together(project, envkit):
    """A wrong key of the description does not hide a missing setting."""
    text = (project / "envkit.toml").read_text().replace("[http]", '[http]\nport = "x"')
    (project / "envkit.toml").write_text(text)
    (project / ".env").write_text(f"POOL_SIZE={CANARY}\n")
    result = envkit("check")
    assert result.code == 1
    assert result.out == "envkit.toml and shop_settings:ShopSettings: 3 problems found\n"
    assert result.err.splitlines() == [
        "envkit.toml:6: http.port: must be a whole number, not text. write the number without quotes",
        f"ShopSettings: API_TOKEN: is not set. {HOW_TO_SET}",
        ".env:1: POOL_SIZE: is not a whole number",
    ]


@pytest.mark.parametrize(
    ("app", "missing"),
    [("shopp:app", "shopp"), ("web.shopp:app", "web.shopp"), ("shop.web:app", "shop.web"), ("nope.web:app", "nope")],
)
def test_an_app_whose_module_is_not_there(project, envkit, monkeypatch, app, missing):
    """The module, or the package around it, is named; nothing of the app is run to find it."""
    monkeypatch.setenv("API_TOKEN", "a")
    (project / "web").mkdir()
    (project / "web/__init__.py").write_text("raise RuntimeError\n")
    description = (project / "envkit.toml").read_text()
    (project / "envkit.toml").write_text(description.replace("shop:create_app()", app))
    monkeypatch.setenv("ENVKIT_APP", "")  # counts as not set
    hint = "run envkit in the app's folder, with the app's packages installed"
    result = envkit("check")
    assert (result.code, result.err) == (1, f"envkit.toml: app: there is no module {missing}. {hint}\n")
    monkeypatch.setenv("ENVKIT_APP", app)
    assert envkit("check").err == f"environment: ENVKIT_APP: there is no module {missing}. {hint}\n"


@pytest.mark.usefixtures("project")
def test_a_target_that_is_none(envkit, monkeypatch):
    """It is found by check as it is by render, and hides nothing else."""
    monkeypatch.setenv("ENVKIT_TARGETS", "nginx, compsoe")
    first, *others = envkit("check").err.splitlines()
    assert first == "environment: ENVKIT_TARGETS[1]: there is no target compsoe. did you mean compose?"
    monkeypatch.setenv("ENVKIT_TARGETS", "nginx, compose")
    assert envkit("check").err.splitlines() == others != []


def test_a_folder_that_is_called_as_a_module_of_python(project, envkit):
    """Python has imported its own when it starts, so that the app's is never looked for; both findings say so."""
    (project / "site").mkdir()
    for name in ("wsgi", "settings"):
        (project / f"site/{name}.py").touch()
    description = (project / "envkit.toml").read_text()
    (project / "envkit.toml").write_text(description.replace("shop:create_app()", "site.wsgi:app"))
    hint = "Python has taken a module site of its own for it: give the folder site another name"
    assert envkit("check", "--settings", "site.settings:X").err.splitlines() == [
        f"envkit.toml: app: there is no module site.wsgi. {hint}",
        f"site.settings:X: there is no module site.settings. {hint}",
    ]


@pytest.mark.parametrize("app", ["web.site:app", "spaces.web:app", "spaces.inner.web:app", "flask.app:app"])
def test_an_app_whose_module_is_there(project, envkit, monkeypatch, app):
    """In a package, in folders without __init__.py, or installed; it is not run."""
    monkeypatch.setenv("API_TOKEN", "a")
    for name in ("web/__init__.py", "web/site.py", "spaces/web.py", "spaces/inner/web.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("raise RuntimeError\n")
    description = (project / "envkit.toml").read_text()
    (project / "envkit.toml").write_text(description.replace("shop:create_app()", app))
    assert envkit("check").code == 0


def test_an_app_that_gunicorn_does_not_import_is_not_looked_for(project, envkit, monkeypatch):
    """A web process with a command of its own imports what it likes."""
    monkeypatch.setenv("API_TOKEN", "a")
    description = (project / "envkit.toml").read_text().replace("shop:create_app()", "nope:app")
    (project / "envkit.toml").write_text(f'{description}\n[processes.web]\ncommand = "python serve.py"\n')
    assert envkit("check").code == 0


def test_json_has_the_same_findings(envkit):
    """--json gives the findings as objects and the same exit code."""
    result = envkit("check", "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert report["ok"] is False
    assert [finding["name"] for finding in report["findings"]] == ["API_TOKEN"]
    assert result.err == ""


def test_a_misspelt_optional_setting_is_a_warning(project, envkit):
    """A name in .env that is close to an unset setting is warned of, and the exit code stays 0."""
    (project / ".env").write_text("API_TOKEN=a\nGREETNG=hi\nUNRELATED=x\n")
    result = envkit("check")
    assert result.code == 0
    assert result.err == "warning: .env:2: GREETNG: ShopSettings has no such setting. did you mean GREETING?\n"


def test_a_misspelt_optional_setting_on_a_broken_line_is_a_warning(project, envkit):
    """The line is an error, and its name is compared with the settings all the same."""
    (project / ".env").write_text("API_TOKEN=a\nGREETNG='hi\n")
    broken, misspelt = envkit("check").err.splitlines()
    assert broken.startswith(".env:2: the single quote before the value never closes.")
    assert misspelt == "warning: .env:2: GREETNG: ShopSettings has no such setting. did you mean GREETING?"


def test_a_name_close_to_a_setting_that_is_set_is_no_warning(project, envkit):
    """Where the setting itself is there, a similar name is somebody else's."""
    (project / ".env").write_text("API_TOKEN=a\nAPI_TOKENS=b\n")
    assert envkit("check").err == ""


def test_env_files_are_read_instead_of_dot_env(project, envkit):
    """--env-file names the files, the later wins, and .env is not read."""
    (project / ".env").write_text("API_TOKEN=a\n")
    (project / "one.env").write_text("API_TOKEN=b\nPOOL_SIZE=x\n")
    (project / "two.env").write_text("POOL_SIZE=7\n")
    assert envkit("check", "--env-file", "one.env").code == 1
    assert envkit("check", "--env-file", "one.env", "--env-file", "two.env").code == 0
    assert "no such file" in envkit("check", "--env-file", "three.env").err


def test_a_settings_class_needs_no_description(project, envkit):
    """With --settings and without envkit.toml the settings alone are checked."""
    (project / "envkit.toml").unlink()
    result = envkit("check", "--settings", "shop_settings:ShopSettings")
    assert (result.code, result.out) == (1, "shop_settings:ShopSettings: 1 problem found\n")
    assert envkit("check").err == "envkit.toml: no such file. run `envkit init` to write one\n"


def test_a_description_without_a_settings_class_is_said(project, envkit):
    """That no settings were checked is said, not passed over."""
    (project / "envkit.toml").write_text('name = "shop"\napp = "shop:create_app()"\n')
    result = envkit("check")
    assert result.code == 0
    assert "names no settings class, so no settings were checked" in result.err


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nowhere_at_all", "shop_settings.py:1: NAME: its module cannot be imported: ModuleNotFoundError: "),
        (
            "raise ValueError('canary-9f3b')",
            "shop_settings.py:1: NAME: its module cannot be imported: ValueError. its ",
        ),
        ("import os\nos.environ['SOME_VARIABLE']", "its module cannot be imported: KeyError: SOME_VARIABLE is not set"),
        ("{}['canary-9f3b']", "its module cannot be imported: KeyError. its message is withheld"),
        ("x = (", "shop_settings.py:1: NAME: is not Python: '(' was never closed"),
        ("import sys; sys.exit('canary-9f3b')", "its module ends the program while it is imported"),
        ("x = '\0'", "shop_settings:ShopSettings: is not Python: source code "),
        (
            "from envkit import Settings\nclass ShopSettings(Settings):\n    place: 'Path'",
            "NAME: the class names a type Path that is not there when it runs. import it outside of `if TYPE_CHECK",
        ),
        ("class Other: pass", "NAME: shop_settings has no ShopSettings"),
        ("ShopSettings = 3", "NAME: ShopSettings is no pydantic model"),
        ("from envkit import Settings\nclass ShopSetings(Settings): pass", "did you mean ShopSetings?"),
        (
            "from envkit import Settings\nclass ShopSettings(Settings): __module__ = 'pydantic_settings.main'",
            "NAME: ShopSettings is a class of pydantic-settings, which reads the environment by itself. derive it",
        ),
    ],
)
def test_a_module_that_fails_is_one_line(project, envkit, source, expected):
    """What the settings module raises becomes one line with its place, and its message only where it names code."""
    (project / "shop_settings.py").write_text(source)
    result = envkit("check")
    assert result.code == 1
    assert expected.replace("NAME", "shop_settings:ShopSettings") in result.err
    assert result.err.count("\n") == 1
    assert "canary" not in result.err + result.out


def test_a_key_error_with_a_value_in_it_is_withheld(project, envkit, monkeypatch):
    """A key in capitals that is the value of a variable is not taken for a variable's name."""
    monkeypatch.setenv("SHOP_ACCOUNT", "ACCOUNT_CANARY")
    (project / "shop_settings.py").write_text("import os\n{}[os.environ['SHOP_ACCOUNT']]")
    assert "CANARY" not in envkit("check").err


def test_traceback_shows_the_modules_own_error(project, envkit):
    """With --traceback the error of the settings module is raised as it is."""
    (project / "shop_settings.py").write_text("raise ValueError('mine')")
    with pytest.raises(ValueError, match="mine"):
        envkit("--traceback", "check")


def test_a_module_that_loads_its_settings_shows_their_problems(project, envkit):
    """Many apps load settings when they are imported; then the settings' own problems are printed."""
    with (project / "shop_settings.py").open("a") as file:
        file.write("\nfrom envkit import load_settings\nsettings = load_settings(ShopSettings)\n")
    result = envkit("check")
    assert result.code == 1
    assert result.err.startswith("ShopSettings: API_TOKEN: is not set. ")
    assert result.err.count("\n") == 1


def test_what_the_module_prints_does_not_spoil_the_output(project, envkit):
    """Standard output belongs to envkit: JSON stays JSON."""
    with (project / "shop_settings.py").open("a") as file:
        file.write("\nprint('hello from the module')\n")
    result = envkit("check", "--json")
    assert json.loads(result.out)["ok"] is False
    assert "hello from the module" in result.err


@pytest.mark.parametrize("name", ["shop_settings", "shop settings:X", ":X", "x:", "../x:Y"])
def test_a_wrong_name_of_a_class_is_said(envkit, name):
    """The form module:Class is named."""
    assert "is no settings class. write it as module:Class" in envkit("check", "--settings", name).err


def test_a_missing_module_is_said(envkit):
    """A module that is not there is named, with what to do."""
    assert envkit("explain", "--settings", "nope.here:X").err == (
        "nope.here:X: there is no module nope. run envkit in the app's folder, with the app's packages installed\n"
    )


def test_explain_shows_origins_and_masks_values(project, envkit, monkeypatch):
    """Each setting's origin and what it overrode; no value."""
    monkeypatch.setenv("API_TOKEN", CANARY)
    (project / ".env").write_text("API_TOKEN=weaker\nPOOL_SIZE=7\n")
    result = envkit("explain")
    assert result.code == 0
    assert CANARY not in result.out
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[1][:2] == ["API_TOKEN", "environment"]
    assert "overrode .env:1" in result.out
    assert lines[2][:2] == ["GREETING", "default"]
    assert lines[3][:2] == ["POOL_SIZE", ".env:2"]


def test_explain_as_json(project, envkit):
    """--json gives one object a setting."""
    (project / ".env").write_text(f"API_TOKEN={CANARY}\n")
    result = envkit("explain", "--json")
    report = json.loads(result.out)
    assert report["settings"][0]["name"] == "API_TOKEN"
    assert report["settings"][0]["origin"] == ".env:1"
    assert CANARY not in result.out


def test_explain_of_wrong_settings_prints_the_problems(envkit):
    """Wrong settings exit 1 with the problems, as text or JSON."""
    result = envkit("explain")
    assert (result.code, result.out) == (1, "")
    assert "API_TOKEN: is not set" in result.err
    assert json.loads(envkit("explain", "--json").out)["findings"][0]["name"] == "API_TOKEN"


def test_explain_without_a_settings_class(project, envkit):
    """A description that names no class leads to how to name one."""
    (project / "envkit.toml").write_text('name = "shop"\napp = "shop:create_app()"\n')
    result = envkit("explain")
    assert result.code == 1
    hint = 'add settings = "module:Class", or give --settings module:Class'
    assert result.err == f"envkit.toml: settings: names no settings class. {hint}\n"


def test_control_characters_do_not_reach_the_terminal(envkit):
    """The name of a file cannot drive the terminal that shows it."""
    result = envkit("check", "--env-file", "a\x1b[2Jb\nc.env")
    assert "\x1b" not in result.err
    assert "a\\x1b[2Jb\\nc.env" in result.err


def test_warnings_stand_beside_errors(envkit, project):
    """A name that was probably misspelt is said even where another line is wrong."""
    (project / ".env").write_text("API_TOKEN=x\nPOOL_SIZE=many\nGREETNG=hi\n")
    result = envkit("check")
    assert result.code == 1
    assert result.err == (
        ".env:2: POOL_SIZE: is not a whole number\n"
        "warning: .env:3: GREETNG: ShopSettings has no such setting. did you mean GREETING?\n"
    )


def test_a_pipe_is_read_once_for_everything(envkit):
    """A .env that can be read but once gives the settings, and the warning about a misspelt name too."""
    reading, writing = os.pipe()
    os.write(writing, b"API_TOKEN=x\nGREETNG=hello\n")
    os.close(writing)
    try:
        result = envkit("check", "--env-file", f"/dev/fd/{reading}")
    finally:
        os.close(reading)
    assert result.code == 0
    assert f"/dev/fd/{reading}:2: GREETNG: ShopSettings has no such setting. did you mean GREETING?" in result.err


def test_a_project_that_only_speaks_of_envkit(project, envkit, monkeypatch):
    """A pyproject.toml without the table is no description: the settings class alone is checked."""
    (project / "envkit.toml").unlink()
    (project / "pyproject.toml").write_text('[project]\nname = "shop" # its tool.envkit is to come\n')
    monkeypatch.setenv("API_TOKEN", "s3cret")
    result = envkit("check", "--settings", "shop_settings:ShopSettings")
    assert (result.code, result.out) == (0, "shop_settings:ShopSettings: no problem found\n")


@pytest.mark.parametrize("text", ["tool = 1\n", "[tool]\nenvkit = [1]\n", "[tool.envkit]\nsettings = 1\n"])
def test_a_project_file_of_another_shape_is_a_finding(envkit, project, text):
    """Whatever stands where the table should be, the problem is told."""
    (project / "envkit.toml").unlink()
    (project / "pyproject.toml").write_text(text)
    result = envkit("check", "-f", "pyproject.toml")
    assert result.code == 1
    assert result.err.startswith("pyproject.toml")


def test_a_file_that_never_ends_is_not_read_for_ever(envkit):
    """A description is read up to its limit, once, even where it cannot be right."""
    result = envkit("check", "-f", "/dev/full")
    assert (result.code, result.err.splitlines()[0]) == (
        1,
        "/dev/full: is larger than 1 MiB, too large for a description",
    )


def test_a_description_at_a_place_that_cannot_be_asked_for_is_told(envkit):
    """A name that the system refuses, as a folder closed to others would be, is one line and not a broken command."""
    place = "x" * 300
    result = envkit("check", "--file", place)
    assert (result.code, result.err.splitlines()[0]) == (1, f"{place}: cannot be read: file name too long")
