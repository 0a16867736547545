"""`envkit init`: the first files, from what the code shows, overwriting nothing and running nothing."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

APP = """\
import os
from flask import Flask

raise SystemExit("init must not run the app")

def create_app(config=None):
    app = Flask(__name__)
    token = os.environ["API_TOKEN"]
    password = os.environ.get("MAIL_PASSWORD", "canary-default")
    pool = int(os.getenv("POOL_SIZE", "007"))
    debug = os.getenv("SHOW_ERRORS", "false") == "true"
    rate = float(os.environ.get("RATE", 1.5))
    key = os.environ["GITHUB_PRIVATE_KEY"]
    database = os.environ["DATABASE_URL"]
    hosts = os.environ.get("ALLOWED_HOSTS", "a.example,b.example").split(",")
    kind = os.environ.get("CLASS")
    upload = os.environ.get("UPLOAD_DIR", "/srv/up")
    greeting = os.getenv("GREETING", 'say "hi"')
    os.environ["WRITTEN"] = "x"
    home, lower = os.environ["HOME"], os.environ.get("lower_case")

    @app.get("/healthz")
    def health():
        return "ok"

    return app
"""
SETTINGS = '''\
"""What the app needs to know before it starts."""

from pathlib import Path

from envkit import DatabaseUrl, PrivateKey, Secret, Settings
from pydantic import Field


class AppSettings(Settings):
    """Every setting of the app; a field `github_key` reads GITHUB_KEY."""

    api_token: Secret
    mail_password: Secret
    pool_size: int = 7
    show_errors: bool = False
    rate: float = 1.5
    github_private_key: PrivateKey
    database_url: DatabaseUrl
    allowed_hosts: list[str] = ["a.example", "b.example"]
    class_: str | None = Field(default=None, alias="CLASS")
    upload_dir: Path = Path("/srv/up")
    greeting: str = "say \\"hi\\""
    sentry_dsn: Secret | None = None
    site_name: str | None = None
'''


@pytest.fixture
def shop(project):
    """A folder with an app in a package and a `.env`, and nothing of envkit."""
    for path in project.iterdir():
        path.unlink()
    (project / "web_shop").mkdir()
    (project / "web_shop/__init__.py").write_text(APP)
    (project / ".env").write_text("SENTRY_DSN=canary-dsn\nSITE_NAME=canary-site\nAPI_TOKEN=canary-token\n")
    (project / "tests").mkdir()
    (project / "tests/test_app.py").write_text("import os\nos.environ['ONLY_IN_TESTS']\napp = Flask('x')\n")
    (project / "venv").mkdir()
    (project / "venv/app.py").write_text("app = Flask('y')\n")
    return project


def _texts(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_the_three_files(shop, envkit):
    """The description, a class with a field for every variable, and its example; nothing of the app is run."""
    result = envkit("init", "--name", "web-shop")
    assert result.code == 0
    assert result.out == "envkit.toml: written\nweb_shop/settings.py: written\n.env.example: written\n"
    assert (shop / "web_shop/settings.py").read_text() == SETTINGS
    text = (shop / "envkit.toml").read_text()
    assert 'app = "web_shop:create_app()"\nsettings = "web_shop.settings:AppSettings"\n' in text
    assert '\nhealth_path = "/healthz"\n' in text
    assert "note: lower_case is not in the settings class: its name is not in capital letters" in result.err
    assert "note: .env will hold secrets: add it to .gitignore and .dockerignore" in result.err
    assert (
        "note: the code reads os.environ, into which envkit puts no .env: let it take its settings from "
        "load_settings(AppSettings); until then run `envkit up --env-file .env`\n"
    ) in result.err


def test_no_value_is_taken_over(shop, envkit):
    """Neither a value of `.env` nor a default of what may be secret is in anything written or printed."""
    result = envkit("init")
    written = b"".join(text for name, text in _texts(shop).items() if name not in {".env", "web_shop/__init__.py"})
    assert b"canary" not in written
    assert "canary" not in result.out + result.err


@pytest.mark.parametrize("dash", ["-", r"\-"])
def test_a_private_key_in_the_env_file_makes_the_field_one(shop, envkit, dash):
    """A Secret would hand the app the escapes; a JSON document with a key inside is none."""
    line = "-----BEGIN RSA PRIVATE KEY-----".replace("-", dash) + r"\nMII"
    (shop / ".env").write_text(f'GITHUB_KEY={line}\nGOOGLE_CREDENTIALS=\'{{"private_key": "{line}"}}\'\n')
    envkit("init")
    text = (shop / "web_shop/settings.py").read_text()
    assert "    github_key: PrivateKey | None = None\n    google_credentials: Secret | None = None\n" in text


def test_what_is_split_at_blanks_is_no_list(shop, envkit):
    """A `list[str]` splits at commas, and would read two hosts as one."""
    code = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
    (shop / "web_shop/__init__.py").write_text(
        f"{code}os.environ['SPACED'].split()\nos.environ['COMMAS'].split(', ')\n"
    )
    envkit("init")
    text = (shop / "web_shop/settings.py").read_text()
    assert "    spaced: str\n    commas: list[str]\n" in text


def test_the_path_for_health(shop, envkit):
    """Django's is found as well; without any it is said what will be asked."""
    note = (
        "note: no path for health was found: a server takes the app for started once /health answers 200; add it, or "
        "name another in http.health_path\n"
    )
    (shop / "web_shop/__init__.py").write_text("application = get_wsgi_application()\n")
    (shop / ".env").unlink()
    said = envkit("init").err
    assert note in said
    assert (
        "note: neither os.environ in the code nor .env shows a setting: write the app's into web_shop/settings.py\n"
        in said
    )
    (shop / "envkit.toml").unlink()
    (shop / "web_shop/urls.py").write_text("urlpatterns = [path('', index), path('health/', health)]\n")
    assert note not in envkit("init").err
    assert '\nhealth_path = "/health/"\n' in (shop / "envkit.toml").read_text()


