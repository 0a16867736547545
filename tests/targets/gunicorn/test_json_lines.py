"""What gunicorn says and what the app leaves to it: one JSON object a line, whatever happens, and whatever it holds."""

from __future__ import annotations

import json
import logging
import signal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envkit.deployment.reading import read_description
from envkit.targets.gunicorn import render
from tests.targets.gunicorn.test_serving import HEAD, ask, get, serve

__all__ = ["serve"]  # the fixture

APP = """
import logging, os, signal, time

log = logging.getLogger("shop")

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise ValueError("line one\\nline two \\udc80 \\x1b[31m 'é' \\U0001f600")
    if path == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/hang":
        open("hangs", "w").close()
        time.sleep(600)
    if path == "/log":
        log.info("not shown: nobody asked for it")
        log.warning("%s\\n%s", "{\\"a\\": 1}", "x" * 100_000)
        log.error("%d does not fit", "this")
        environ["wsgi.errors"].write("as it is\\n")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
FLASK = """
import flask, logging
{before}
app = flask.Flask("shop")
{after}
@app.get("/raise")
def fail():
    raise ValueError("line one\\nline two")

@app.get("/")
def index():
    return "ok"
"""
SYNC = '[processes.web]\nworkers = 1\nworker_class = "sync"\n'


def lines_of(server):
    """The lines on standard error, each of which must be JSON in ASCII."""
    text = server.err.read_bytes()
    assert text.isascii()
    return [json.loads(line) for line in text.decode().splitlines()]


def test_whatever_happens(serve, tmp_path):
    """Start, an exception of the app, a killed and a hanging worker, and the stop."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC + "[http.timeouts]\nrequest = 2\n", app=APP).ready(path)
    assert ask(path, get("/raise")).startswith(b"HTTP/1.1 500 ")
    ask(path, get("/kill"))
    assert ask(path, get()).startswith(b"HTTP/1.1 200 OK")
    ask(path, get("/hang"))
    server.wait_for(lambda: "WORKER TIMEOUT" in server.err.read_text())
    assert ask(path, get()).startswith(b"HTTP/1.1 200 OK")
    assert server.stop() == 0
    lines = lines_of(server)
    said = "\n".join(line["message"] for line in lines)
    for words in ("Listening at", "Booting worker", "SIGKILL", "WORKER TIMEOUT", "Shutting down"):
        assert words in said
    assert {line["logger"] for line in lines} == {"gunicorn.error"}
    assert {"info", "error", "critical"} <= {line["level"] for line in lines}
    assert server.process.pid in {line["pid"] for line in lines}
    (raised,) = [line["exception"] for line in lines if "ValueError" in line.get("exception", "")]
    assert raised.startswith("Traceback (most recent call last):\n")
    assert "line one\nline two" in raised
    assert "\U0001f600" in raised


def test_a_worker_that_cannot_begin(serve):
    """An app that cannot be imported is told with its traceback."""
    server = serve(SYNC, app="import no_such_module")
    assert server.process.wait(60) == 3
    lines = [json.loads(line) for line in server.err.read_text().splitlines() if line.startswith("{")]
    assert [line for line in lines if "No module named 'no_such_module'" in line.get("exception", "")]


