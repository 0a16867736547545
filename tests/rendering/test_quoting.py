"""Each language's real parser reads what was quoted as the value that went in, or quoting refuses it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import tomllib

import crossplane
import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from envkit.rendering import quoting
from envkit.rendering.quoting import CannotQuote

SPECIAL = "'\"\\$%#{};`|&<>()[]~*? \t\n\r\x00\x01\x1b\x7f\x85\xa0\u2028\u2029\ufeff\ufffe\U0001f600\ud800"
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(SPECIAL), st.sampled_from("ab/.:-")), max_size=40)
PLAIN = TEXT.filter(lambda text: not re.search("[\ud800-\udfff]", text))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4),
    max_leaves=8,
)


def quoted_or_none(quote, value):
    """What `quote` gives, or None where it refuses."""
    try:
        return quote(value)
    except CannotQuote:
        return None


# --- nginx ---


@settings(max_examples=300)
@given(TEXT)
@example("")
@example("a\\")
@example('\\"')
@example("\\\\")
@example("#")
@example("{")
def test_nginx_by_crossplane(text):
    """Crossplane sees one directive with one argument: the text, in which it leaves a doubled backslash as it is."""
    quoted = quoted_or_none(quoting.quote_nginx, text)
    if quoted is None:
        assert re.search("[\x00-\x1f\x7f$\ud800-\udfff]", text)
        return
    assert [token for token, _, _ in crossplane.lexer._lex_file_object(f"set {quoted};\n")] == [
        "set",
        text.replace("\\", "\\\\"),
        ";",
    ]


@pytest.mark.needs("nginx")
def test_nginx_by_nginx(tmp_path):
    """Nginx itself makes of each quoted text that text: it appears in a list of names that nginx prints when run."""
    texts = [
        "",
        "a b",
        'quo"te',
        "back\\slash",
        "end\\",
        "\\n",
        "\\\\",
        '\\"',
        "it's",
        "#no",
        "a;b",
        "{x}",
        "ä€😀",
        "~^*",
    ]
    served = serve_texts(tmp_path, texts)
    assert served == [text.encode() for text in texts]


def serve_texts(folder, texts):
    """The bodies that a real nginx answers with, one `return 200 TEXT` for each."""
    import socket
    import time

    locations = "".join(
        f"location = /{index} {{ return 200 {quoting.quote_nginx(text)}; }}\n" for index, text in enumerate(texts)
    )
    (folder / "nginx.conf").write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off; master_process off; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"server {{ listen unix:{folder}/sock;\n{locations} }} }}\n"
    )
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/usr/local/sbin")
    process = subprocess.Popen([program, "-p", folder, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not (folder / "pid").exists():  # the socket's file is there before anybody listens
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        bodies = []
        for index in range(len(texts)):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(20)
                connection.connect(str(folder / "sock"))
                connection.sendall(f"GET /{index} HTTP/1.0\r\n\r\n".encode())
                answer = b""
                while piece := connection.recv(65536):
                    answer += piece
            bodies.append(answer.partition(b"\r\n\r\n")[2])
        return bodies
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.needs("nginx")
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=120, max_size=120))
def test_nginx_by_nginx_arbitrary(tmp_path_factory, texts):
    """Nginx serves arbitrary texts byte for byte, those apart that were refused."""
    kept = [text for text in texts if quoted_or_none(quoting.quote_nginx, text) is not None]
    assert serve_texts(tmp_path_factory.mktemp("nginx"), kept) == [text.encode() for text in kept]


def test_nginx_longest():
    """An argument that does not fit nginx's buffer is refused."""
    quoting.quote_nginx("a b" * 1000)
    with pytest.raises(CannotQuote, match="of more than 4000 bytes"):
        quoting.quote_nginx("€" * 1400)


def test_nginx_scalars():
    """Booleans are on and off, whole numbers are plain, and nothing else has a spelling."""
    assert [quoting.quote_nginx(value) for value in (True, False, 8, "a/b.c")] == ["on", "off", "8", "a/b.c"]
    for value in (None, 1.5, ["a"], {"a": 1}, b"a"):
        with pytest.raises(CannotQuote):
            quoting.quote_nginx(value)


def test_nginx_units():
    """Durations and sizes are written with the largest unit that is exact."""
    assert [quoting.nginx_duration(value) for value in (30.0, 0.5, 0, 0.0001)] == ["30s", "500ms", "0s", "1ms"]
    assert [quoting.nginx_size(value) for value in (1, 8192, 1048576, 1500, 0)] == ["1", "8k", "1m", "1500", "0"]
    for refused in (lambda: quoting.nginx_duration(-1), lambda: quoting.nginx_size(-1)):
        with pytest.raises(CannotQuote):
            refused()


# --- Python, YAML, TOML ---


@given(VALUES | TEXT)
def test_python(value):
    """Python's own parser reads the same value."""
    read = ast.literal_eval(quoting.quote_python(value))
    assert repr(read) == repr(value)


@given(VALUES | TEXT)
def test_yaml(value):
    """PyYAML, a reader of YAML 1.1, sees the same value."""
    quoted = quoted_or_none(quoting.quote_yaml, value)
    if quoted is None:
        assert isinstance(value, str)
        assert re.search("[\ud800-\udfff]", value)
        return
    assume(not re.search(r"\de[+-]?\d", json.dumps(value)))  # YAML 1.1 wants a dot before an exponent
    assert yaml.safe_load(f"key: {quoted}\n") == {"key": value}


@given(PLAIN)
def test_compose(text):
    """Compose turns two dollar signs into one, and there is no single one left for it to expand."""
    read = yaml.safe_load(quoting.quote_compose(text))
    assert "$" not in read.replace("$$", "")
    assert read.replace("$$", "$") == text


