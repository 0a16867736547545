"""Reading a description: where it is found, what each mistake is told as, and how the environment overrides it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envkit.deployment.description_file import find_file, is_described
from envkit.deployment.fields import all_tables, keys_of
from envkit.deployment.model import Deployment, Process, StaticFiles
from envkit.deployment.overrides import RESERVED, RESERVED_PREFIXES
from envkit.deployment.reading import DescriptionError, load_description, read_description

HEAD = 'name = "shop"\napp = "shop:app"\n'


def problems(text, environ=None, **keywords):
    """The findings for a description, as they are printed."""
    with pytest.raises(DescriptionError) as caught:
        read_description(text, environ or {}, **keywords)
    assert str(caught.value) == "\n".join(str(finding) for finding in caught.value.findings)
    return [str(finding) for finding in caught.value.findings]


def test_least():
    """Name and app are enough; all else has a default."""
    assert read_description(HEAD, {}) == Deployment(name="shop", app="shop:app")


def test_values():
    """Units, lists, tables and commands arrive in the normal form of the model."""
    deployment = read_description(
        HEAD
        + '[http]\ndomains = ["Example.org"]\nbody_limit = "1.5 MiB"\nheader_limit = "8kB"\n'
        + 'trusted_proxies = ["10.0.0.0/255.0.0.0", "2001:DB8::1"]\nupstream = "[0:0::1]:80"\nport = 81\n'
        + 'timeouts = { request = "1m30s", graceful = 2, client = 0.5, send = "250ms" }\n'
        + '[http.static."/s/"]\ndirectory = "/srv//s/"\n'
        + "[processes.worker]\ncommand = \"celery -A 'my shop'\"\n",
        {},
    )
    http = deployment.http
    assert http.domains == ("example.org",)
    assert (http.body_limit, http.header_limit) == (1572864, 8000)
    assert http.trusted_proxies == ("10.0.0.0/8", "2001:db8::1")
    assert http.upstream == "[::1]:80"
    assert (http.timeouts.request, http.timeouts.graceful, http.timeouts.client, http.timeouts.send) == (
        90,
        2,
        0.5,
        0.25,
    )
    assert http.static == {"/s/": StaticFiles(directory="/srv/s")}
    assert deployment.processes == {"worker": Process(command=("celery", "-A", "my shop"))}


def test_every_problem_at_once():
    """All mistakes of a file are told together, each with its line."""
    text = (
        'name = "Shop"\n\n[http]\ndomains = ["a.example",\n  "https://b.example", 3]\ndomain = 3\nport = "80"\n'
        'tls = "filez"\ngzip = "yes"\nbody_limit = "16 potatoes"\n[http.static."/st atic/"]\ndirectory = "x"\n'
        '[processes]\nweb = 3\n[[logs]]\nlevel = "info"\n[maintenance]\nretry_after = 1979-05-27\n'
        "[versions]\nnginx = 1.29\n"
    )
    assert problems(text) == [
        "envkit.toml:1: name: must be 1 to 31 lower-case letters, digits and dashes, a letter first and no dash last",
        "envkit.toml: app: is missing. The WSGI application as module:callable; a factory as module:create_app()",
        "envkit.toml:20: versions.nginx: must be text, not a number. write it in quotes",
        "envkit.toml:6: http.domain: unknown key. did you mean domains?",
        "envkit.toml:5: http.domains[1]: must be a host name alone. leave out the scheme and the path",
        "envkit.toml:5: http.domains[2]: must be text, not a whole number",
        "envkit.toml:8: http.tls: must be one of off, letsencrypt, files, upstream. did you mean files?",
        "envkit.toml:7: http.port: must be a whole number, not text. write the number without quotes",
        (
            'envkit.toml:11: http.static."/st atic/": the name must be a URL prefix such as /static/: '
            "folders of letters, digits and . _ ~ -, between slashes"
        ),
        "envkit.toml:10: http.body_limit: must be a size such as 16 MiB, 1MB or a number of bytes",
        "envkit.toml:9: http.gzip: must be true or false, not text. write true or false without quotes",
        "envkit.toml:14: processes.web: must be a table, not a whole number",
        "envkit.toml:15: logs: must be a table, not a list",
        (
            "envkit.toml:18: maintenance.retry_after: "
            "must be a duration, as text with a unit or a plain number, not a date or time"
        ),
    ]


def test_key_in_the_wrong_table():
    """A key that belongs in another table is told where."""
    assert problems('domains = ["a.example"]\n' + HEAD) == ["envkit.toml:1: domains: unknown key. it belongs in [http]"]


def test_missing_key_of_a_table():
    """A missing key is told with the line of its table."""
    assert problems(HEAD + '[http.static."/s/"]\nhashed = true\n') == [
        'envkit.toml:3: http.static."/s/".directory: is missing. Folder on the machine that runs nginx'
    ]


_INVALID = 'envkit.toml:1: is not TOML: invalid value. text stands in straight double quotes: "text"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = \n", _INVALID),
        ("name = \u201cshop\u201d\n", _INVALID),
        ('a = 1\nb = "x\n', "envkit.toml:2: is not TOML: illegal character '\\n'"),
        ("a = 1\na = 2\n", "envkit.toml:2: is not TOML: cannot overwrite a value"),
        ("a = [1,\n\n", "envkit.toml:1: is not TOML: the value that begins here never ends"),
        ("a = 1\nb = 'x\"\nc = 3\n\n", "envkit.toml:2: is not TOML: the value that begins here never ends"),
        ("a = 1\nb = [\n2,\n", "envkit.toml:2: is not TOML: the value that begins here never ends"),
        ("a = " + "[" * 20000, "envkit.toml: is not TOML: it is nested too deeply"),
        ("a = " + "1" * 5000, "envkit.toml: is not TOML: a number has too many digits"),
    ],
)
def test_not_toml(text, problem):
    """A mistake in TOML itself is told with its line."""
    assert problems(text) == [problem]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loading(path=None):
    """The findings that stop the loading."""
    with pytest.raises(DescriptionError) as caught:
        load_description(path, {})
    return [str(finding) for finding in caught.value.findings]


def test_found_in_the_folder(folder):
    """The description is envkit.toml in the current folder, with or without a byte order mark."""
    assert loading() == ["envkit.toml: no such file. run `envkit init` to write one"]
    (folder / "envkit.toml").write_text("\ufeff" + HEAD, encoding="utf-8")
    assert load_description(environ={}).name == "shop"


def test_found_in_the_project(folder):
    """Without envkit.toml it is the table [tool.envkit] of pyproject.toml, with the lines of that file."""
    project = folder / "pyproject.toml"
    project.write_text('[tool.other]\nname = "x"\n')
    assert loading() == ["envkit.toml: no such file. run `envkit init` to write one"]
    project.write_text('[project]\nname = "x"\n\n[tool.envkit]\nname = "shop"\napp = "shop:app"\n')
    assert load_description(environ={}).app == "shop:app"
    project.write_text('[project]\nname = "x"\n\n[tool.envkit.http]\nprt = 1\n')
    assert loading() == [
        (
            "pyproject.toml:4: name: is missing. Name of the app: lower-case letters, digits and dashes; names files, "
            "sockets and units"
        ),
        "pyproject.toml:4: app: is missing. The WSGI application as module:callable; a factory as module:create_app()",
        "pyproject.toml:5: http.prt: unknown key. did you mean port?",
    ]


def test_two_descriptions(folder):
    """Two descriptions in one folder are an error: one of them would be ignored."""
    (folder / "envkit.toml").write_text(HEAD)
    (folder / "pyproject.toml").write_text("[tool.envkit]\n" + HEAD)
    assert loading() == ["envkit.toml: pyproject.toml has a table [tool.envkit] as well. keep one description"]


def test_unreadable(folder):
    """A folder, bytes that are not UTF-8, a missing file and an empty project are told apart."""
    (folder / "folder").mkdir()
    (folder / "latin").write_bytes(b'name = "\xe4"\n')
    (folder / "pyproject.toml").write_text("[project]\n")
    assert loading(Path("folder")) == ["folder: is a directory"]
    assert loading(Path("latin")) == ["latin: is not UTF-8 (byte 9)"]
    assert loading(Path("nothing.toml")) == ["nothing.toml: no such file"]
    assert loading(Path("/dev/zero")) == ["/dev/zero: is larger than 1 MiB, too large for a description"]
    assert loading(Path("pyproject.toml")) == ["pyproject.toml: has no table [tool.envkit]. run `envkit init`"]


def test_a_folder_that_cannot_be_searched():
    """Where the system refuses to say what is in a folder, the description is said to be unreadable."""
    too_long = Path("x" * 300)  # refused for root as well, unlike a folder that is closed to others
    assert not is_described(too_long)
    file, in_project = find_file(too_long)
    assert not in_project
    assert loading(file) == [f"{file}: cannot be read: file name too long"]


# --- the environment ---


def test_overrides():
    """Keys of every shape come from the environment, and beat the file."""
    deployment = read_description(
        HEAD + 'http.port = 1\n[http.static."/a/b.c/"]\ndirectory = "/x"\n[processes.mail-worker]\ncommand = "x"\n',
        {
            "ENVKIT_NAME": "other",
            "ENVKIT_HTTP__DOMAINS": "a.example, b.example,",
            "ENVKIT_HTTP__TRUSTED_PROXIES": '["10.0.0.0/8"]',
            "ENVKIT_HTTP__PORT": "8080",
            "ENVKIT_HTTP__GZIP": "Off",
            "ENVKIT_HTTP__BODY_LIMIT": "2 MiB",
            "ENVKIT_HTTP__TIMEOUTS__REQUEST": "1.5",
            "ENVKIT_HTTP__STATIC__A_B_C__DIRECTORY": "/y",
            "ENVKIT_PROCESSES__WEB__WORKERS": "3",
            "ENVKIT_PROCESSES__WEB__CPUS": "1.5",
            "ENVKIT_PROCESSES__MAIL_WORKER__COMMAND": "celery worker",
            "ENVKIT_PROCESSES__CLOCK__COMMAND": '["python", "clock.py"]',
            "ENVKIT_PROCESSES__CLOCK__SINGLETON": "yes",
            "ENVKIT_LOGS__LEVEL": "debug",
            "ENVKIT_HTTP__UPSTREAM": "",
            "PATH": "/bin",
        },
    )
    http = deployment.http
    assert (deployment.name, deployment.logs.level) == ("other", "debug")
    assert http.domains == ("a.example", "b.example")
    assert (http.trusted_proxies, http.port, http.gzip, http.body_limit) == (("10.0.0.0/8",), 8080, False, 2097152)
    assert (http.timeouts.request, http.upstream) == (1.5, None)
    assert http.static["/a/b.c/"].directory == "/y"
    assert deployment.processes["web"] == Process(workers=3, cpus=1.5)
    assert deployment.processes["mail-worker"].command == ("celery", "worker")
    assert deployment.processes["clock"] == Process(command=("python", "clock.py"), singleton=True)


def test_static_by_json():
    """A whole table under names of the user's choice comes as JSON."""
    deployment = read_description(HEAD, {"ENVKIT_HTTP__STATIC": '{"/s/": {"directory": "/srv"}}'})
    assert deployment.http.static == {"/s/": StaticFiles(directory="/srv")}


