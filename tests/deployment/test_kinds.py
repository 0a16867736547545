"""Each kind of value: what it takes, its normal form, and what it refuses."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from envkit.deployment.addresses import SOCKET_PATH_LIMIT, parse_address
from envkit.deployment.commands import read_command
from envkit.deployment.kind import Wrong
from envkit.deployment.kinds import KINDS
from envkit.deployment.overrides import FALSE, TRUE
from envkit.settings.types import ByteSize, Duration

TAKEN = {
    "name": ["a", "shop-2", "a--b", "a" * 31],
    "app": ["shop:app", "shop.web:create_app()"],
    "class": ["shop.settings:AppSettings"],
    "version": ["1", "1.29", "1.22.1"],
    "port": [1, 65535],
    "count": [1],
    "whole": [0],
    "cpus": [0.5, 2],
    "umask": ["007", "0027", "000"],
    "account": ["www-data", "_shop"],
    "domain": [
        "example.org",
        "*.example.org",
        "localhost",
        "xn--bcher-kva.example",
        "127.0.0.1",
        "a" * 63 + ".example",
    ],
    "email": ["a.b+c@example.org"],
    "resolver": ["127.0.0.11", "127.0.0.11:53", "[::1]", "[::1]:5353"],
    "network": ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"],
    "header": ["X-Forwarded-For"],
    "header_value": ["default-src 'self'; img-src *", "x"],
    "path": ["/srv/a b/ä", "/x"],
    "url_prefix": ["/static/", "/a/b.c/"],
    "url_path": ["/health", "/", "/a/b/"],
    "address": ["unix:/run/shop/web.sock", "127.0.0.1:8000", "[::1]:8000", "web:8000", "web.internal:1"],
}
REFUSED = {
    "name": ["", "Shop", "2a", "a" * 32, "a_b", "shop-", "a\n", "é"],
    "app": ["shop", "shop:", ":app", "shop:app.wsgi", "shop:app(1)", "shop/web:app", "shop:app\n"],
    "class": ["shop", "shop:App()", "shop:App\n"],
    "version": ["", "1.x", "v1", "1.22.1-9", "1..2", "1.2.3.4.5", "1.29\n", "１"],
    "port": [0, 65536, -1],
    "count": [0],
    "whole": [-1],
    "cpus": [0.0, 0.009, -1.0, float("inf"), float("nan"), 10000.0],
    "umask": ["", "7", "008", "1777", "007\n"],
    "account": ["", "a b", "-a", "a:b", "a\n", "a" * 33],
    "domain": [
        "",
        "bücher.example",
        "a..b",
        "-a.b",
        "a_b",
        "a.b.",
        "a.*.b",
        "*",
        "*.",
        "https://a.b",
        "a.b:80",
        "1.2.3",
        "a.b\n",
        "a" * 64,
        ".".join(["a" * 60] * 5),
        "*.127.0.0.1",
        "a b",
        "1.2.3.256",
    ],
    "email": ["a", "a@b", "a@b@c.d", "a b@c.d", "a@b.c\n", "<a@b.c>"],
    "resolver": ["dns", "127.0.0.1:0", "127.0.0.1:70000", "::1", "[127.0.0.1]", "::1:53", "[fe80::1%eth0]", ""],
    "network": ["10.0.0.1/8", "10.0.0.0/33", "x", "", "::/0", "0.0.0.0/0", "fe80::1%eth0", "10.0.0.0/8\n", "1"],
    "header": ["", "X_Y", "X Y", "X:", "X\n", "é"],
    "header_value": ["", " a", "a ", "a\nb", "a\n", "é", "a\tb"],
    "path": ["", "a", "/", "/a\nb", "/a/../b", "/..", "//", "/a\x7f"],
    "url_prefix": [
        "",
        "/",
        "static/",
        "/static",
        "//",
        "/a//b/",
        "/../",
        "/a/./",
        "/a b/",
        "/$x/",
        "/%2e%2e/",
        "/a/\n",
    ],
    "url_path": ["", "health", "/a//b", "/../x", "/a?b", "/a b", "/é", "/a\n"],
    "address": [
        "",
        "8000",
        ":8000",
        "web",
        "web:",
        "web:0",
        "web:65536",
        "web:080",
        "::1:8000",
        "[127.0.0.1]:80",
        "a b:80",
        "unix:",
        "unix:run/x",
        "unix:/run/../x",
        "unix:/a b",
        "unix:/run/",
        "localhost:80",
        "1.2.3:80",
        "a_:80",
        "[::1%1]:1",
        "web:80\n",
        "unix:/a\n",
        "unix:/" + "a" * SOCKET_PATH_LIMIT,
        "http://web:80",
        "é:80",
    ],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in TAKEN.items() for value in values])
def test_taken(kind, value):
    """A right value stands as it was written."""
    assert KINDS[kind].read(value) == value


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in REFUSED.items() for value in values])
def test_refused(kind, value):
    """A wrong value is refused, in words that do not repeat it and hold nothing of it."""
    with pytest.raises(Wrong) as caught:
        KINDS[kind].read(value)
    assert re.match(r"(must|may|is|ends|the|before|unix: needs|an|localhost)", caught.value.problem)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("15 min", 900),
        ("2h", 7200),
        ("90d", 7776000),
        ("1w", 604800),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5H", 5400),
        (" 7 ", 7),
        ("0", 0),
        (2.5, 2.5),
        (60, 60),
    ],
)
def test_duration(value, seconds):
    """Durations are read with units or as plain seconds."""
    assert KINDS["duration"].read(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "s", "30 potatoes", "-1s", "1e3", "30s\n30", "1h-5m", -1, 10**9, float("nan"), "١s"]
)
def test_no_duration(value):
    """What is not a duration from nothing to ten years is refused."""
    with pytest.raises(Wrong):
        KINDS["duration"].read(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [("16 MiB", 16 * 1024**2), ("1MB", 10**6), ("1.5KiB", 1536), ("5", 5), ("5B", 5), ("2 gib", 2 * 1024**3), (7, 7)],
)
def test_size(value, size):
    """Sizes are read with decimal and binary units or as plain bytes."""
    assert KINDS["size"].read(value) == size


@pytest.mark.parametrize(
    "value", ["", "0", 0, -1, "1.5", "16 M", "16 mib mib", "1i", "1e3", "MiB", "9999 TiB", "1 iB", "1\n2"]
)
def test_no_size(value):
    """What is not a size is refused, and so is nothing: to nginx a limit of 0 means none at all."""
    with pytest.raises(Wrong):
        KINDS["size"].read(value)


NUMBERS = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3})?", fullmatch=True)
TIMES = st.sampled_from(["", "ms", "s", "m", "min", "h", "d", "w", " h", "Min"])
SIZES = st.sampled_from(["", "b", "B", "kb", "KB", " KiB", "kib", "mb", "MiB", "GB", "gib", "tb", "TiB"])


@given(st.lists(st.tuples(NUMBERS, TIMES).map("".join), min_size=1, max_size=3).map("".join))
def test_a_duration_is_what_a_setting_takes_it_for(text):
    """What a description takes for a duration, a field of the type Duration takes for the same."""
    try:
        seconds = KINDS["duration"].read(text)
    except Wrong:
        assume(False)
    assert TypeAdapter(Duration).validate_python(text).total_seconds() == pytest.approx(seconds, abs=1e-5)


@given(st.tuples(NUMBERS, SIZES).map("".join))
def test_a_size_is_what_a_setting_takes_it_for(text):
    """What a description takes for a size, a field of the type ByteSize takes for the same."""
    try:
        size = KINDS["size"].read(text)
    except Wrong:
        assume(False)
    assert TypeAdapter(ByteSize).validate_python(text) == size


@pytest.mark.parametrize("word", sorted(TRUE | FALSE))
def test_a_boolean_is_what_a_setting_takes_it_for(word):
    """What a variable of the description takes for a boolean, a field of the type bool takes for the same."""
    assert TypeAdapter(bool).validate_python(word) is (word in TRUE)


def test_normal_forms():
    """Values that may be written in several ways have one form."""
    assert KINDS["domain"].read("Example.ORG") == "example.org"
    assert KINDS["network"].read("10.0.0.0/255.0.0.0") == "10.0.0.0/8"
    assert KINDS["network"].read("2001:DB8:0::1") == "2001:db8::1"
    assert KINDS["path"].read("//srv//a/") == "/srv/a"
    assert KINDS["address"].read("[0::1]:80") == "[::1]:80"


def test_hint_for_international_domains():
    """A domain in its own script is refused with the form to write."""
    with pytest.raises(Wrong) as caught:
        KINDS["domain"].read("bücher.example")
    assert (caught.value.problem, caught.value.hint[:32]) == ("must be ASCII", "write the name in its xn-- form,")


def test_command():
    """A line is read by the shell's quoting rules, and a list stands as it is."""
    assert read_command("celery -A 'my shop' --n=\"1 2\"") == ("celery", "-A", "my shop", "--n=1 2")
    assert read_command(["celery", "&&", ""]) == ("celery", "&&", "")


@pytest.mark.parametrize(
    "value", ["", "  ", "a 'b", "a && b", "a | b", "a > b", "a\\\nb 'c\nd'", [], [""], ["a", "b\nc"], "'' a"]
)
def test_no_command(value):
    """An empty or unfinished command is refused, and so is what only a shell could do."""
    with pytest.raises(Wrong):
        read_command(value)


@given(st.sampled_from([kind for kind in KINDS if KINDS[kind].pattern]), st.text(max_size=20))
def test_pattern_refuses_no_more(kind, text):
    """The pattern of the JSON Schema takes all that the reader takes."""
    try:
        KINDS[kind].read(text)
    except Wrong:
        return
    assert re.fullmatch(KINDS[kind].pattern, text)


@given(st.text(max_size=30) | st.from_regex(r"(unix:/|\[)?[a-z0-9.:/\]-]{0,20}(:[0-9]{1,5})?", fullmatch=True))
def test_address_round_trip(text):
    """An address that is taken, written and read again is the same."""
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert parse_address(str(address)) == address
