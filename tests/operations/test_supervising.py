"""Programs that belong together start one after another and end together, whatever happens to one of them or to us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from envkit.operations.supervising import Program, supervise

SLEEPS = "import time\ntime.sleep(600)"
NOTES_ITS_END = """\
import signal, sys, time
def end(*_):
    open(sys.argv[1], "w").write("ended")
    sys.exit()
signal.signal(signal.SIGTERM, end)
open(sys.argv[1], "w").write("began")
time.sleep(600)
"""
IGNORES = """\
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("began")
time.sleep(600)
"""


def _program(code, *arguments, name="one", is_up=lambda: True):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return Program(name, command, dict(os.environ), signal.SIGTERM, is_up)


def _supervised(*programs, on_ready=lambda: None, grace=20.0, patience=20.0):
    said = []
    code = supervise(programs, on_ready=on_ready, grace=grace, say=said.append, patience=patience)
    return code, said


def _ask_to_end():
    os.kill(os.getpid(), signal.SIGTERM)


def _is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_signal_ends_all_and_is_no_failure(tmp_path):
    """Each program is asked to end in its way and does so."""
    files = [tmp_path / "a", tmp_path / "b"]
    programs = [_program(NOTES_ITS_END, file, is_up=file.exists) for file in files]
    assert _supervised(*programs, on_ready=_ask_to_end) == (0, [])
    assert [file.read_text() for file in files] == ["ended", "ended"]


def test_signals_mean_again_what_they_meant_before():
    """The handlers of this process are put back."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    _supervised(_program(SLEEPS), on_ready=_ask_to_end)
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    assert before == after


def test_the_end_of_one_is_the_end_of_all(tmp_path):
    """When a program ends by itself that is said, the other is ended, and it is a failure."""
    file = tmp_path / "a"
    code, said = _supervised(
        _program(NOTES_ITS_END, file, is_up=file.exists), _program("raise SystemExit(3)", name="two")
    )
    assert (code, said) == (1, ["two ended by itself (exit code 3); the reason stands above"])
    assert file.read_text() == "ended"


def test_death_by_a_signal_is_said_by_its_name():
    """SIGKILL and not -9."""
    code, said = _supervised(_program("import os; os.kill(os.getpid(), 9)"))
    assert (code, said) == (1, ["one ended by itself (by SIGKILL); the reason stands above"])


def test_the_second_starts_when_the_first_is_up(tmp_path):
    """A program is started only after the one before it said that it is up."""
    file = tmp_path / "a"
    second = _program(f"import os\nassert os.path.exists({str(file)!r})\n{SLEEPS}", name="two")
    assert _supervised(_program(NOTES_ITS_END, file, is_up=file.exists), second, on_ready=_ask_to_end)[0] == 0


def test_one_that_never_comes_up_is_a_failure():
    """After the patience all is ended."""
    assert _supervised(_program(SLEEPS, is_up=lambda: False), patience=0.2) == (1, ["one did not answer within 0.2 s"])


def test_a_signal_before_it_is_up_ends_it_without_failure():
    """Ctrl-C while waiting is no failure, and `on_ready` is not called."""
    called = []

    def is_up():
        _ask_to_end()
        return False

    assert _supervised(_program(SLEEPS, is_up=is_up), on_ready=lambda: called.append(1)) == (0, [])
    assert called == []


def test_one_that_does_not_end_is_killed(tmp_path):
    """After the grace comes SIGKILL, and that is said."""
    file = tmp_path / "a"
    code, said = _supervised(_program(IGNORES, file, is_up=file.exists), on_ready=_ask_to_end, grace=0.3)
    assert (code, said) == (0, ["one did not end in time and is killed"])


def test_the_children_of_a_killed_program_are_ended_too(tmp_path):
    """A master that dies by SIGKILL leaves no worker behind: the whole process group goes."""
    file = tmp_path / "pid"
    code = (
        "import os, subprocess, sys\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {SLEEPS!r}])\n"
        "open(sys.argv[1], 'w').write(str(worker.pid))\nos.kill(os.getpid(), 9)"
    )
    assert _supervised(_program(code, file))[0] == 1
    deadline = time.monotonic() + 20
    while _is_running(int(file.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(int(file.read_text()))


def test_linux_ends_the_programs_of_a_killed_supervisor(tmp_path):
    """SIGKILL to us cannot be handled, so the kernel sends SIGTERM to those we started (PR_SET_PDEATHSIG)."""
    file = tmp_path / "a"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from envkit.operations.supervising import Program, supervise\n"
        f"file = Path({str(file)!r})\n"
        f"program = Program('one', [sys.executable, '-c', {NOTES_ITS_END!r}, str(file)], os.environ,"
        " signal.SIGTERM, file.exists)\n"
        "supervise([program], on_ready=lambda: os.kill(os.getpid(), 9), grace=1, say=print)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    deadline = time.monotonic() + 20
    while file.read_text() != "ended" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert file.read_text() == "ended"
