"""The kinds of text that containers need: what each takes, and what it refuses; and what follows from a container."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.deployment import derived
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.deployment.reading import read_description
from envkit.deployment.schedules import parse_schedule

TAKEN = {
    "image": [
        "shop",
        "shop:1.4",
        "ghcr.io/example/shop:latest",
        "localhost:5000/shop",
        "registry.example.org:5000/a/b-c/d_e:1.0-rc.1_x",
        "a@sha256:" + "0" * 64,
    ],
    "folder": [".", "..", "./app", "../app", "/srv/up loads"],
    "mount": ["./data:/data", "/srv/a b:/data", "../x:/d/e", ".:/app"],
    "ip4": ["127.0.0.1", "192.0.2.7"],
    "https_url": ["https://acme.example.org/directory", "https://localhost:14000/dir", "https://a.b"],
    "git_url": ["git@github.com:a/b.git", "https://github.com/a/b.git", "ssh://git@host:22/a"],
    "branch": ["main", "release/1.x", "ec2-release"],
    "target": ["compose", "docker"],
}
REFUSED = {
    "image": ["", "Shop", "shop:", "shop:a b", "a//b", "https://a/b", "shop\n", "-a", "a@sha256:0", "$IMAGE", "é"],
    "folder": ["", "app", "a:b", "/a,b", '/a"b', "/a\\b", "/a\n", "~"],
    "mount": ["", "/a", "data:/data", "/a:data", "/a:/b:ro", "/a:/", "/a://", "/a:/b/../c", "/a,x:/b", "/a:/b\n"],
    "ip4": ["", "::1", "1.2.3", "localhost", "127.0.0.1\n", "256.0.0.1"],
    "https_url": ["", "http://a.b", "https://", "https://u:p@a.b", "https://a.b/?q", "https://a.b/\n", "https://a b"],
    "git_url": ["", "a b", "https://user:canary@host/a.git", "a\n", "$(x)"],
    "branch": ["", "-x", "a b", "a\n", "a~1"],
    "target": ["", "Compose", "a b", "nginx\n"],
    "update_schedule": ["", "x", "* * * *", "* * * * * * *", "60 0 4 * * *", "every 7m", "every 2d"],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in TAKEN.items() for value in values])
def test_taken(kind, value):
    """A right value stands as it was written."""
    assert KINDS[kind].read(value) == value


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in REFUSED.items() for value in values])
def test_refused(kind, value):
    """A wrong value is refused, in words that hold nothing of it."""
    with pytest.raises(Wrong) as caught:
        KINDS[kind].read(value)
    assert "canary" not in f"{caught.value.problem} {caught.value.hint}"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(("written", "normal"), [("./data/:/data/", "./data:/data"), ("//srv//:/a//b", "//srv:/a/b")])
def test_mount_in_its_normal_form(written, normal):
    """Slashes at the ends, and doubled ones inside the container, go."""
    assert KINDS["mount"].read(written) == normal


FIELD = st.sampled_from(["*", "0", "*/10", "1-5", "1,3", "2-10/2"])


DATES = (st.sampled_from(["*", "1", "1-5"]), st.sampled_from(["*", "1", "jan"]), st.sampled_from("*123"))


@given(st.tuples(FIELD, FIELD, *DATES))
def test_six_fields_mean_what_five_meant(fields):
    """The sixth is in front and says second 0; reading the result again changes nothing."""
    line = " ".join(fields)
    six = KINDS["update_schedule"].read(line)
    seconds, *rest = six.split()
    assert seconds == "0"
    assert parse_schedule(" ".join(rest)) == parse_schedule(line)
    assert KINDS["update_schedule"].read(six) == six


def deployment(text):
    """A description of a shop."""
    return read_description(f'name = "shop"\napp = "shop:app"\n{text}', {})


def test_upstream_of_containers():
    """With a table [container] the web process is reached by the name of its service, unless told otherwise."""
    assert str(derived.upstream(deployment(""))) == "unix:/run/shop/web.sock"
    assert str(derived.upstream(deployment("[container]\n"))) == "web:8000"
    assert str(derived.upstream(deployment('[container]\n[http]\nupstream = "web:5000"\n'))) == "web:5000"
    assert derived.gunicorn_bind(deployment("[container]\n")) == "0.0.0.0:8000"


def test_image():
    """It is named after the app, unless it has a name."""
    assert derived.image(deployment("")) == derived.image(deployment("[container]\n")) == "shop:latest"
    assert derived.image(deployment('[container]\nimage = "example/shop:2"\n')) == "example/shop:2"


def test_what_never_overlaps():
    """A singleton, and with data of the machine's mounted every process."""
    clock = '[processes.clock]\ncommand = "clock"\nsingleton = true\n'
    plain = deployment(clock)
    assert [derived.never_overlaps(plain, name) for name in ("web", "clock")] == [False, True]
    assert derived.never_overlaps(deployment('[container]\ndata = ["./data:/data"]\n'), "web")
