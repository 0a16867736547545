"""The maintenance page: by the flag file for everyone but a bypass list, and whenever the app is down."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from envkit.deployment.model import Deployment, Http, Maintenance
from envkit.targets.nginx import render
from tests.targets.nginx.stack import Nginx, Upstream

PATHS = ["/", "/deep/page?x=y", "/health", "/static/app.3f2a.css", "/static/missing", "/media/app.mjs"]


def is_the_page(answer):
    """Whether it is 503 with the rendered page, and all that belongs to it."""
    return (
        answer.status == 503
        and answer.headers["retry-after"] == "120"
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["content-type"] == "text/html; charset=utf-8"
        and b"be back soon" in answer.body
        and b"about 2 minutes" in answer.body
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_every_request_gets_503_and_the_page(down_for_maintenance, path, method):
    """While the flag file exists, any method on any path gets 503, Retry-After and the page."""
    body = b"x=y" if method in {"POST", "PUT"} else None
    assert is_the_page(down_for_maintenance.ask(path, method=method, body=body))


def test_head_gets_the_headers_of_the_page(down_for_maintenance):
    """HEAD gets 503 and Retry-After, and no body."""
    answer = down_for_maintenance.ask(method="HEAD")
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "120", b"")


def test_plain_http_gets_the_page_too(down_for_maintenance):
    """The port for plain HTTP does not send people to another 503."""
    assert is_the_page(down_for_maintenance.ask(method="POST", body=b"", tls=False))


def test_the_certificate_authority_passes(down_for_maintenance):
    """ACME challenges are answered, or a certificate could expire during maintenance."""
    challenges = down_for_maintenance.folder / "acme/.well-known/acme-challenge"
    challenges.mkdir(parents=True, exist_ok=True)
    (challenges / "now").write_text("answer")
    assert down_for_maintenance.ask("/.well-known/acme-challenge/now", tls=False).body == b"answer"


@pytest.mark.parametrize("path", ["/", "/health", "/static/app.3f2a.css"])
def test_the_bypass_list_passes(down_for_maintenance, path):
    """Clients of the bypass list use the app as ever, and without a flag it means nothing."""
    assert down_for_maintenance.ask(path, source="127.0.0.2").status == 200
    assert down_for_maintenance.ask("/", source="127.0.0.2", tls=False).status == 308


def test_the_flag_needs_no_reload(shop):
    """The flag counts from the request after it appears until the one after it goes."""
    assert shop.ask().status == 200
    shop.flag.touch()
    try:
        assert shop.ask().status == 503
    finally:
        shop.flag.unlink()
    assert shop.ask().status == 200


def test_a_missing_page_is_503_all_the_same(down_for_maintenance):
    """Where somebody forgot to install the page, the answer is 503 with Retry-After, not 404."""
    page = down_for_maintenance.folder / "nginx/maintenance.html"
    hidden = page.rename(page.with_suffix(".hidden"))
    try:
        answers = [down_for_maintenance.ask(method=method) for method in ("GET", "POST")]
    finally:
        hidden.rename(page)
    assert [(answer.status, answer.headers["retry-after"]) for answer in answers] == [(503, "120")] * 2


def test_the_page_has_no_address(shop):
    """Nobody can ask for the page by its internal address; that of a page of the app reaches the app."""
    assert [shop.ask(f"/.envkit/{name}").status for name in ("maintenance", "unwell", "header-too-large")] == [404] * 3
    assert shop.ask("/maintenance.html").seen["path"] == "/maintenance.html"


def test_the_page_may_show_itself(down_for_maintenance):
    """The page's own style is allowed by its policy, whatever the app's policy is, and nothing else is."""
    headers = down_for_maintenance.ask().headers
    assert headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"].startswith("max-age=")


def test_the_apps_own_503_is_the_apps(shop):
    """An answer of the app passes as it is, 503 too."""
    answer = shop.ask("/own-503")
    assert (answer.status, answer.seen["path"]) == (503, "/own-503")


@pytest.mark.needs("nginx")
def test_the_page_on_an_error_of_the_app(tmp_path):
    """Where it is asked for, the page stands in place of the app's own 503 too, but not on the health path."""
    http = Http(upstream=f"unix:{tmp_path}/web.sock")
    maintenance = Maintenance(retry_after=120, on_error=True)
    upstream = Upstream(tmp_path / "web.sock")
    nginx = Nginx(
        "nginx", tmp_path / "nginx", Deployment(name="shop", app="shop:app", http=http, maintenance=maintenance)
    )
    try:
        answers = [nginx.ask("/own-503", method="GET"), nginx.ask("/own-503", method="POST", body=b"")]
        well = nginx.ask("/")
        unwell = nginx.ask("/health?unwell")
    finally:
        nginx.stop()
        upstream.stop()
    assert [is_the_page(answer) for answer in answers] == [True, True]
    assert (well.status, well.seen["path"]) == (200, "/")
    assert (unwell.status, unwell.seen["path"]) == (503, "/health?unwell")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_page_appears_when_the_app_is_down(shop, method):
    """Without an app every request that needs it gets 503 and the page, and static files are served."""
    shop.upstream.stop()
    try:
        answers = [shop.ask(path, method=method, body=b"" if method == "POST" else None) for path in ("/", "/health")]
        static = shop.ask("/static/app.3f2a.css")
    finally:
        (shop.folder / "web.sock").unlink()
        shop.upstream = Upstream(shop.folder / "web.sock")
    assert [is_the_page(answer) for answer in answers] == [True, True]
    assert static.status == 200
    assert shop.ask(method=method).status == 200


