"""Files are replaced as a whole or not at all, and nobody's own file is overwritten."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys

import pytest

from envkit.operations.temporaries import open_beside
from envkit.operations.writing import WriteError, compare_artifacts, write_artifacts
from envkit.targets.artifacts import Artifact

HEADER = "# Made by envkit 0.1.0 from envkit.toml.\n"


def _artifact(path="a.conf", body="x\n", mode=0o644):
    return Artifact(path, HEADER + body, mode)


def _files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def _problems(folder, *artifacts, force=False):
    with pytest.raises(WriteError) as caught:
        write_artifacts(artifacts, folder, force=force)
    return [str(finding).replace(str(folder), "OUT") for finding in caught.value.findings]


def test_writes_files_with_their_modes_into_folders_it_makes(tmp_path):
    """Missing folders are made, and a file's mode is the artifact's whatever the umask is."""
    before = os.umask(0o077)
    try:
        changes = write_artifacts([_artifact("n/s/a.conf"), _artifact("run.sh", mode=0o755)], tmp_path / "out")
    finally:
        os.umask(before)
    assert [tuple(change) for change in changes] == [("n/s/a.conf", "written"), ("run.sh", "written")]
    assert (tmp_path / "out/n/s/a.conf").read_text() == HEADER + "x\n"
    assert stat.S_IMODE((tmp_path / "out/n/s/a.conf").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "out/run.sh").stat().st_mode) == 0o755
    assert _files_below(tmp_path / "out") == ["n", "n/s", "n/s/a.conf", "run.sh"]


def test_text_is_written_byte_for_byte(tmp_path):
    """No newline is translated and the text is UTF-8."""
    write_artifacts([_artifact(body="é\r\nz")], tmp_path)
    assert (tmp_path / "a.conf").read_bytes() == HEADER.encode() + "é\r\nz".encode()


def test_an_unchanged_file_is_not_touched(tmp_path):
    """A file that holds the same text keeps its inode and time."""
    write_artifacts([_artifact()], tmp_path)
    before = (tmp_path / "a.conf").stat()
    assert write_artifacts([_artifact()], tmp_path)[0].state == "unchanged"
    after = (tmp_path / "a.conf").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_changed_file_is_replaced_not_rewritten(tmp_path):
    """Who has the old file open goes on reading the old text."""
    write_artifacts([_artifact(body="old\n")], tmp_path)
    with (tmp_path / "a.conf").open() as reader:
        assert write_artifacts([_artifact(body="new\n")], tmp_path)[0].state == "written"
        assert reader.read() == HEADER + "old\n"
    assert (tmp_path / "a.conf").read_text() == HEADER + "new\n"


def test_a_private_file_is_made_private_again(tmp_path):
    """The same text with a mode that lets others read is written anew where the artifact is private."""
    private = _artifact(mode=0o600)
    write_artifacts([private], tmp_path)
    (tmp_path / "a.conf").chmod(0o644)
    assert compare_artifacts([private], tmp_path)[0].state == "differs"
    assert write_artifacts([private], tmp_path)[0].state == "written"
    assert stat.S_IMODE((tmp_path / "a.conf").stat().st_mode) == 0o600


def test_the_umask_of_a_checkout_is_no_difference(tmp_path):
    """0664 or 0600 instead of 0644 is what git makes under another umask."""
    write_artifacts([_artifact()], tmp_path)
    for mode in (0o664, 0o600):
        (tmp_path / "a.conf").chmod(mode)
        assert compare_artifacts([_artifact()], tmp_path)[0].state == "same"


def test_a_file_that_envkit_did_not_make_is_kept(tmp_path):
    """A file without the header is named and left, and nothing else is written either."""
    (tmp_path / "b.conf").write_text("mine\n")
    assert _problems(tmp_path, _artifact(), _artifact("b.conf")) == [
        "OUT/b.conf: was not made by envkit, so it is not overwritten. move it away, or overwrite it with --force"
    ]
    assert _files_below(tmp_path) == ["b.conf"]
    write_artifacts([_artifact("b.conf")], tmp_path, force=True)
    assert (tmp_path / "b.conf").read_text() == HEADER + "x\n"


def test_every_obstacle_is_named_at_once(tmp_path):
    """A directory in the way, a file where a folder has to be, and links are all reported, and nothing is written."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked").symlink_to("elsewhere")
    (tmp_path / "target").write_text(HEADER)
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe")
    before = _files_below(tmp_path)
    found = _problems(
        tmp_path,
        _artifact(),
        _artifact("dir"),
        _artifact("file/a.conf"),
        _artifact("linked/a.conf"),
        _artifact("link"),
        _artifact("pipe"),
    )
    assert found == [
        "OUT/dir: is a directory; a file is to be written there. move it away",
        "OUT/file: is not a directory; files are to be written below it. move it away",
        "OUT/linked: is a symbolic link, which is not followed. make it a directory",
        "OUT/link: is a symbolic link, which is not followed. remove it, or add --force",
        "OUT/pipe: is no regular file; a file is to be written there. move it away",
    ]
    assert _files_below(tmp_path) == before


