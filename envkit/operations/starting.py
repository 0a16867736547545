"""What runs commands on a server, and the commands by which an installed app is started there."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.operations.programs import find_program
from envkit.operations.steps import OperationError, stopped
from envkit.operations.surveying import BOOTED
from envkit.operations.tracebacks import shortened
from envkit.targets.systemd import units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envkit.deployment.model import Deployment
    from envkit.operations.server_files import Changes
    from envkit.operations.steps import Steps

    Run = Callable[[Sequence[str]], str | None]

PATIENCE = 300
"""Seconds for one command: starting the app waits until it is healthy."""


class Server(NamedTuple):
    """Where files go, and what runs commands there."""

    root: Path
    run: Run | None
    """Returns what the command printed, or raises OperationError when it fails; None: only files are put in place."""
    unable: str = ""
    """Why nothing can be installed there, in words that follow a colon; empty when it can."""


class Owners:
    """Whose the app's folders are, to give them back where a unit fails: the app that runs goes on to write there.

    systemd gives them with all that is in them to whoever starts (systemd.exec(5), StateDirectory=), and so to a user
    whom the app has from now on.
    """

    def __init__(self, deployment: Deployment, root: Path) -> None:
        self._folders = {f"/{parent}/{deployment.name}": root / parent / deployment.name for parent in _WRITTEN}
        self._before = {name: _owner(folder) for name, folder in self._folders.items()}

    def give_back(self, steps: Steps, run: Run) -> None:
        """Gives to its owner what has another one by now."""
        for name, owner in self._before.items():
            if owner and _owner(self._folders[name]) != owner:
                take(steps, run, ["chown", "--recursive", owner, name])


_WRITTEN = ("var/lib", "var/log")


def _owner(folder: Path) -> str:
    """User and group by number; empty where there is no such folder."""
    try:
        found = folder.stat()
    except OSError:
        return ""
    return f"{found.st_uid}:{found.st_gid}"


def this_server() -> Server:
    """The machine that envkit runs on."""
    unable = "" if BOOTED.is_dir() else "systemd does not run here"
    if os.geteuid() != 0:
        unable = "only root can do this"
    return Server(Path("/"), run_here, unable)


def start(
    deployment: Deployment, steps: Steps, run: Run, owners: Owners, changes: Changes | None, *, released: bool = False
) -> None:
    """Starts an app whose files are in place, or starts anew what is different; nginx reads its files in any case.

    Args:
        deployment: the description.
        steps: tells or rehearses.
        run: runs a command.
        owners: whose the app's folders were before.
        changes: what is different on the disk; None for nothing.
        released: its release has just been run.

    Raises:
        OperationError: a command failed.
    """
    try:
        _start_units(deployment, steps, run, owners, changes, released=released)
    except OperationError:
        with suppress(OperationError):  # visitors see the maintenance page until the app can be started
            _serve(steps, run)
        raise
    _serve(steps, run)


def _serve(steps: Steps, run: Run) -> None:
    take(steps, run, ["systemctl", "enable", "nginx.service"])
    take(steps, run, ["systemctl", "reload-or-restart", "nginx.service"])


def try_out(deployment: Deployment, steps: Steps, run: Run, owners: Owners, *, first: bool) -> bool:
    """Tries whether the app would start by the files that are in place; what runs is not touched.

    An app that was never installed may need its release before it can be imported.

    Args:
        deployment: the description.
        steps: tells or rehearses.
        run: runs a command.
        owners: whose the app's folders were before.
        first: nothing of the app is installed yet.

    Returns:
        Whether its release was run.

    Raises:
        OperationError: it would not, with what it said; or a command failed.
    """
    releases = first and "release" in deployment.processes
    if releases:
        _make_known(deployment, steps, run)
        _run_to_its_end(deployment, steps, run, owners, "release")
    if units.checks(deployment):
        if not releases:
            take(steps, run, ["systemd-sysusers", f"/etc/sysusers.d/{deployment.name}.conf"])
        _run_to_its_end(deployment, steps, run, owners, "check")
    return releases


def _run_to_its_end(deployment: Deployment, steps: Steps, run: Run, owners: Owners, unit: str) -> None:
    begin = int(time.time())
    try:
        take(steps, run, ["systemctl", "start", f"{deployment.name}-{unit}.service"])
    except OperationError as error:
        findings = [*error.findings]
        try:
            owners.give_back(steps, run)
        except OperationError as another:
            findings += another.findings
        raise OperationError([*_said(deployment, run, unit, begin), *findings]) from None


def _said(deployment: Deployment, run: Run, unit: str, begin: int) -> list[Finding]:
    """What a unit said since then, which the journal holds; of a traceback no more than surely shows no value.

    Where the app said nothing, systemd could not even begin to run it, as in a folder that its user may not enter.
    """
    name = deployment.name
    with suppress(OperationError):
        run(["journalctl", "--sync"])
        for whose in (["--identifier", name], ["--priority", "err"]):
            of_unit = ["--unit", f"{name}-{unit}.service", *whose, "--since", f"@{begin}"]
            text = run(["journalctl", *of_unit, "--output", "cat", "--no-pager"]) or ""
            if lines := [line for line in shortened(text, deployment.app).splitlines() if line.strip()]:
                return [Finding("", "", line) for line in lines]
    return []


def _make_known(deployment: Deployment, steps: Steps, run: Run) -> None:
    """Makes the accounts and folders, and has systemd read the units."""
    take(steps, run, ["systemd-sysusers", f"/etc/sysusers.d/{deployment.name}.conf"])
    if derived.is_backed_up(deployment):
        take(steps, run, ["systemd-tmpfiles", "--create", f"/etc/tmpfiles.d/{deployment.name}.conf"])
    take(steps, run, ["systemctl", "daemon-reload"])


def _start_units(
    deployment: Deployment, steps: Steps, run: Run, owners: Owners, changes: Changes | None, *, released: bool
) -> None:
    name = deployment.name
    started = units.started(deployment)
    if changes is not None:  # before systemd reads what they are now; as patterns, which may match nothing
        if changes.removed:
            removed = [f"{unit}*" for unit in changes.removed]
            take(steps, run, ["systemctl", "stop", *removed])
            take(steps, run, ["systemctl", "reset-failed", *removed])
        waiting = [f"{name}-{process}.service" for process in deployment.processes]
        waiting = [unit for unit in waiting if unit in changes.changed and unit not in started]
        if waiting:  # it may have run all the time until now; a run that is under way is not active, but activating
            take(steps, run, ["systemctl", "stop", "--state=active", *(f"{unit}*" for unit in waiting)])
    _make_known(deployment, steps, run)
    take(steps, run, ["systemctl", "enable", f"{name}.target"])
    if changes is not None and "release" in deployment.processes and not released:
        _run_to_its_end(deployment, steps, run, owners, "release")
    if changes is not None:
        sockets = [unit for unit in changes.changed if unit.endswith(".socket")]
        if sockets:  # systemd restarts no socket whose service runs; stopped, it takes the service with it
            steps.tell("the socket is another one: until the app is started, visitors see the maintenance page")
            take(steps, run, ["systemctl", "stop", *sockets])
            if left := [path for path in changes.sockets if path != derived.socket_path(deployment)]:
                take(steps, run, ["rm", "-f", *left])
            take(steps, run, ["systemctl", "start", *sockets])
        anew = [unit for unit in started if not unit.endswith(".socket")]
        take(steps, run, ["systemctl", "restart", *anew])
    take(steps, run, ["systemctl", "start", f"{name}.target"])
    for unit in started:  # the target is up before them
        take(steps, run, ["systemctl", "start", unit])


def take(steps: Steps, run: Run, command: Sequence[str]) -> str | None:
    """One command as a step; returns what it printed, if anybody knows."""
    return steps.take(" ".join(command), lambda: run(command))


def run_here(command: Sequence[str]) -> str:
    """Runs a command on this machine; returns what it printed.

    Raises:
        OperationError: it failed, with what it said first.
    """
    program = find_program(command[0])
    problem, said = "is not installed", ""
    if program is not None:
        try:
            done = subprocess.run(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            problem = f"did not end within {PATIENCE} s"
        else:
            printed = done.stdout.decode(errors="replace")
            if done.returncode == 0:
                return printed
            problem = f"failed with exit code {done.returncode}"
            lines = [line for line in printed.splitlines() if line.strip()]
            said = " ".join(lines if command[0] == "systemctl" else lines[:1])  # systemctl ends by where to look
    raise stopped("", f"{' '.join(command)}: {problem}", said)