def test_github():
    """An expression of GitHub Actions is refused; every other text is YAML as usual."""
    assert quoting.quote_github("a $ b {{ c }}") == '"a $ b {{ c }}"'
    with pytest.raises(CannotQuote, match="begins an expression"):
        quoting.quote_github(["${{ secrets.KEY }}"])


@given(TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.lists(PLAIN))
def test_toml(value):
    """Python's tomllib reads the same value."""
    quoted = quoted_or_none(quoting.quote_toml, value)
    if quoted is None:
        assert isinstance(value, str)
        assert re.search("[\ud800-\udfff]", value)
        return
    assert repr(tomllib.loads(f"key = {quoted}\n")["key"]) == repr(value)


@pytest.mark.parametrize("quote", [quoting.quote_python, quoting.quote_yaml, quoting.quote_toml])
def test_no_spelling(quote):
    """Numbers that are not finite and other types are refused everywhere."""
    for value in (float("nan"), float("inf"), b"bytes", object(), {1}):
        with pytest.raises(CannotQuote):
            quote(value)


# --- shell ---


@pytest.mark.needs("bash", "dash")
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=30, max_size=30))
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_shell(shell, texts):
    """A shell hands each quoted word on as it was."""
    kept = [text for text in texts if quoted_or_none(quoting.quote_shell, text) is not None]
    assert all("\0" in text or re.search("[\ud800-\udfff]", text) for text in texts if text not in kept)
    script = f"printf '%s\\0' {quoting.quote_shell(kept)}\n"
    result = subprocess.run([shell], input=script.encode(), capture_output=True, check=True, timeout=60)
    assert result.stdout == b"".join(text.encode() + b"\0" for text in kept)


# --- systemd ---


def systemd_words(text):
    """Words as systemd.syntax(7) describes them, read by code that shares nothing with what it checks."""
    words, word, quote, index = [], None, "", 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
            word = (word or "") + {"n": "\n", "t": "\t", "s": " "}.get(text[index], text[index])
        elif quote:
            word, quote = (word, "") if char == quote else ((word or "") + char, quote)
        elif char in "\"'" and word is None:
            word, quote = "", char
        elif char in " \t":
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + char
        index += 1
    assert not quote
    return words + ([] if word is None else [word])


@given(st.lists(TEXT, max_size=4))
def test_systemd_command(words):
    """The words of a command come back after systemd's unquoting, with specifiers and variables undone."""
    quoted = quoted_or_none(quoting.systemd_command, ["/usr/bin/env", *words])
    if quoted is None:
        assert any(re.search("[\x00-\x1f\x7f\ud800-\udfff]", word) for word in words)
        return
    assert not re.search(r"(?<!%)(?:%%)*%(?!%)", quoted)
    assert not re.search(r"(?<!\$)(?:\$\$)*\$(?!\$)", quoted)
    read = [word.replace("%%", "%").replace("$$", "$") for word in systemd_words(quoted)]
    assert read == ["/usr/bin/env", *words]


@pytest.mark.needs("systemd-analyze")
def test_systemd_itself(tmp_path):
    """systemd-analyze accepts a unit with difficult words, and warns of nothing."""
    words = ["a b", 'quo"te', "back\\slash", "%n", "$HOME", "${X}", "it's", ";", "", "ä€", "#"]
    unit = tmp_path / "difficult.service"
    unit.write_text(
        f"[Unit]\nDescription={quoting.systemd_line('50% of $all; «quoted»')}\n[Service]\n"
        f"Environment={quoting.systemd_word('NAME=a b%$')}\n"
        f"ExecStart={quoting.systemd_command(['/bin/true', *words])}\n"
    )
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, "difficult.service:" in result.stderr) == (0, False), result.stderr


def test_systemd_default_is_strict():
    """Without a word about the place, only text that means the same everywhere is written."""
    assert quoting.quote_systemd("/run/shop/web.sock") == "/run/shop/web.sock"
    assert [quoting.quote_systemd(value) for value in (True, False, 40)] == ["yes", "no", "40"]
    for text in ("a b", "%n", "$X", '"', "\\", "ä", "a\nb"):
        with pytest.raises(CannotQuote):
            quoting.quote_systemd(text)


def test_systemd_refusals():
    """What a line or a program's name cannot hold is refused."""
    for refused in (
        lambda: quoting.systemd_line("a\nExecStart=/bin/evil"),
        lambda: quoting.systemd_line("ends in \\"),
        lambda: quoting.systemd_line(" blank"),
        lambda: quoting.systemd_line('"quoted"'),
        lambda: quoting.systemd_command([]),
        lambda: quoting.systemd_command(["-/bin/true"]),
        lambda: quoting.systemd_command(["two words"]),
        lambda: quoting.systemd_word("\ufdd0"),
        lambda: quoting.systemd_line("\U0001fffe"),
    ):
        with pytest.raises(CannotQuote):
            refused()


# --- Dockerfile -----------------------------------------------------------------------------------------------------


@given(st.lists(st.text()))
def test_a_dockerfiles_words_are_json_on_one_line(words):
    """The exec form is JSON (Dockerfile reference), and the builder ends an instruction at a newline."""
    if any("\0" in word for word in words):
        with pytest.raises(CannotQuote):
            quoting.quote_dockerfile(words)
        return
    text = quoting.quote_dockerfile(words)
    assert json.loads(text) == words
    assert not {"\n", "\r"} & set(text)


@pytest.mark.parametrize("value", ["text", True, None, 1.5, [1], {"a": "b"}])
def test_nothing_else_is_an_exec_form(value):
    """A text alone would be a shell's line."""
    with pytest.raises(CannotQuote):
        quoting.quote_dockerfile(value)