def test_the_log_says_what_was_asked(shop):
    """A webhook that meets the page was a POST, by HTTPS and by plain HTTP."""
    shop.flag.touch()
    try:
        for tls in (True, False):
            shop.ask(f"/webhook?{tls}", method="POST", body=b"{}", tls=tls)
    finally:
        shop.flag.unlink()

    def logged():
        entries = [entry for entry in map(json.loads, shop.log()) if entry["uri"].startswith("/webhook")]
        return [(entry["method"], entry["uri"], entry["status"]) for entry in entries]

    shop.wait_for(lambda: logged() == [("POST", "/webhook?True", 503), ("POST", "/webhook?False", 503)])


@pytest.mark.needs("nginx")
def test_a_page_of_ones_own(tmp_path):
    """A page named in the description is sent, with the app's policy instead of ours, and none is rendered."""
    page = tmp_path / "my page.html"
    page.write_text("<h1>our own</h1>")
    deployment = Deployment(
        name="shop",
        app="shop:app",
        http=Http(upstream="127.0.0.1:9", content_security_policy="default-src 'self'"),
        maintenance=Maintenance(page=str(page)),
    )
    assert "nginx/maintenance.html" not in [artifact.path for artifact in render(deployment).artifacts]
    nginx = Nginx("nginx", tmp_path / "nginx", deployment)
    try:
        answer = nginx.ask(host="anything.test")
    finally:
        nginx.stop()
    assert (answer.status, answer.body) == (503, b"<h1>our own</h1>")
    assert answer.headers["content-security-policy"] == "default-src 'self'"


def test_the_page_is_self_contained():
    """The page loads nothing from anywhere, and says its language."""
    deployment = Deployment(name="shop", app="shop:app")
    (page,) = (a.text for a in render(deployment).artifacts if a.path == "nginx/maintenance.html")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert not [word for word in ("src=", "url(", "@import", "<script", "<link") if word in page]
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a minute"), (60, "1 minute"), (61, "2 minutes"), (3600, "1 hour"), (5400, "2 hours"), (200_000, "3 days")],
)
def test_the_page_says_how_long(seconds, words):
    """Retry-After is said in words, rounded up."""
    deployment = Deployment(name="shop", app="shop:app")
    deployment = replace(deployment, maintenance=Maintenance(retry_after=seconds))
    (page,) = (a.text for a in render(deployment).artifacts if a.path == "nginx/maintenance.html")
    assert f"try again in about {words}.<" in page


def test_the_health_path_is_never_logged(shop):
    """Not when the app answers it, not during maintenance."""
    shop.ask("/health?well")
    shop.flag.touch()
    try:
        shop.ask("/health?flagged")
        shop.ask("/flagged")
    finally:
        shop.flag.unlink()
    shop.wait_for(lambda: "/flagged" in [json.loads(line)["uri"] for line in shop.log()])
    logged = [json.loads(line)["uri"] for line in shop.log()]
    assert not [uri for uri in logged if uri.startswith("/health")]
