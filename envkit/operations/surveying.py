"""How the app is on this server: its units, health, certificate, last backup and maintenance, and what is wrong."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.deployment import derived
from envkit.deployment.commands import makes_backups
from envkit.findings import Finding, words_of
from envkit.operations import certificates, server_files
from envkit.operations.programs import find_program
from envkit.operations.steps import OperationError

if TYPE_CHECKING:
    import socket

    from envkit.deployment.model import Deployment
    from envkit.operations.backups import Backup
    from envkit.operations.maintaining import Maintenance

PATIENCE = 5
"""Seconds for the answer of the health path, and of each program that is asked."""
BOOTED = Path("/run/systemd/system")
"""A folder that is there where systemd runs (sd_booted(3))."""
UNITS = Path("/", server_files.UNITS)
"""Where `install` puts the units."""


class UnitState(NamedTuple):
    """One unit, in systemd's words."""

    name: str
    active: str
    """active, inactive, failed, activating …"""
    sub: str
    """running, listening, waiting, dead …"""
    since: str
    restarts: int
    """How often systemd started it again after a failure."""


class Health(NamedTuple):
    """What the health path answered."""

    well: bool
    words: str
    hint: str = ""


class Survey(NamedTuple):
    """Everything on one screen."""

    name: str
    version: str | None
    """Of the app's package, where it is installed beside envkit."""
    units: tuple[UnitState, ...] | None
    """None where systemd does not run."""
    health: Health
    certificate: datetime | None
    """The end of its time; None where nginx ends no TLS, or it cannot be read."""
    backup: Backup | None
    maintenance: Maintenance | None
    findings: tuple[Finding, ...]
    """What somebody should look at."""


def survey(deployment: Deployment) -> Survey:
    """Looks at everything; what cannot be seen is a finding and hides nothing else."""
    from envkit.operations.maintaining import current

    findings: list[Finding] = []
    units = _units(deployment)
    health = _health(deployment)
    certificate = certificates.end_of(deployment, findings)
    backup = _last_backup(deployment, findings)
    maintenance = None
    try:
        maintenance = current(deployment)
    except OperationError as error:
        findings += error.findings
    if maintenance is not None and maintenance.until is not None and maintenance.until < datetime.now(UTC):
        flag = derived.maintenance_flag(deployment)
        findings.append(Finding(flag, "", "the time of return has passed, of which visitors are told", _RETURN))
    if units == ():
        findings.append(Finding("systemctl", "", f"gave no answer within {PATIENCE} s"))
    findings += [Finding("", unit.name, "has failed", f"journalctl -u {unit.name}") for unit in _failed(units)]
    findings += [Finding("", unit.name, _ENDS, f"journalctl -u {unit.name}") for unit in _ending(units)]
    findings += [Finding("", unit.name, "does not run", _remedy(unit)) for unit in _missing(deployment, units)]
    if units is not None:
        certificates.compare_served(deployment, findings)
    if not health.well:
        findings.append(Finding("", deployment.http.health_path, health.words, health.hint))
    return Survey(
        deployment.name, _version(deployment), units, health, certificate, backup, maintenance, tuple(findings)
    )


_ENDS = "has ended by itself, and systemd is starting it again"
_RETURN = "`envkit maintenance off`, or `on` with another time"

# --- units ----------------------------------------------------------------------------------------------------------

_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "NRestarts", "ActiveEnterTimestamp")


def _units(deployment: Deployment) -> tuple[UnitState, ...] | None:
    systemctl = find_program("systemctl")
    if systemctl is None or not BOOTED.is_dir():
        return None
    from envkit.targets.systemd.units import units_of

    names = [unit.name for unit in units_of(deployment)]
    said = _said([systemctl, "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", *names])
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.split("\n\n")]
    return tuple(
        UnitState(
            block["Id"],
            block.get("ActiveState", "") if block.get("LoadState") == "loaded" else "not installed",
            block.get("SubState", ""),
            block.get("ActiveEnterTimestamp", ""),
            int(block.get("NRestarts") or 0),
        )
        for block in blocks
        if "Id" in block
    )


def _failed(units: tuple[UnitState, ...] | None) -> list[UnitState]:
    return [unit for unit in units or () if unit.active == "failed"]


def _ending(units: tuple[UnitState, ...] | None) -> list[UnitState]:
    """Those that wait for their next start, as a process that ends again and again does nearly all the time."""
    return [unit for unit in units or () if unit.active == "activating" and unit.restarts]


def _missing(deployment: Deployment, units: tuple[UnitState, ...] | None) -> list[UnitState]:
    """Units that should run and do not; a failed one is told as such."""
    if units is None:
        return []
    from envkit.targets.systemd.units import started

    wanted = {f"{deployment.name}.target", *started(deployment)}
    return [unit for unit in units if unit.name in wanted and unit.active in ("inactive", "not installed")]


