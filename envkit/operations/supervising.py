"""Supervising programs that belong together: one signal ends all, and the end of one is the end of all."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

PATIENCE = 60.0
"""Seconds that a program has to answer for the first time."""
_STANDARD_ERROR = 2
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Program(NamedTuple):
    """A program to run."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    stop: signal.Signals
    """What asks it to finish its work and end."""
    is_up: Callable[[], bool]
    """Asked again and again until it says so; then the next program is started."""


def supervise(
    programs: Sequence[Program],
    *,
    on_ready: Callable[[], None],
    grace: float,
    say: Callable[[str], None],
    patience: float = PATIENCE,
) -> int:
    """Runs `programs` until SIGINT, SIGTERM or SIGHUP comes, or one of them ends; then ends all of them.

    Their standard output and error are this process's standard error. Each has a process group of its own, so that
    Ctrl-C at a terminal reaches this process alone; should it be killed, Linux ends them.

    Args:
        programs: started in this order, each when the one before it is up.
        on_ready: called once when all are up.
        grace: seconds from the request to end until the kill; a second signal shortens it.
        say: takes one line for the person who waits.
        patience: seconds that each program has to come up.

    Returns:
        0 when a signal ended it, 1 otherwise.
    """
    running: list[tuple[Program, subprocess.Popen[bytes]]] = []
    with _Signals() as signals:
        try:
            for program in programs:
                running.append((program, _start(program)))
                if not _wait_until_up(program, running, signals, patience, say):
                    return 0 if signals.asked_to_end else 1
            on_ready()
            while not signals.asked_to_end:
                if _says_who_ended(running, say):
                    return 1
                signals.wait(None)
            return 0
        finally:
            _end(running, signals, grace, say)


def _wait_until_up(
    program: Program,
    running: list[tuple[Program, subprocess.Popen[bytes]]],
    signals: _Signals,
    patience: float,
    say: Callable[[str], None],
) -> bool:
    deadline = time.monotonic() + patience
    while not signals.asked_to_end:
        if _says_who_ended(running, say):
            return False
        if program.is_up():
            return True
        if time.monotonic() > deadline:
            say(f"{program.name} did not answer within {patience:g} s")
            return False
        signals.wait(0.1)
    return False


def _says_who_ended(running: list[tuple[Program, subprocess.Popen[bytes]]], say: Callable[[str], None]) -> bool:
    ended = [(program, code) for program, process in running if (code := process.poll()) is not None]
    for program, code in ended:
        how = f"exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        say(f"{program.name} ended by itself ({how}); the reason stands above")
    return bool(ended)


def end_as_by_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt, so that what was prepared is removed again."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


# --- starting and ending --------------------------------------------------------------------------------------------


def _start(program: Program) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(program.command),
        env=dict(program.environ),
        stdin=subprocess.DEVNULL,
        stdout=_STANDARD_ERROR,
        start_new_session=True,
        preexec_fn=_ending_with(os.getpid()),  # noqa: PLW1509  this process has one thread
    )


def _ending_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes the program: asks Linux for SIGTERM at the death of its parent."""
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:  # it died before it was asked for
            os._exit(1)

    return ask


def _end(
    running: list[tuple[Program, subprocess.Popen[bytes]]],
    signals: _Signals,
    grace: float,
    say: Callable[[str], None],
) -> None:
    signals.asked_to_end = False
    for program, process in reversed(running):  # nginx first: no new request reaches an app that ends
        if process.poll() is None:
            process.send_signal(program.stop)
    deadline = time.monotonic() + grace
    while any(process.poll() is None for _, process in running):
        left = deadline - time.monotonic()
        if left <= 0 or signals.asked_to_end:
            names = ", ".join(program.name for program, process in running if process.poll() is None)
            say(f"{names} did not end in time and is killed")
            break
        signals.wait(left)
    for _, process in running:
        # The whole group: the workers of a master that died by a signal outlive it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _Signals:
    """Signals as something to wait for: none interrupts what is going on, none is lost."""

    def __init__(self) -> None:
        self.asked_to_end = False
        self._reader, self._writer = os.pipe()  # neither is inherited (PEP 446)
        os.set_blocking(self._writer, False)
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup(1)
            self._before[number] = signal.signal(number, _does_nothing)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float | None) -> None:
        """Waits for a signal, for so many seconds at most."""
        readable, _, _ = select.select([self._reader], [], [], seconds)
        if readable and any(number != signal.SIGCHLD for number in os.read(self._reader, 1024)):
            self.asked_to_end = True


def _does_nothing(number: int, frame: FrameType | None) -> None:
    """A handler has to be there: otherwise the signal would take its own effect (set_wakeup_fd)."""