def test_override_problems():
    """Mistakes in the environment name the variable."""
    environ = {
        "ENVKIT_HTTP__DOMAIN": "a.example",
        "ENVKIT_HTTP__DOMAINS": "a.example,-b",
        "ENVKIT_HTTP__PORT": "eighty",
        "ENVKIT_HTTP__GZIP": "perhaps",
        "ENVKIT_HTTP__TIMEOUTS": "3",
        "ENVKIT_HTTP__TLS__MODE": "off",
        "ENVKIT_HTTP__STATIC": '{"/s/": {"dir": "/srv"}}',
        "ENVKIT_HTTP__TRUSTED_PROXIES": "[1",
        "ENVKIT_PROCESSES__WBE__WORKERS": "3",
        "ENVKIT_PROCESSES__WEB": "{}",
        "ENVKIT_LOGS__LEVEL": "\udcff",
        "ENVKIT_NAMES": "x",
    }
    assert problems(HEAD + "[processes.web]\n", environ) == [
        "environment: ENVKIT_HTTP__DOMAINS: must be a host name: labels of letters, digits and dashes, joined by dots",
        'environment: ENVKIT_HTTP__STATIC: "/s/".dir: unknown key',
        'environment: ENVKIT_HTTP__STATIC: "/s/".directory: is missing. Folder on the machine that runs nginx',
        "environment: ENVKIT_HTTP__DOMAIN: names no key of the description. did you mean ENVKIT_HTTP__DOMAINS?",
        "environment: ENVKIT_HTTP__GZIP: must be a boolean: true or false, yes or no, on or off, 1 or 0",
        "environment: ENVKIT_HTTP__PORT: must be a whole number",
        (
            "environment: ENVKIT_HTTP__TIMEOUTS: names a table; its keys are set one by one, such as "
            "ENVKIT_HTTP__TIMEOUTS__REQUEST"
        ),
        "environment: ENVKIT_HTTP__TLS__MODE: names a key inside http.tls, which is no table",
        "environment: ENVKIT_HTTP__TRUSTED_PROXIES: must be a list in JSON",
        "environment: ENVKIT_LOGS__LEVEL: is not UTF-8",
        "environment: ENVKIT_NAMES: names no key of the description. did you mean ENVKIT_NAME?",
        "environment: ENVKIT_PROCESSES__WBE__WORKERS: names no entry of processes. did you mean ENVKIT_PROCESSES__WEB?",
        "environment: ENVKIT_PROCESSES__WEB: names a table; its keys are set one by one",
    ]


