"""Reading a `.env` file and a secret file: which text arrives, and what is said when none does."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import traceback

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from envkit.settings import files
from envkit.settings.dotenv import parse
from envkit.settings.files import MAX_SECRET_BYTES, SecretFile, UnreadableFile, load_text, read_secret_file

SECRET = b"Xq7canary"
READERS = [load_text, read_secret_file]


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\r\n\ufeff")), max_size=30))
def test_text_is_what_a_file_opened_in_text_mode_gives(tmp_path_factory, text):
    """Line ends arrive as python-dotenv sees them, and one byte order mark is dropped."""
    path = tmp_path_factory.getbasetemp() / "text"
    path.write_bytes(text.encode())
    with path.open(encoding="utf-8") as stream:
        assert load_text(path) == stream.read().removeprefix("\ufeff")


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfA=1\r\nB='x\r\ny'\r\n", b"A=1\rB=2", "A=\x85 x\u2028\n".encode(), b""]
)
def test_a_file_gives_the_values_that_python_dotenv_gives(tmp_path, content):
    """Reading and parsing a file, with or without BOM, ends in the same values."""
    path = tmp_path / ".env"
    path.write_bytes(content)
    assert parse(load_text(path)).values == dotenv_values(path, encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "text", "dropped"),
    [
        (b"key\n", "key", True),
        (b"key\r\n", "key", True),
        (b"key\n\n", "key\n", True),
        (b"key\r", "key\r", False),
        (b" a\r\nb ", " a\r\nb ", False),
        (b"\n", "", True),
        (b"", "", False),
        (b"\xef\xbb\xbfkey\x00", "\ufeffkey\x00", False),
    ],
)
def test_a_secret_file_loses_one_final_newline_and_nothing_else(tmp_path, content, text, dropped):
    """One final LF or CRLF is dropped and reported; a BOM, NUL, CR or space stays."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    secret = read_secret_file(path)
    assert secret == SecretFile(text, dropped)
    assert repr(secret) == f"SecretFile(text=***, dropped_newline={dropped})"


@pytest.mark.parametrize("read", READERS)
def test_a_path_may_be_text(tmp_path, read):
    """A path is given as `str` or `Path`."""
    path = tmp_path / "file"
    path.write_bytes(b"x\n")
    assert read(str(path)) == read(path)


def test_a_secret_file_up_to_a_mebibyte_is_read(tmp_path):
    """1 MiB is read whole; one byte more is refused."""
    path = tmp_path / "secret"
    path.write_bytes(b"x" * MAX_SECRET_BYTES)
    assert len(read_secret_file(path).text) == MAX_SECRET_BYTES
    path.write_bytes(b"x" * (MAX_SECRET_BYTES + 1))
    message = refusal(read_secret_file, path)
    assert message == f"{path}: is larger than 1 MiB, too large for a secret. is it the right file?"
    assert len(load_text(path)) == MAX_SECRET_BYTES + 1