def test_force_replaces_a_link_and_not_what_it_leads_to(tmp_path):
    """Even with force a link is not followed."""
    (tmp_path / "target").write_text("mine\n")
    (tmp_path / "link").symlink_to("target")
    write_artifacts([_artifact("link")], tmp_path, force=True)
    assert (tmp_path / "target").read_text() == "mine\n"
    assert not (tmp_path / "link").is_symlink()


def test_force_does_not_replace_a_link_to_a_device_or_folder(tmp_path):
    """/dev/stdout is such a link, and no command of root's may make a file of it."""
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "folder").symlink_to(tmp_path)
    assert _problems(tmp_path, _artifact("device"), _artifact("folder"), force=True) == [
        "OUT/device: is a symbolic link to what is no regular file. name another file",
        "OUT/folder: is a symbolic link to what is a directory. name another file",
    ]
    assert _files_below(tmp_path) == ["device", "folder"]


def test_the_output_folder_itself_may_be_a_link(tmp_path):
    """The person who names a link as output folder means where it leads."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    write_artifacts([_artifact("n/a.conf")], tmp_path / "out")
    assert (tmp_path / "real/n/a.conf").exists()


def test_a_dangling_link_as_folder_is_an_obstacle(tmp_path):
    """A link that leads nowhere is no folder and is not made one."""
    (tmp_path / "n").symlink_to("nowhere")
    assert _problems(tmp_path, _artifact("n/a.conf")) == [
        "OUT/n: is not a directory; files are to be written below it. move it away"
    ]


def test_a_full_disk_leaves_everything_as_it_was(tmp_path, monkeypatch):
    """When the second file cannot be written, the first is not replaced, and no temporary file or folder stays."""
    write_artifacts([_artifact(body="old\n")], tmp_path)
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    found = _problems(tmp_path, _artifact(body="new\n"), _artifact("n/b.conf"))
    assert found == ["OUT/n/b.conf: cannot be written: no space left on device"]
    assert _files_below(tmp_path) == ["a.conf"]
    assert (tmp_path / "a.conf").read_text() == HEADER + "old\n"


def test_the_kernels_own_refusal_leaves_everything_as_it_was(tmp_path):
    """The same with a real limit: a file may not grow beyond it (EFBIG), in a process of its own."""
    write_artifacts([_artifact(body="old\n")], tmp_path)
    code = (
        "import resource, signal, sys\nfrom pathlib import Path\n"
        "from envkit.operations.writing import WriteError, write_artifacts\n"
        "from envkit.targets.artifacts import Artifact\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        f"    write_artifacts([Artifact('a.conf', {HEADER!r} + 'new'), Artifact('b', 'x' * 9999)], Path(sys.argv[1]))\n"
        "except WriteError as error:\n    print(error)\n"
    )
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/b: cannot be written: file too large\n"
    assert _files_below(tmp_path) == ["a.conf"]
    assert (tmp_path / "a.conf").read_text() == HEADER + "old\n"


def test_a_kill_between_any_two_steps_leaves_whole_files(tmp_path):
    """Whenever the process is killed, each file is the old one or the new one, and the next one leaves nothing over."""
    new = "n" * 200_000 + "\n"
    write_artifacts([_artifact(body="old\n"), _artifact("b.conf", body="old\n")], tmp_path)
    code = (
        "import os, sys\nfrom pathlib import Path\nimport envkit.operations.writing as writing\n"
        "from envkit.targets.artifacts import Artifact\n"
        "steps = int(sys.argv[2])\n"
        "def watch(event, args):\n"
        "    global steps\n"
        "    if event in ('open', 'os.rename', 'os.mkdir', 'os.chmod'):\n"
        "        steps -= 1\n        if steps == 0: os._exit(9)\n"
        f"files = [Artifact(p, {HEADER!r} + 'n' * 200_000 + '\\n') for p in ('a.conf', 'b.conf')]\n"
        "sys.addaudithook(watch)\nwriting.write_artifacts(files, Path(sys.argv[1]))\n"
    )
    left = set()
    for steps in (1, 3, 5, 6, 7, 8, 9, 10, 11, 12):
        subprocess.run([sys.executable, "-c", code, tmp_path, str(steps)], check=False)
        for name in ("a.conf", "b.conf"):
            assert (tmp_path / name).read_text() in {f"{HEADER}old\n", HEADER + new}
        left |= {path for path in _files_below(tmp_path) if path.endswith(".tmp")}
        write_artifacts([_artifact(body="old\n"), _artifact("b.conf", body="old\n")], tmp_path)
        assert _files_below(tmp_path) == ["a.conf", "b.conf"]
    assert len(left) > 4


def test_leftovers_go_and_the_file_of_a_writer_at_work_stays(tmp_path):
    """What a killed writer left is removed though nothing is to be written; what is locked or another's is not."""
    write_artifacts([_artifact()], tmp_path)
    leftover, descriptor = open_beside(tmp_path / "a.conf")
    others = [".a.conf.tmp", ".a.conf.0123456789ag.tmp", ".b.conf.0123456789ab.tmp", "a.conf.0123456789ab.tmp"]
    for name in others:
        (tmp_path / name).touch()
    (tmp_path / ".a.conf.000000000000.tmp").symlink_to("a.conf")
    assert write_artifacts([_artifact()], tmp_path)[0].state == "unchanged"
    assert leftover.exists()
    os.close(descriptor)
    assert write_artifacts([_artifact()], tmp_path)[0].state == "unchanged"
    assert _files_below(tmp_path) == sorted(["a.conf", ".a.conf.000000000000.tmp", *others])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_files_to_the_folders_owner(tmp_path):
    """Rendering as root into somebody's project does not take it away from them."""
    os.chown(tmp_path, 12345, 12345)
    write_artifacts([_artifact("new/a.conf")], tmp_path)
    for path in (tmp_path / "new", tmp_path / "new/a.conf"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12345)