def test_what_the_app_logs_without_configuring_it(serve, tmp_path):
    """Warnings and errors are JSON, also huge and broken ones; what it writes to wsgi.errors stays its own."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC, app=APP).ready(path)
    ask(path, get("/log"))
    server.stop()
    text = server.err.read_text()
    assert "\nas it is\n" in text
    lines = [json.loads(line) for line in text.replace("as it is\n", "").splitlines()]
    huge, broken = [line for line in lines if line["logger"] == "shop"]
    assert huge["message"].startswith('{"a": 1}\nxxxx')
    assert huge["message"].endswith("xxxx")
    assert len(huge["message"]) < 10_000
    assert (huge["level"], broken["message"], broken["level"]) == ("warning", "%d does not fit", "error")


@pytest.mark.parametrize("options", ["", "preload = true\n"], ids=["", "preload"])
def test_flask(serve, tmp_path, options):
    """An exception in a Flask app that configures no logging is one line."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC + options, app=FLASK.format(before="", after="")).ready(path)
    assert ask(path, get("/raise")).startswith(b"HTTP/1.1 500 ")
    server.stop()
    (line,) = [line for line in lines_of(server) if line["logger"] == "shop"]
    assert line["message"] == "Exception on /raise [GET]"
    assert line["exception"].endswith("ValueError: line one\nline two")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('logging.basicConfig(format="OWN %(message)s")', ""),
        ("", 'flask.logging.default_handler.setFormatter(logging.Formatter("OWN %(message)s"))'),
    ],
    ids=["root", "default handler"],
)
def test_flask_that_configures_its_logging(serve, tmp_path, before, after):
    """What the app chose stays: nothing is said twice, and nothing otherwise."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC, app=FLASK.format(before=before, after=after)).ready(path)
    ask(path, get("/raise"))
    server.stop()
    text = server.err.read_text()
    assert text.count("Exception on /raise") == text.count("OWN Exception on /raise [GET]\nTraceback") == 1


def test_text(serve, tmp_path):
    """As text where text is asked for."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC + '[logs]\nformat = "text"\n', app=APP).ready(path)
    ask(path, get("/raise"))
    server.stop()
    text = server.err.read_text()
    assert "[INFO] Listening at" in text
    assert "\nTraceback (most recent call last):\n" in text


def test_reloaded(serve, tmp_path):
    """SIGHUP reads the file again, and the lines go on as they were, each once."""
    path = str(tmp_path / "web.sock")
    server = serve(SYNC, app=APP).ready(path)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: server.err.read_text().count("Booting worker") == 2)
    ask(path, get("/raise"))
    server.stop()
    assert len([line for line in lines_of(server) if "exception" in line]) == 1


# --- the formatter --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def formatter(tmp_path_factory):
    """The formatter of the rendered file."""
    path = tmp_path_factory.mktemp("rendered") / "gunicorn.conf.py"
    before = logging.lastResort.formatter
    names = {"__file__": str(path)}
    exec(compile(render(read_description(HEAD, {})).artifacts[0].text, path, "exec"), names)  # noqa: S102  our own
    yield names["_JsonFormatter"]()
    logging.lastResort.setFormatter(before)


class Breaks:
    """An argument that cannot be shown."""

    def __str__(self):
        raise RuntimeError("on purpose")


ANY = st.text(st.characters() | st.sampled_from('%s\n\r\0\ud800\u2028\x1b"\\{}'))


@given(ANY | st.binary() | st.integers() | st.builds(Breaks), st.lists(ANY | st.integers() | st.builds(Breaks)), ANY)
@example("%s", [Breaks()], "\U0001f600" * 50_000)
@example("é" * 50_000, [], "é" * 50_000)
@example("%(a)s", [{"a": "b"}], "")
def test_any_record(formatter, message, arguments, words):
    """One line of ASCII below 16 kB, that any reader of JSON takes; whole where it is short."""
    found = (ValueError, ValueError(words), None)
    record = logging.LogRecord("any", logging.ERROR, __file__, 1, message, tuple(arguments), found)
    line = formatter.format(record)
    assert line.isascii()
    assert len(line) <= 16_000
    assert not set(line) & set("\n\r\0\x1b")
    fields = json.loads(line)
    assert set(fields) == {"time", "level", "pid", "logger", "message", "exception"}
    if isinstance(message, str) and not arguments and len(message) < 100:
        assert fields["message"].encode("utf-8", "surrogatepass") == message.encode("utf-8", "surrogatepass")
    if len(words) < 100:
        assert words.encode("utf-8", "surrogatepass") in fields["exception"].encode("utf-8", "surrogatepass")