def test_a_pipe_that_delivers_more_than_a_mebibyte_is_refused(tmp_path):
    """The limit holds for what has no size to look up, too."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write():
        with contextlib.suppress(BrokenPipeError):
            path.write_bytes(SECRET * MAX_SECRET_BYTES)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        message = refusal(read_secret_file, path)
    finally:
        writer.join()
    assert message == f"{path}: is larger than 1 MiB, too large for a secret. is it the right file?"


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_is_named(tmp_path, read):
    """A file that does not exist is an error with its path."""
    assert refusal(read, tmp_path / "none") == f"{tmp_path}/none: no such file"


@pytest.mark.parametrize("read", READERS)
def test_a_directory_is_told_with_the_likely_reason(tmp_path, read):
    """A directory is refused, with the reason that is usual in a container."""
    assert refusal(read, tmp_path) == (
        f"{tmp_path}: is a directory, not a file. "
        "Docker creates a directory where a file to be mounted is missing on the host"
    )


@pytest.mark.parametrize("read", READERS)
def test_a_file_without_permission_names_the_user_id(tmp_path, monkeypatch, read):
    """A file that may not be read is an error which says who tried."""
    path = tmp_path / "file"
    path.write_bytes(SECRET)
    path.chmod(0)
    if os.geteuid() == 0:  # root may read everything, so the kernel's answer is played

        def refuse(*_):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(files.os, "open", refuse)
    message = refusal(read, path)
    user = os.geteuid()
    assert message == f"{path}: permission denied. make it readable for the process, which runs as user id {user}"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"A=1\nB=" + SECRET + b"\xff\n", "is not UTF-8 (line 2). save it as UTF-8"),
        (
            "A=ä".encode("utf-16"),
            "is UTF-16, not UTF-8. save it as UTF-8; Windows PowerShell's > writes UTF-16",
        ),
    ],
)
def test_a_file_that_is_not_utf8_is_told_by_line_without_content(tmp_path, read, content, problem):
    """Bytes that are not UTF-8 are an error with the line, and no content in message, cause or context."""
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refusal(read, path) == f"{path}: {problem}"


@pytest.mark.parametrize("read", READERS)
def test_devices_and_sockets_are_refused(tmp_path, monkeypatch, read):
    """What is neither a regular file nor a pipe is refused; `/dev/zero` would never end."""
    assert refusal(read, "/dev/zero") == "/dev/zero: is not a regular file"
    monkeypatch.chdir(tmp_path)  # a socket's path is limited to 108 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert refusal(read, "socket") == "socket: is not a regular file"


@pytest.mark.parametrize("read", READERS)
def test_the_null_device_is_an_empty_file(read):
    """It says that there is no file where one can be named, as in `--env-file /dev/null`."""
    assert read(os.devnull) in ("", ("", False))


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_to_which_nobody_writes_does_not_hang(tmp_path, monkeypatch, read):
    """A named pipe without a writer is an error after some seconds."""
    monkeypatch.setattr(files, "_PIPE_SECONDS", 0.2)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(read, path) == f"{path}: is a pipe to which nobody wrote for 0.2 seconds"


@pytest.mark.parametrize("read", READERS)
def test_a_pipe_with_a_writer_is_read_to_its_end(tmp_path, read):
    """A named pipe delivers what is written to it, over several writes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = b"A=1\n" * 50_000

    writer = threading.Thread(target=path.write_bytes, args=[content])
    writer.start()
    try:
        result = read(path)
    finally:
        writer.join()
    text = result if isinstance(result, str) else result.text + "\n"
    assert text == content.decode()


@pytest.mark.needs("bash")
def test_process_substitution_delivers_a_secret():
    """`KEY_FILE=<(command)` in bash names a pipe below /dev/fd, which is read like a file."""
    code = "import sys; from envkit.settings.files import read_secret_file as r; print(len(r(sys.argv[1]).text))"
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "{code}" <(echo 12345)', sys.executable],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "5\n"


def test_a_file_below_proc_is_read_though_its_size_is_zero():
    """The kernel gives size 0 for files whose content it makes up when they are read."""
    assert read_secret_file("/proc/self/comm").dropped_newline is True
    assert load_text("/proc/self/status").startswith("Name:")


@pytest.mark.parametrize("path", ["-----BEGIN KEY-----\nXq7canary\n", "Xq7canary\x00", "Xq7canary" * 1000])
@pytest.mark.parametrize("read", READERS)
def test_a_secret_in_place_of_its_path_is_not_repeated(read, path):
    """A text that cannot be a path is not shown, since it may be the secret itself."""
    assert refusal(read, path) == (
        "(not a path): the text given as a file's path cannot be one. "
        "was the value itself put where the path of its file belongs?"
    )


def refusal(read, path) -> str:
    """The message of the error that reading raises; it and all that hangs on it hold nothing of the content."""
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    error = caught.value
    if SECRET.decode() not in str(path):
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert SECRET.decode() not in "".join(trace.format())
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET.decode() not in repr(error)
    return str(error)