def test_what_it_writes_is_accepted(shop, envkit):
    """The description renders, and the example is up to date with the class."""
    envkit("init")
    (shop / "web_shop/__init__.py").write_text("")
    assert envkit("render").code == 0
    assert envkit("example", "--check", ".env.example").code == 0
    check = envkit("check")
    assert check.code == 1
    assert {line.split(": ")[1] for line in check.err.splitlines()} == {
        "MAIL_PASSWORD", "GITHUB_PRIVATE_KEY", "DATABASE_URL",
    }  # fmt: skip


def test_a_second_time_changes_nothing(shop, envkit):
    """Files that are there are named and left."""
    envkit("init")
    before = _texts(shop)
    result = envkit("init")
    assert result.code == 0
    assert result.out == "envkit.toml: is there already, left as it is\n"
    assert result.err.startswith(
        "note: web_shop.settings:AppSettings is there already; `envkit example --check .env.example` tells whether its "
        "example is right\n"
    )
    assert "\nnext: run `envkit check` and `envkit up` (" in result.err
    assert _texts(shop) == before


def test_a_second_time_goes_by_the_description(shop, envkit):
    """The app and the class that the description names are those that are told, whatever else looks like one."""
    envkit("init")
    text = (shop / "envkit.toml").read_text()
    (shop / "envkit.toml").write_text(re.sub('app = ".*"', 'app = "another:app"', text))
    (shop / ".env.example").unlink()
    result = envkit("init", "--app", "web_shop:create_app()")
    assert "note: the description names the app another:app, so web_shop:create_app() was not taken\n" in result.err
    assert "`envkit example --out .env.example` writes its example\n" in result.err
    assert result.err.endswith("next: run `envkit check` and `envkit up` (another:app)\n")
    (shop / "envkit.toml").write_text(re.sub('settings = ".*"', "", text))
    assert "`envkit example --settings web_shop.settings:AppSettings --out .env.example`" in envkit("init").err
    (shop / "envkit.toml").write_text("no TOML")
    assert envkit("init").code == 0


def test_nothing_is_overwritten(shop, envkit):
    """A settings.py, an example and a pyproject.toml of one's own stay byte for byte."""
    (shop / "web_shop/settings.py").write_text("MINE = 1\n")
    (shop / ".env.example").write_text("# Made by envkit, and then changed by hand\n")
    (shop / "pyproject.toml").write_text('[tool.envkit]\nname = "mine"\n')
    before = _texts(shop)
    result = envkit("init")
    assert result.code == 0
    after = _texts(shop)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"web_shop/app_settings.py"}
    assert ".env.example: is there already, left as it is" in result.out
    assert "pyproject.toml: is there already, left as it is" in result.out


def test_another_tools_table_is_no_description(shop, envkit):
    """Only [tool.envkit] of a pyproject.toml counts; a table whose name begins so is another tool's."""
    (shop / "pyproject.toml").write_text('# not tool.envkit\n[tool.envkit-extras]\nname = "mine"\n')
    assert "envkit.toml: written\n" in envkit("init").out


def test_without_an_app_it_is_a_wrong_call(project, envkit):
    """Nothing is written; --app names the app."""
    for path in project.iterdir():
        path.unlink()
    result = envkit("init")
    assert result.code == 2
    assert "no WSGI application was found. name it: envkit init --app module:callable" in result.err
    assert list(project.iterdir()) == []
    asked = envkit("init", "--json")
    (finding,) = json.loads(asked.out)["findings"]
    assert (asked.code, asked.err, finding["problem"]) == (2, "", "no WSGI application was found")
    assert envkit("init", "--app", "nonsense").code == 2
    assert envkit("init", "--name", "Not A Name").code == 2
    assert envkit("init", "--app", "shop:app").code == 0
    (project / "shop.py").write_text("app = 1\n")
    assert envkit("check").code == 0


