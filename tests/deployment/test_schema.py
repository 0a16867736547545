"""The JSON Schema and the documented example: they say what the reader does."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from envkit.deployment.fields import all_tables, keys_of
from envkit.deployment.reading import DescriptionError, read_description
from envkit.deployment.schema import documented_example, json_schema

VALIDATOR = Draft202012Validator(json_schema())
FULL = """
name = "shop"
app = "shop.web:create_app()"
settings = "shop.settings:AppSettings"
[versions]
nginx = "1.29"
[http]
domains = ["example.org", "*.example.org"]
tls = "files"
certificate = "/etc/ssl/a.pem"
certificate_key = "/etc/ssl/a.key"
email = "a@example.org"
upstream = "[::1]:8000"
resolver = "[::1]:53"
body_limit = "16 MiB"
header_limit = 4096
trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]
content_security_policy = "default-src 'self'"
[http.static."/static/"]
directory = "/srv/static"
max_age = "1h30m"
[http.timeouts]
request = 2.5
graceful = 10
[processes.web]
cpus = 1
memory = "1.5 GiB"
umask = "0027"
[processes.mail-worker]
command = "celery -A shop worker"
[processes.release]
command = ["python", "-m", "shop.migrate"]
singleton = true
[maintenance]
bypass = ["192.0.2.1"]
"""


def is_read(text):
    """Whether envkit accepts the description."""
    try:
        read_description(text, {})
    except DescriptionError:
        return False
    return True


def test_schema_is_valid():
    """The schema is one of draft 2020-12, and every property is described."""
    Draft202012Validator.check_schema(json_schema())
    undescribed = [
        (path, name) for path, table in all_tables().items() for name, key in keys_of(table).items() if not key.doc
    ]
    assert undescribed == []


@pytest.mark.parametrize("text", [FULL, 'name = "a"\napp = "a:b"\n', documented_example()])
def test_accepted_by_both(text):
    """What envkit reads, the schema accepts."""
    assert list(VALIDATOR.iter_errors(tomllib.loads(text))) == []
    assert is_read(text)


@pytest.mark.parametrize("path", all_tables(), ids=".".join)
def test_unknown_key_is_refused_by_both(path):
    """A key that no table knows is refused in every table, by the reader and by the schema."""
    names = [{"*": '"/static/"' if "static" in path else "web"}.get(part, part) for part in path]
    header = f"[{'.'.join(names)}]\n" if path else ""
    required = {"static": 'directory = "/srv"\n', "postgres": 'name = "NAME"\n'}.get((*path, "", "")[1], "")
    text = f'name = "a"\napp = "a:b"\n{header}{required}frobnicate = 1\n'
    assert list(VALIDATOR.iter_errors(tomllib.loads(text)))
    with pytest.raises(DescriptionError) as caught:
        read_description(text, {})
    line = text.count("\n")
    key = ".".join([*names, "frobnicate"])
    assert [str(finding) for finding in caught.value.findings] == [f"envkit.toml:{line}: {key}: unknown key"]


SCALARS = st.sampled_from(
    [
        '""',
        '"a"',
        '"/a"',
        '"/a/"',
        '"30s"',
        '"1 MiB"',
        '"007"',
        '"10.0.0.0/8"',
        "0",
        "-1",
        "1.5",
        "70000",
        "true",
        "[]",
        '["a"]',
        "[1]",
        "{}",
        "1979-05-27",
        '"a b"',
        '"off"',
        '"a:b"',
        '"1.2"',
        '"x@y.example"',
        '"A-B"',
        "nan",
    ]
)


@given(st.sampled_from([(p, k) for p, t in all_tables().items() for k in keys_of(t).values() if not k.table]), SCALARS)
def test_schema_refuses_no_more_than_the_reader(place, value):
    """Whatever single value the schema refuses, the reader refuses as well."""
    path, key = place
    names = [{"*": '"/static/"' if "static" in path else "web"}.get(part, part) for part in path]
    lines = {"name": '"a"', "app": '"a:b"'} if not path else {}
    lines[key.name] = value
    head = "" if not path else 'name = "a"\napp = "a:b"\n'
    header = f"[{'.'.join(names)}]\n" if path else ""
    required = 'directory = "/srv"\n' if "static" in path and key.name != "directory" else ""
    text = head + header + required + "".join(f"{name} = {text}\n" for name, text in lines.items())
    if is_read(text):
        assert list(VALIDATOR.iter_errors(tomllib.loads(text))) == []


def test_example_shows_every_key():
    """Each key stands in the documented example, and taking away the comment signs gives the right kind of value."""
    example = documented_example()
    lines = [line.removeprefix("# ") for line in example.splitlines()]
    shown = "\n".join(line for line in lines if re.match(r"\[|[a-z0-9_]+ = ", line))
    assert list(VALIDATOR.iter_errors(tomllib.loads(shown))) == []
    for table in all_tables().values():
        for name, key in keys_of(table).items():
            assert key.table or f"{name} = " in shown


def test_example_breaks_no_word():
    """What is to be copied, such as a cron line or an option, keeps its hyphens where its line ends."""
    assert [line for line in documented_example().splitlines() if line.startswith("#") and line.endswith("-")] == []


def test_example_changes_nothing():
    """The example as it stands describes an app with every default."""
    plain = read_description('name = "shop"\napp = "shop:app"\n', {})
    shown = read_description(documented_example(), {})
    assert (shown.versions, shown.logs, shown.maintenance) == (plain.versions, plain.logs, plain.maintenance)
    assert shown.http.timeouts == plain.http.timeouts
    assert set(shown.processes["web"].__slots__) == set(keys_of(type(shown.processes["web"])))
