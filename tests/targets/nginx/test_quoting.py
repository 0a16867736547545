"""Arbitrary text in the description reaches nginx as that text and as no other directive, or is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache

import crossplane
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envkit.deployment.errors import DescriptionError
from envkit.deployment.model import Deployment, Http, Maintenance, StaticFiles
from envkit.deployment.reading import read_description
from envkit.operations.nginx_judge import main as judge
from envkit.operations.writing import write_artifacts
from envkit.rendering.quoting import CannotQuote
from envkit.targets.nginx import render
from envkit.targets.registry import render_target
from tests.targets.nginx.stack import Nginx

TEXT = st.text(st.characters() | st.sampled_from("\"'\\;{}#$ ~*=@/.%\n\r\t\0"), min_size=1, max_size=30)
FIELDS = {
    "certificate": "http",
    "certificate_key": "http",
    "resolver": "http",
    "acme_root": "http",
    "real_ip_header": "http",
    "health_path": "http",
    "content_security_policy": "http",
    "flag": "maintenance",
    "directory": "maintenance",
}
PLAIN = Deployment(
    name="shop",
    app="shop:app",
    http=Http(
        domains=("the-domain.",),
        tls="files",
        certificate="the-certificate.",
        certificate_key="the-certificate_key.",
        upstream="web:8000",
        resolver="the-resolver.",
        static={"the-url.": StaticFiles(directory="the-static.")},
        acme_root="the-acme_root.",
        trusted_proxies=("the-proxy.",),
        real_ip_header="the-real_ip_header.",
        health_path="the-health_path.",
        content_security_policy="the-content_security_policy.",
    ),
    maintenance=Maintenance(flag="the-flag.", directory="the-directory.", bypass=("the-client.",)),
)


def with_texts(texts):
    """PLAIN with other texts: keys are the fields, and `domain`, `url`, `static`, `proxy` and `client`."""
    http = {name: texts[name] for name, table in FIELDS.items() if table == "http" and name in texts}
    if "domain" in texts:
        http["domains"] = (texts["domain"],)
    if "proxy" in texts:
        http["trusted_proxies"] = (texts["proxy"],)
    if {"url", "static"} & set(texts):
        http["static"] = {texts.get("url", "the-url."): StaticFiles(directory=texts.get("static", "the-static."))}
    maintenance = {name: texts[name] for name, table in FIELDS.items() if table == "maintenance" and name in texts}
    if "client" in texts:
        maintenance["bypass"] = (texts["client"],)
    return replace(PLAIN, http=replace(PLAIN.http, **http), maintenance=replace(PLAIN.maintenance, **maintenance))


@pytest.fixture(scope="module")
def directives(tmp_path_factory):
    """Reads a configuration by crossplane: names and arguments in order, with the depth of each."""
    path = tmp_path_factory.mktemp("crossplane") / "nginx.conf"

    def flat(block, depth):
        for directive in block:
            yield depth, directive["directive"], *directive["args"]
            yield from flat(directive.get("block", ()), depth + 1)

    @cache
    def read(text):
        path.write_text(text, encoding="utf-8")
        parsed = crossplane.parse(str(path), single=True, check_ctx=False, check_args=False)
        assert parsed["errors"] == []
        return list(flat(parsed["config"][0]["parsed"], 0))

    return read


@given(
    texts=st.dictionaries(st.sampled_from([*FIELDS, "domain", "url", "static", "proxy", "client"]), TEXT, max_size=3)
)
@example(texts={"content_security_policy": 'x" always; } server { listen 1; add_header a "'})
@example(texts={"flag": '/a") { return 200; } if (-f "'})
@example(texts={"static": "\\"})
@example(texts={"certificate": "\x85"})
@example(texts={"flag": "/\u2028/"})
@example(texts={"flag": "\\"})
@example(texts={"url": "/a # b\\"})
def test_the_parser_sees_the_texts_and_nothing_else(directives, texts):
    """Whatever the texts are, there is the same tree of directives, with those texts in the place of the plain ones."""
    try:
        rendered = complete(with_texts(texts))
    except CannotQuote:
        assert re.search("[$\x00-\x1f\x7f\ud800-\udfff]", "".join(texts.values()))
        return
    plain = complete(PLAIN)
    wanted = [(depth, *(substituted(word, texts) for word in words)) for depth, *words in directives(plain)]
    assert [strip(each) for each in directives(rendered)] == [strip(each) for each in wanted]


def complete(deployment):
    """The complete nginx.conf, which holds the text of the sites."""
    return next(each.text for each in render(deployment).artifacts if each.path == "nginx/nginx.conf")


def substituted(argument, texts):
    """An argument of the plain configuration with the plain text replaced by the one given, as crossplane shows it."""
    for name, text in texts.items():
        plain = f"the-{name}."
        if argument.startswith(plain):
            shown = text.rstrip("/") if name == "static" else text
            return shown.replace("\\", "\\\\") + argument.removeprefix(plain)  # crossplane leaves \\ doubled
    return argument


def strip(directive):
    """Without empty arguments at the end of an `if`, which crossplane makes of its parenthesis."""
    return tuple(word for word in directive if word or directive[1] != "if")


KEYS = {
    "http.domains": ["a.test", "*.", ""],
    "http.upstream": ["web:8000", "unix:/run/", "127.0.0.1:80", "[::1]:80"],
    "http.resolver": ["127.0.0.1", "127.0.0.1:53", "[::1]"],
    "http.acme_root": ["/", "/srv/acme"],
    "http.trusted_proxies": ["10.0.0.0/8", "10.0.0.1", "fd00::"],
    "http.real_ip_header": ["X-Real-IP", ""],
    "http.health_path": ["/health", "/"],
    "http.content_security_policy": ["default-src 'self'", ""],
    "maintenance.flag": ["/run/flag", "/"],
    "maintenance.page": ["/srv/page", "/"],
    "maintenance.directory": ["/srv/pages", "/"],
    "maintenance.bypass": ["192.0.2.1", "2001:db8::/32"],
}
STARTS = [(key, start) for key, starts in KEYS.items() for start in starts]


@pytest.mark.needs("nginx", "openssl")
@given(
    start=st.sampled_from(STARTS),
    text=st.text(st.sampled_from("\"'\\;{}#$ ~*=@/.%-:1a日") | st.characters(exclude_categories=["Cs"]), max_size=6),
)
@example(("http.content_security_policy", "x"), '" always; } server { listen 81; ')
@example(("maintenance.flag", "/a"), '") { return 200; } if (-f "/b')
def test_nginx_accepts_what_is_not_refused(tmp_path_factory, start, text):
    """A text anywhere in envkit.toml is refused by envkit, or the real nginx accepts the files."""
    (key, begin) = start
    table, _, name = key.partition(".")
    listed = name in {"domains", "trusted_proxies", "bypass"}
    value = json.dumps([begin + text] if listed else begin + text).replace("\x7f", "\\u007f")
    toml = f'name = "shop"\napp = "shop:app"\n[{table}]\n{name} = {value}\n'
    try:
        rendering = render_target("nginx", read_description(toml, {}))
    except DescriptionError:
        return
    folder = tmp_path_factory.mktemp("accepted")
    write_artifacts(rendering.artifacts, folder)
    assert judge([str(folder)]) == 0


@pytest.mark.needs("nginx", "openssl")
def test_nginx_opens_folders_of_any_name(tmp_path):
    """Folders with quotes, braces, backslashes or blanks in their names are those that are served."""
    names = [
        'a "quoted" one',
        "it's",
        "{braces}; # and more",
        "back\\slash",
        "two\\\\",
        "end\\",
        "naïve 日本",
        "~*",
        "a'\"b",
    ]
    static = {}
    for index, name in enumerate(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_text(name)
        static[f"/static-{index}/"] = StaticFiles(directory=str(tmp_path / name))
    deployment = Deployment(name="shop", app="shop:app", http=Http(upstream="127.0.0.1:9", static=static))
    nginx = Nginx("nginx", tmp_path / "nginx 'own' {folder}", deployment)
    try:
        served = [nginx.ask(f"/static-{index}/file.txt").body.decode() for index in range(len(names))]
    finally:
        nginx.stop()
    assert served == names


@pytest.mark.parametrize("name", ["shop$", "shop;", "shop\n", "Shop", "", "ショップ"])
def test_a_name_that_cannot_be_part_of_a_variable(name):
    """The name is part of variables, which cannot be quoted, so that another than the description allows is refused."""
    with pytest.raises(CannotQuote, match="this name, which is part of variables"):
        render(replace(PLAIN, name=name))