@pytest.mark.parametrize(
    ("code", "app"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()\n", "main:app"),
        ("def create_app():\n    return fastapi.FastAPI()\napp = create_app()\n", "main:app"),
        ("def create_app():\n    return Quart(__name__)\n", "main:create_app()"),
    ],
)
def test_an_asgi_app_is_told_from_a_wsgi_one(project, envkit, code, app):
    """To it gunicorn's threads would answer 500, so it is named and not taken; --app takes it with a note."""
    for path in project.iterdir():
        path.unlink()
    (project / "main.py").write_text(code)
    refused = envkit("init")
    assert refused.code == 2
    assert f": no WSGI application was found, and {app} is an ASGI one, which envkit does not serve. " in refused.err
    taken = envkit("init", "--app", app)
    assert taken.code == 0
    assert f"note: {app} is an ASGI application, and gunicorn's threads serve WSGI: name one that wraps" in taken.err


def test_an_app_that_loads_its_env_file_is_not_told_that_it_does_not(shop, envkit):
    """`load_dotenv` puts .env into os.environ, where the app finds it with `envkit up`, too."""
    (shop / "web_shop/config.py").write_text("from dotenv import load_dotenv\n\nload_dotenv()\n")
    said = envkit("init").err
    assert "note: the code reads os.environ: let it take its settings from load_settings(AppSettings), which" in said
    assert "into which envkit puts no .env" not in said


DECOUPLE = """
from decouple import Csv, config as read
read("SECRET_KEY")
read("DEBUG", default=False, cast=bool)
read("POOL", 5, cast=int)
read("HOSTS", default="a,b", cast=Csv())
read("CODES", cast=lambda v: [s.strip() for s in v.split(",")])
"""
ENVIRONS = """
import environs
env: environs.Env = environs.Env()
env.read_env()
env.str("SECRET_KEY")
env.bool("DEBUG", False)
env.int("POOL", default=5)
env.list("HOSTS", ["a", "b"])
env.list("CODES")
with env.prefixed("OTHER_"):
    env("NAME")
"""
DJANGO_ENVIRON = """
from environ import Env
env = Env()
Env.read_env()
env("SECRET_KEY")
env("DEBUG", bool, False)
env.int("POOL", 5)
env("HOSTS", cast=list, default=["a", "b"])
env.list("CODES")
env.unknown("NO")
"""
BY_A_LIBRARY = """\
    secret_key: Secret
    debug: bool = False
    pool: int = 5
    hosts: list[str] = ["a", "b"]
    codes: list[str]
    name: str
"""


@pytest.mark.parametrize("code", [DECOUPLE, ENVIRONS, DJANGO_ENVIRON], ids=["decouple", "environs", "django-environ"])
def test_what_a_library_reads_is_a_setting_too(shop, envkit, code):
    """Type and default are those of the call; these libraries read .env themselves."""
    (shop / ".env").unlink()
    (shop / "web_shop/__init__.py").write_text(
        f"from flask import Flask\napp = Flask(__name__)\n{code}\nimport os\nos.environ['NAME']\nother('NOT')\n"
    )
    said = envkit("init").err
    assert (shop / "web_shop/settings.py").read_text().endswith(f'"""\n\n{BY_A_LIBRARY}')
    assert "into which envkit puts no .env" not in said


