"""Compressed static files: the right ones, the same bytes, never stale."""

import gzip
import os
import threading

import pytest

from envkit.operations.precompress import precompress

TEXT = b"body { color: black }\n" * 200


@pytest.fixture
def folder(tmp_path):
    """A stylesheet, and a script in a folder below."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "app.css").write_bytes(TEXT)
    (tmp_path / "deep" / "APP.JS").write_bytes(TEXT)
    return tmp_path


def test_text_gets_a_compressed_file_beside_it(folder):
    """Every compressible file gets a .gz that decompresses to it; those written are returned in order."""
    written = precompress(folder)

    assert written == [folder / "app.css.gz", folder / "deep" / "APP.JS.gz"]
    assert [gzip.decompress(path.read_bytes()) for path in written] == [TEXT, TEXT]


def test_the_bytes_do_not_depend_on_the_day(folder):
    """The same content gives the same .gz at any time."""
    first = precompress(folder)[0].read_bytes()
    os.utime(folder / "app.css", (1, 1))

    assert precompress(folder) == [folder / "app.css.gz"]
    assert (folder / "app.css.gz").read_bytes() == first


def test_what_is_up_to_date_is_left_alone(folder):
    """A second run writes nothing, a changed file is compressed again."""
    precompress(folder)
    assert precompress(folder) == []

    (folder / "app.css").write_bytes(TEXT + b"/* more */")
    os.utime(folder / "app.css", (2, 2))
    assert precompress(folder) == [folder / "app.css.gz"]
    assert gzip.decompress((folder / "app.css.gz").read_bytes()) == TEXT + b"/* more */"

    (folder / "app.css.gz").write_bytes(b"")  # as after a power cut, with the time of the file
    os.utime(folder / "app.css.gz", (2, 2))
    assert precompress(folder) == [folder / "app.css.gz"]


def test_mode_and_time_are_those_of_the_file(folder):
    """Whoever may read the file may read its .gz, and both are as old."""
    (folder / "app.css").chmod(0o640)
    precompress(folder)

    of_file, of_gz = (folder / "app.css").stat(), (folder / "app.css.gz").stat()
    assert (of_gz.st_mode, of_gz.st_mtime_ns) == (of_file.st_mode, of_file.st_mtime_ns)


def test_what_gets_no_smaller_has_no_compressed_file(folder):
    """A .gz that is no smaller is not kept, not even one of an earlier content."""
    precompress(folder)
    (folder / "app.css").write_bytes(b"a{}")
    os.utime(folder / "app.css", (3, 3))

    assert precompress(folder) == []
    assert not (folder / "app.css.gz").exists()


def test_pictures_links_and_hidden_files_are_passed_over(tmp_path):
    """What is compressed already, a link, and anything hidden get no .gz."""
    for name in ("a.png", "b.woff2", ".hidden.css", "plain"):
        (tmp_path / name).write_bytes(TEXT)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.css").write_bytes(TEXT)
    (tmp_path / "link.css").symlink_to(tmp_path / "a.png")

    assert precompress(tmp_path) == []


def test_a_write_that_fails_leaves_nothing_behind(folder, monkeypatch):
    """When the .gz cannot be put in place, the error is raised and no scratch file stays."""

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        precompress(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["app.css", "deep"]


def test_a_missing_folder_is_an_error(tmp_path):
    """A folder that is not there is an error, not nothing to do."""
    with pytest.raises(FileNotFoundError):
        precompress(tmp_path / "nowhere")


def test_what_is_no_plain_file_is_passed_over(folder):
    """Whoever reads a pipe waits until somebody writes."""
    os.mkfifo(folder / "pipe.css")
    written = os.open(folder / "pipe.css", os.O_RDWR)
    os.write(written, TEXT)
    end = threading.Timer(10, os.close, [written])
    end.start()
    assert folder / "pipe.css.gz" not in precompress(folder)
    end.cancel()
    os.close(written)
