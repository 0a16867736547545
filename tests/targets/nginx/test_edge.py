"""What reaches the app and what does not: hosts, redirects, forwarded headers, limits, timeouts."""

from __future__ import annotations

import json
import socket
import ssl
import warnings

import pytest

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "off",
    "X-Real-IP": "203.0.113.9",
    "X-Request-ID": "chosen-by-the-client",
    "Forwarded": "for=203.0.113.9;proto=http",
    "Proxy": "http://evil.test",
    "X_Forwarded_Proto": "http",
    "Connection": "close",
}


def test_the_app_answers(shop):
    """A request for a declared domain reaches the app, with its path, query and body as they were sent."""
    answer = shop.ask("/a%2Fb//c?x=%20&y", method="POST", body=b"12345")
    assert (answer.status, answer.seen["path"], answer.seen["body"]) == (200, "/a%2Fb//c?x=%20&y", 5)
    assert shop.ask(host="www.shop.test").status == 200


def test_forwarded_headers_are_nginxs_own(shop):
    """Whatever the client says about itself is overwritten or dropped."""
    seen = shop.ask(headers=SPOOFED).seen["headers"]
    port = shop.deployment.http.tls_port

    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["host"] == seen["x-forwarded-host"] == f"shop.test:{port}"
    dropped = ("port", "prefix", "protocol", "ssl")
    assert not {"forwarded", "proxy", "x_forwarded_proto", *(f"x-forwarded-{name}" for name in dropped)} & set(seen)


def test_the_request_id_is_nginxs_and_told_to_all(shop):
    """The app, the client and the log get the same id, which is not the client's."""
    answer = shop.ask("/id", headers={"X-Request-ID": "chosen-by-the-client"})
    request_id = answer.headers["x-request-id"]

    assert len(request_id) == 32
    assert answer.seen["headers"]["x-request-id"] == request_id
    shop.wait_for(lambda: request_id in [json.loads(line)["request_id"] for line in shop.log()])
    assert [line["uri"] for line in map(json.loads, shop.log()) if line["request_id"] == request_id] == ["/id"]


def test_connections_to_the_app_are_kept(shop):
    """Requests one after the other share a connection to the app."""
    shop.ask()
    before = shop.upstream.connections
    for _ in range(10):
        shop.ask()
    assert shop.upstream.connections - before <= 3  # each of nginx's workers keeps its own


def test_plain_http_is_redirected(shop):
    """Plain HTTP gets 308 to HTTPS with path and query, whatever the method."""
    port = shop.deployment.http.tls_port
    for method in ("GET", "POST"):
        answer = shop.ask("/a%2Fb?c=d&e", method=method, tls=False)
        assert (answer.status, answer.headers["location"]) == (308, f"https://shop.test:{port}/a%2Fb?c=d&e")


def test_the_challenge_of_a_certificate_authority_is_answered(shop):
    """A file in the ACME folder is served over plain HTTP, as text."""
    challenges = shop.folder / "acme/.well-known/acme-challenge"
    challenges.mkdir(parents=True, exist_ok=True)
    (challenges / "token").write_text("token.thumbprint")

    answer = shop.ask("/.well-known/acme-challenge/token", tls=False)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"token.thumbprint", "text/plain")
    assert shop.ask("/.well-known/acme-challenge/other", tls=False).status == 404


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1", "shop.test.evil.test"])
def test_an_unknown_host_gets_no_answer(shop, host):
    """On the port for plain HTTP the connection is closed without a word."""
    assert shop.raw(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), tls=False) == b""
    assert shop.raw(b"GET / HTTP/1.0\r\n\r\n", tls=False) == b""


def test_an_unknown_host_gets_no_handshake(shop):
    """On the port for HTTPS a handshake for another host, or for none, is refused."""
    for host in ("evil.test", None):
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            shop.connect(host=host)


def test_another_host_on_the_connection_is_refused(shop):
    """A handshake for a declared domain opens no way to another host."""
    assert shop.raw(b"GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 421 ")


def offer(version):
    """A TLS client of one version that offers HTTP/2."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the old version, which is what is asked about
        context.minimum_version = context.maximum_version = version
    return context


def connect(shop, context, *, session=None):
    """The session, whether it was resumed, and the protocol of a connection."""
    address = ("127.0.0.1", shop.deployment.http.tls_port)
    with (
        socket.create_connection(address) as connection,
        context.wrap_socket(connection, server_hostname="shop.test", session=session) as secure,
    ):
        return secure.session, secure.session_reused, secure.selected_alpn_protocol()


def test_protocols(shop):
    """HTTP/2 is offered; TLS 1.2 and 1.3 are spoken, and nothing older."""
    assert connect(shop, offer(ssl.TLSVersion.TLSv1_2))[2] == "h2"
    assert connect(shop, offer(ssl.TLSVersion.TLSv1_3))[2] == "h2"
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        connect(shop, offer(ssl.TLSVersion.TLSv1_1))


def test_sessions_are_resumed(shop):
    """A second connection takes up the session of the first, although its host is not that of the default server."""
    client = offer(ssl.TLSVersion.TLSv1_2)
    session, resumed, _ = connect(shop, client)
    assert not resumed
    assert connect(shop, client, session=session)[1]


def test_a_body_that_is_too_large(shop):
    """A body above the limit gets 413 and does not reach the app; one at the limit does."""
    assert shop.ask(method="POST", body=b"x" * 64 * 1024).seen["body"] == 64 * 1024
    answer = shop.ask("/too-large", method="POST", body=b"x" * (64 * 1024 + 1))
    assert answer.status == 413
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_header_that_is_too_large(shop):
    """A header line above the limit gets 431, an address above it 414, and both are logged."""
    assert shop.ask(headers={"X-Long": "x" * 4000}).status == 200
    assert shop.ask("/too-long", headers={"X-Long": "x" * 4200}).status == 431
    assert shop.ask("/" + "x" * 4200).status == 414


def test_a_slow_client_is_dropped(shop):
    """A header that never ends, or a body that does not come, is given up after the client timeout."""
    head = b"POST / HTTP/1.1\r\nHost: shop.test\r\n"
    assert shop.raw(head) == b""
    assert shop.raw(head + b"Content-Length: 10\r\n\r\n123").split(b"\r\n")[0] in {
        b"",
        b"HTTP/1.1 408 Request Time-out",
    }


def test_an_answer_is_compressed_on_request(shop):
    """What the app sends is compressed for clients that ask for it."""
    answer = shop.ask("/large", headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert len(answer.body) < 10_000
    assert "content-encoding" not in shop.ask("/large").headers


def test_the_version_of_nginx_is_not_told(shop):
    """No answer names the version."""
    assert shop.ask("/static/missing").headers["server"] == "nginx"