@pytest.mark.parametrize(
    ("files", "app"),
    [
        ({"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, "app:app"),
        ({"src/shop/wsgi.py": "application = get_wsgi_application()\n"}, "shop.wsgi:application"),
        ({"wsgi.py": "app = create_app()\n", "shop.py": "def create_app(): ..."}, "wsgi:app"),
        ({"shop.py": "def create_app(config): ...\ndef make_app(*, debug=False): ..."}, "shop:make_app()"),
        ({"plain.py": "def application(environ, start_response): ..."}, "plain:application"),
        ({"a/b/c.py": "app = Flask('x')", "z.py": "web = flask.Flask('x')", "bad.py": "x = ("}, "z:web"),
        ({"app.py": "app: Flask = Flask(__name__)\n"}, "app:app"),
        ({"app.py": "app = bottle.default_app()\n"}, "app:app"),
        ({"main.py": "api = FastAPI()\napp = a2wsgi.ASGIMiddleware(api)\n"}, "main:app"),
    ],
)  # fmt: skip
def test_finds_the_likeliest_app(project, envkit, files, app):
    """An application that is made already, then a factory, then a plain callable; the outermost module first."""
    for path in project.iterdir():
        path.unlink()
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    report = json.loads(envkit("init", "--json").out)
    assert report["app"] == app
    module = report["settings"].partition(":")[0]
    file = next(change["path"] for change in report["changes"] if change["path"].endswith(".py"))
    assert file.removeprefix("src/").removesuffix(".py").replace("/", ".") == module
    subprocess.run([sys.executable, "-W", "error", str(project / file)], check=True)


def test_a_folder_that_is_closed_to_the_user_is_passed_over(shop, envkit, monkeypatch):
    """A database's folder may lie in the project, and belong to another user."""
    (shop / "pgdata").mkdir()
    stat = Path.stat

    def denied(path, **options):  # which root never is
        if path.parent.name == "pgdata":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", denied)
    result = envkit("init")
    assert (result.code, result.out.splitlines()[0]) == (0, "envkit.toml: written")


@pytest.mark.parametrize("folder", ["2024 Shop!", "ÜBER", "-", "a" * 50])
def test_the_name_is_made_of_the_folders(project, envkit, monkeypatch, folder):
    """Whatever the folder is called, the name is one that the description takes."""
    (project / folder).mkdir()
    monkeypatch.chdir(project / folder)
    assert envkit("init", "--app", "shop:app").code == 0
    assert envkit("render").code == 0


def test_docker_adds_the_two_files(shop, envkit):
    """--docker writes a Dockerfile of five lines and a .dockerignore, and the description names the container."""
    result = envkit("init", "--docker")
    assert result.code == 0
    assert result.out.endswith("Dockerfile: written\n.dockerignore: written\n")
    assert [line.split()[0] for line in (shop / "Dockerfile").read_text().splitlines()] == [
        "FROM", "COPY", "RUN", "COPY", "USER",
    ]  # fmt: skip
    assert {"**/.env", ".git", "data"} <= set((shop / ".dockerignore").read_text().splitlines())
    assert '\nupstream = "web:8000"' in (shop / "envkit.toml").read_text()
    assert "note: requirements.txt is missing: name there what the app needs" in result.err
    assert "note: .env will hold secrets: add it to .gitignore\n" in result.err
    assert envkit("check").err.count("envkit.toml:") == 0


def test_docker_for_an_app_in_src(shop, envkit):
    """Python finds the app's modules in the image, and a note says how it finds them here."""
    (shop / "src").mkdir()
    (shop / "web_shop").rename(shop / "src/web_shop")
    note = "note: the app lies in src, where Python looks when it is installed: pip install --editable .\n"
    assert note in envkit("init").err
    assert note in envkit("init", "--docker").err
    assert (shop / "Dockerfile").read_text().splitlines()[-3:] == [
        "COPY . /app/",
        "ENV PYTHONPATH=/app/src",
        "USER 10001",
    ]


@pytest.mark.parametrize(
    ("project_table", "text"),
    [
        ('dependencies = ["flask>=3", "psycopg[binary]; python_version > \'3\'"]', "flask>=3\npsycopg[binary]; "),
        ("dependencies = []", None),
        ('dynamic = ["dependencies"]', None),
        ('dependencies = ["a\\n--index-url b"]', None),
        ("dependencies = 1", None),
        ("=", None),
    ],
)
def test_docker_for_a_project_with_a_pyproject(shop, envkit, project_table, text):
    """What it depends on is in a requirements.txt, which the image installs; where nothing is said, that is a note."""
    (shop / "pyproject.toml").write_text(f'[project]\nname = "shop"\n{project_table}\n')
    result = envkit("init", "--docker")
    assert result.code == 0
    assert ("requirements.txt is missing" in result.err) is (text is None)
    assert (shop / "requirements.txt").exists() is (text is not None)
    if text is not None:
        comment, _, rest = (shop / "requirements.txt").read_text().partition("\n")
        assert comment.startswith("# ")
        assert rest.startswith(text)
        (shop / "requirements.txt").write_text("mine\n")
        envkit("init", "--docker")
        assert (shop / "requirements.txt").read_text() == "mine\n"


def test_docker_for_a_project_that_is_described(shop, envkit):
    """What the files that are there may lack is a note; what they have is not."""
    envkit("init")
    (shop / "requirements.txt").write_text("flask\n")
    (shop / ".dockerignore").write_text("")
    result = envkit("init", "--docker")
    assert "Dockerfile: written\n" in result.out
    assert (shop / ".dockerignore").read_text() == ""
    assert ".dockerignore is there already; see that it keeps .env, .git and data out of the image" in result.err
    assert 'in a container the web process needs [http] upstream = "web:8000"' in result.err
    assert "requirements.txt" not in result.err
    text = (shop / "envkit.toml").read_text()
    (shop / "envkit.toml").write_text(text.replace("[http]", '[http]\nupstream = "web:8000"'))
    assert "upstream" not in envkit("init", "--docker").err
