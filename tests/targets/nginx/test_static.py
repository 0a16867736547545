"""Static files: what is served, how it is cached and compressed, what is never served; headers on every answer."""

from __future__ import annotations

import json
import socket

import pytest

from envkit.operations.precompress import precompress

ESCAPES = [
    "/static../secret.txt",
    "/static/../secret.txt",
    "/static/..%2fsecret.txt",
    "/static/%2e%2e/secret.txt",
    "/static//../../secret.txt",
    "/static/deep/..%2f..%2f..%2fsecret.txt",
    "/static-old/secret.txt",
    "/static%20files-old/secret.txt",
    "/static/.secret",
    "/static/%2esecret",
    "/static/deep/.git/config",
    "/static/deep/../.secret",
]


def test_a_hashed_file_is_kept_for_a_year(shop):
    """Files whose names change with their content are cached for a year and immutable."""
    answer = shop.ask("/static/app.3f2a.css")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"


def test_another_file_is_kept_for_as_long_as_declared(shop):
    """Other files are cached for max_age."""
    answer = shop.ask("/media/app.mjs")
    assert answer.headers["cache-control"] == "public, max-age=600"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_an_error_is_not_kept(shop):
    """A file that is missing during a deployment must not be missing for a year."""
    answer = shop.ask("/static/missing.css")
    assert answer.status == 404
    assert "cache-control" not in answer.headers


def test_unchanged_files_are_not_sent_again(shop):
    """A browser that has the file gets 304."""
    etag = shop.ask("/static/app.3f2a.css").headers["etag"]
    assert shop.ask("/static/app.3f2a.css", headers={"If-None-Match": etag}).status == 304