def _remedy(unit: UnitState) -> str:
    return "envkit install" if unit.active == "not installed" else f"systemctl start {unit.name}"


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


# --- health ---------------------------------------------------------------------------------------------------------


def _health(deployment: Deployment) -> Health:
    """The app's own answer, past nginx: on its socket or port."""
    import http.client
    import socket
    import time
    from threading import Timer

    address = derived.upstream(deployment)
    if not address.path and not address.is_loopback:  # a container's name, or every address of this machine
        address = replace(address, kind="tcp", host="127.0.0.1")
    connection = http.client.HTTPConnection(derived.canonical_domain(deployment), timeout=PATIENCE)
    began = time.monotonic()
    end = Timer(PATIENCE, lambda: _hang_up(connection.sock))  # no read waits long for what comes byte by byte
    end.start()
    try:
        if address.path:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE)
            connection.sock.connect(address.path)
        else:
            connection.sock = socket.create_connection((address.host, address.port), PATIENCE)
        headers = {"X-Forwarded-Proto": derived.public_scheme(deployment)}  # nginx's word for what came by TLS
        connection.request("GET", deployment.http.health_path, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or time.monotonic() - began >= PATIENCE:
            return Health(well=False, words=f"gave no answer within {PATIENCE} s")
        if isinstance(error, http.client.HTTPException):
            return Health(well=False, words="gave no answer of HTTP")
        return Health(well=False, words=f"cannot be reached: {address}: {words_of(error)}")
    finally:
        end.cancel()
        connection.close()
    milliseconds = round((time.monotonic() - began) * 1000)
    words = f"answered {status} in {milliseconds} ms"
    if http.client.OK < status < http.client.INTERNAL_SERVER_ERROR:  # 404, as a rule: nothing is there
        return Health(well=False, words=words, hint="name a path that answers 200 in http.health_path")
    return Health(well=status == http.client.OK, words=words)


def _hang_up(connection: socket.socket | None) -> None:
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(2)  # socket.SHUT_RDWR


# --- the rest -------------------------------------------------------------------------------------------------------


def _version(deployment: Deployment) -> str | None:
    from importlib.metadata import packages_distributions, version

    package = deployment.app.partition(":")[0].partition(".")[0]
    distributions = packages_distributions().get(package)
    return version(distributions[0]) if distributions else None


def _last_backup(deployment: Deployment, findings: list[Finding]) -> Backup | None:
    from envkit.operations.backups import backups_in, is_ahead, newest

    if not derived.is_backed_up(deployment):
        return None
    folder = derived.backup_directory(deployment)
    try:
        present = backups_in(Path(folder), deployment.name)
    except OperationError as error:
        findings += error.findings
        return None
    if not present:
        findings.append(Finding(folder, "", "there is no backup yet"))
        return None
    now = datetime.now(UTC)
    if any(is_ahead(backup, now) for backup in present):
        hint = "the clock was wrong then, or is now: remove or rename what is not the newest"
        findings.append(Finding(folder, "", "holds a backup from the future", hint))
    last = newest(present, now)
    late = next((name for name in _making_backups(deployment) if last and _is_late(last, deployment, name)), None)
    if last and late:
        problem = f"the last backup is of {last.made:%Y-%m-%d %H:%M} UTC, and processes.{late} has been due since"
        findings.append(Finding(folder, "", problem, "why did it not run, or fail?"))
    return last


def _making_backups(deployment: Deployment) -> list[str]:
    return [
        name for name, process in deployment.processes.items() if process.schedule and makes_backups(process.command)
    ]


def _is_late(last: Backup, deployment: Deployment, name: str) -> bool:
    """Whether a process that makes backups should have made another one."""
    from envkit.deployment.schedules import last_due, parse_schedule

    here = (datetime.now(UTC) - _BACKUP_IS_LATE).astimezone().replace(tzinfo=None)  # as the timer counts
    due = last_due(parse_schedule(deployment.processes[name].schedule or ""), here)
    return due is not None and last.made < due.astimezone(UTC) and not _is_newer(deployment, name, due.timestamp())


def _is_newer(deployment: Deployment, name: str, due: float) -> bool:
    """Whether the process had no such schedule yet when it would have been due."""
    timer = UNITS / f"{deployment.name}-{name}.timer"
    with suppress(OSError):
        return timer.stat().st_mtime > due
    return False


_BACKUP_IS_LATE = timedelta(hours=3)
"""A backup has the time of its beginning, and is there when it has ended."""