def test_reserved_names():
    """Names that mean something else to envkit are no keys."""
    environ = {**dict.fromkeys(RESERVED, "x"), **{f"{prefix}REQUIRE": "all" for prefix in RESERVED_PREFIXES}}
    assert environ == {"ENVKIT_ENV": "x", "ENVKIT_TESTS_REQUIRE": "all"}
    assert read_description(HEAD, environ).name == "shop"


LEAVES = [
    (path, key)
    for path, table in all_tables().items()
    if "*" not in path
    for key in keys_of(table).values()
    if not key.table
]


@given(st.sampled_from(LEAVES), st.text(max_size=30).filter(lambda text: "\0" not in text))
@example(LEAVES[0], "canary")
def test_no_value_in_messages(leaf, value):
    """A value from the environment is in no message about it, nor in what the error holds on to."""
    path, key = leaf
    canary = f"kanarienvogel{value}"
    variable = "ENVKIT_" + "__".join((*path, key.name)).upper()
    error = None
    try:
        read_description(HEAD, {variable: canary})
    except DescriptionError as caught:
        error = caught
    if error is not None:
        assert "kanarienvogel" not in str(error)
        assert (error.__cause__, error.__context__) == (None, None)


def test_no_value_of_the_file_in_messages():
    """Values of the file are in no message either."""
    lines = []
    for path, table in all_tables().items():
        names = [{"*": '"/static/"' if "static" in path else "web"}.get(part, part) for part in path]
        lines += [f"[{'.'.join(names)}]"] if path else []
        lines += [f'{key.name} = "Kanarien Vogel é"' for key in keys_of(table).values() if not key.table]
    with pytest.raises(DescriptionError) as caught:
        read_description("\n".join(lines), {})
    assert "Kanarien" not in str(caught.value)
    assert len(caught.value.findings) > 50


def test_no_pydantic():
    """Reading a description imports no pydantic, whose start-up costs more than the whole reading."""
    code = (
        "import sys; from envkit.deployment.reading import read_description; "
        f"read_description({HEAD!r}, {{}}); assert not {{'pydantic', 'jinja2', 'click'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