def test_a_precompressed_file_is_sent(shop):
    """The .gz beside a file goes to clients that take it, the file itself to the others."""
    folder = shop.folder / "static files"
    try:
        precompress(folder)
        compressed = shop.ask("/static/app.3f2a.css", headers={"Accept-Encoding": "gzip"})
        assert compressed.headers["content-encoding"] == "gzip"
        assert compressed.body == (folder / "app.3f2a.css.gz").read_bytes()
        assert compressed.headers["content-type"] == "text/css; charset=utf-8"
        assert compressed.headers["vary"] == "Accept-Encoding"
        plain = shop.ask("/static/app.3f2a.css")
        assert plain.body == (folder / "app.3f2a.css").read_bytes()
    finally:
        for path in folder.glob("*.gz"):
            path.unlink()


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_outside_is_served(shop, path):
    """No spelling of an address reaches a file outside the folder, or a hidden one."""
    answer = shop.raw(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"secret" not in body or json.loads(body)["path"] == path  # the app, which is asked for what is not static
    assert head.split()[1] in {b"404", b"400", b"200"}


def test_the_way_to_a_folder_names_no_host(shop):
    """Behind a load balancer or in a container nginx knows neither the scheme nor the port that the client used."""
    answer = shop.ask("/static/deep")
    assert (answer.status, answer.headers["location"]) == (301, "/static/deep/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_static_file_is_only_read(shop, method):
    """Other methods than GET and HEAD are refused."""
    assert shop.ask("/static/app.3f2a.css", method=method, body=b"x").status in {404, 405}
    assert (shop.folder / "static files/app.3f2a.css").stat().st_size == 2200


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/static/app.3f2a.css", "/static/missing", "/static/.secret", "/media/", "/own-503", "/%00"],
)
def test_every_answer_has_the_security_headers(shop, path):
    """Each header once, on what the app sends, on static files and on errors."""
    answer = shop.ask(path)
    names = [name for name, _ in answer.pairs]
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin-when-cross-origin",
        "content-security-policy": "default-src 'self'",
        "strict-transport-security": "max-age=63072000",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert [names.count(name) for name in (*expected, "x-request-id")] == [1] * 5


def test_the_apps_own_policies_win(shop):
    """The app may send another Referrer-Policy or CSP; what nginx answers for itself, the app cannot change."""
    headers = shop.ask("/own-headers").headers
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert len(headers["x-request-id"]) == 32


def test_plain_http_sends_no_hsts(shop):
    """HSTS means nothing over plain HTTP (RFC 6797, section 8.1)."""
    headers = shop.ask(tls=False).headers
    assert "strict-transport-security" not in headers
    assert headers["x-content-type-options"] == "nosniff"


def test_one_json_line_for_each_request(shop):
    """Each line is one JSON object whose texts are those of the request, whatever the client sends."""
    hostile = '"}\\ <script> \\" {"status":999} \\x00'
    before = len(shop.log())
    shop.ask('/a"b', headers={"User-Agent": hostile, "Referer": "\xff\xfe\t\x7f"})
    shop.raw(b"GET / HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: \xc3(\x01\r\nConnection: close\r\n\r\n")
    shop.raw(b"NONSENSE\r\n\r\n", host="shop.test")

    def entries_of(uri):
        return [entry for entry in map(json.loads, shop.log()[before:]) if entry["uri"] == uri]

    shop.wait_for(lambda: entries_of('/a"b') and entries_of("/"))  # nginx logs a request after its answer
    (entry,) = entries_of('/a"b')
    assert entry["user_agent"] == hostile
    assert (entry["status"], entry["method"], entry["client"]) == (200, "GET", "127.0.0.1")
    assert entry["duration"] >= 0
    assert entry["bytes"] > 0
    entries = [json.loads(line) for line in shop.log()[before:]]
    assert {entry["host"] for entry in entries} <= {"shop.test", "_"}


def test_bytes_that_are_no_utf8_are_not_logged(shop):
    """UTF-8 is logged whole, the longest header, too; other text up to the byte that is none, whatever field it is in.

    What Python decodes is the judge: bytes that it refuses would make the line one that no reader of JSON takes.
    """
    texts = [
        *(c.encode() for c in ("\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000")),
        *(b"\xf4\x8f\xbf\xbf", "\u2028\x85é🔑".encode(), "é".encode() * 1900, b"a" * 3900),
        *(b"\x80", b"\xc1\xbf", b"\xc2", b"\xc3(", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xef\xbf", b"\xf0\x8f\xbf\xbf"),
        *(b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff", "é".encode() * 1900 + b"\xe9"),
    ]
    before = len(shop.log())
    for number, text in enumerate(texts):
        short = text if len(text) < 100 else b""
        request = (
            b"GET /%d%s HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: .%s.\r\nReferer: %s\r\nConnection: close\r\n\r\n"
        )
        shop.raw(request % (number, short, text, short))

    def logged(text):
        good = text
        while good:
            try:
                return good.decode() + ("" if good == text else "\ufffd")
            except UnicodeDecodeError as error:
                good = good[: error.start]
        return "\ufffd"

    shop.wait_for(lambda: len(shop.log()) >= before + len(texts))
    entries = [json.loads(line) for line in shop.log()[before:]]
    assert [entry["user_agent"] for entry in entries] == [logged(b"." + text + b".") for text in texts]
    short = [text if len(text) < 100 else b"" for text in texts]
    assert [entry["referer"] for entry in entries] == [logged(text) if text else "" for text in short]
    assert [entry["uri"] for entry in entries] == [logged(b"/%d%s" % pair) for pair in enumerate(short)]


def test_a_request_that_is_broken_off_is_a_json_line(shop):
    """It has no status, of which nginx would write 000; here a client of HTTP/2 leaves amid its header."""
    method_scheme_path, host, unsent = b"\x83\x87\x84", b"\x01\x09shop.test", 10  # RFC 7541, appendix A
    header = method_scheme_path + host
    start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))  # RFC 9113, section 3.4
    headers_frame = (len(header) + unsent).to_bytes(3, "big") + bytes((1, 5, 0, 0, 0, 1)) + header
    before = len(shop.log())
    with shop.connect(protocols=("h2",)) as connection:
        connection.sendall(start + headers_frame)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    def entries():
        return [entry for entry in map(json.loads, shop.log()[before:]) if entry["protocol"] == "HTTP/2.0"]

    shop.wait_for(entries)
    assert [(entry["status"], entry["method"]) for entry in entries()] == [(0, "POST")]