def test_comparing_says_what_would_change(tmp_path):
    """Same, different with a unified diff, and missing."""
    write_artifacts([_artifact("same"), _artifact("other", body="1\n2\n")], tmp_path)
    same, differs, missing = compare_artifacts(
        [_artifact("same"), _artifact("other", body="1\n3\n"), _artifact("n/new")], tmp_path
    )
    assert (same.state, same.diff) == ("same", "")
    assert differs.state == "differs"
    assert differs.diff.endswith(" # Made by envkit 0.1.0 from envkit.toml.\n 1\n-2\n+3\n")
    assert (missing.state, missing.diff.splitlines()[-1]) == ("missing", "+x")


def test_a_diff_never_shows_lines_of_somebody_elses_file(tmp_path):
    """A file without the header may hold anything, so only the difference is stated."""
    (tmp_path / "a.conf").write_text("password=canary\n")
    (comparison,) = compare_artifacts([_artifact()], tmp_path)
    assert (comparison.state, comparison.diff) == ("differs", "")


def test_comparing_names_what_cannot_be_read(tmp_path):
    """A directory in a file's place is an error with its path."""
    (tmp_path / "a.conf").mkdir()
    with pytest.raises(WriteError, match=r"a\.conf: is a directory"):
        compare_artifacts([_artifact()], tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    """A comparison says that no regular file is there, where reading would wait for ever."""
    artifact = _artifact()
    os.mkfifo(tmp_path / artifact.path)
    with pytest.raises(WriteError, match=r"is no regular file$"):
        compare_artifacts([artifact], tmp_path)
