"""Installing on a bare Debian server: rendered, verified, put in place, enabled and started; and taken away again.

Killed between any two steps, running it again undoes what was half in place and begins anew, or finishes.
"""

from __future__ import annotations

import os
import shlex
from contextlib import nullcontext
from functools import partial
from posixpath import basename
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import Finding, words_of
from envkit.operations import certificates, neighbours, server_files
from envkit.operations.rendering import render_targets
from envkit.operations.server_files import Record, changes_of
from envkit.operations.starting import Owners, start, take, try_out
from envkit.operations.steps import OperationError, stopped
from envkit.operations.verifying import verify
from envkit.operations.writing import compare_artifacts, is_generated, write_artifacts
from envkit.targets.nginx import is_catch_all
from envkit.targets.systemd import units

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from envkit.deployment.model import Deployment
    from envkit.operations.server_files import Changes, Files
    from envkit.operations.starting import Server
    from envkit.operations.steps import Steps

TARGETS = ("systemd", "nginx")


def install(deployment: Deployment, steps: Steps, server: Server, *, force: bool = False) -> None:
    """Puts the app's files in place, enables its units and starts them; repeated, it changes only what is different.

    Args:
        deployment: the description.
        steps: tells or rehearses.
        server: where.
        force: also overwrite files that envkit did not make.

    Raises:
        OperationError: the server or a program refuses, or the app would not start, and nothing was changed; or a unit
            does not start all the same.
        WriteError: a file cannot be written, and none was.
        DescriptionError: a target cannot be rendered.
    """
    before = os.umask(0o022)  # nginx and systemd's units read what is installed
    try:
        _install(deployment, steps, server, force=force)
    except OSError as error:
        path, problem = str(error.filename or server.root), words_of(error)
    else:
        return
    finally:
        os.umask(before)
    if steps.rehearse:
        raise stopped(path, f"cannot be looked at: {problem}", "are you root?")
    raise stopped(path, f"cannot be written: {problem}")


def _install(deployment: Deployment, steps: Steps, server: Server, *, force: bool) -> None:
    _expect_able(server, steps)
    files = server_files.files_of(deployment, render_targets(TARGETS, deployment))
    _verify(deployment, steps, required=server.run is not None)
    missing = list(_missing_settings(deployment, server.root))
    if missing and server.run is not None:
        raise OperationError(missing)
    record = Record(deployment, server.root)
    with nullcontext() if steps.rehearse else server_files.held(record.shared):
        _take_steps(files, deployment, steps, server, record, force=force)
    for finding in missing:  # files alone were changed: there is time until it is started
        steps.tell(f"before the app can start: {finding}")


def _take_steps(
    files: Files, deployment: Deployment, steps: Steps, server: Server, record: Record, *, force: bool
) -> None:
    if record.journal.exists():
        steps.take(
            "undo what an installation left that was killed", partial(server_files.undo, record.journal, server.root)
        )
    _expect_own(files, record, server.root)
    _expect_room(files, deployment, server, force=force)
    owners = Owners(deployment, server.root)
    changes, released = _put_in_place(files, steps, server, record, deployment, owners, force=force)
    if server.run is not None:
        start(deployment, steps, server.run, owners, changes, released=released)
        changes = None
    certificates.tell_renewed(deployment, steps, server.root, installed=True)
    if not steps.rehearse:
        record.write(files, changes)  # without commands everything is left to do, the release too


def uninstall(deployment: Deployment, steps: Steps, server: Server) -> None:
    """Stops the app and removes the files that `install` put in place; settings, data and backups stay.

    Raises:
        OperationError: a command failed, or a file cannot be removed.
    """
    _expect_able(server, steps)
    record = Record(deployment, server.root)
    files = server_files.files_of(deployment, render_targets(TARGETS, deployment))
    with nullcontext() if steps.rehearse else server_files.held(record.shared):
        _uninstall(files, deployment, steps, server, record)


def _uninstall(files: Files, deployment: Deployment, steps: Steps, server: Server, record: Record) -> None:
    others = record.of_others()
    installed = {*record.paths(), *(artifact.path for artifact in files.artifacts)}
    paths = {path for path in installed - others.keys() if not _stays(path, others)}
    for path in sorted(path for path in installed & others.keys() if _is_of_tls(path)):
        steps.tell(f"leave /{path} to the app {others[path]}: `envkit install` of it writes its own certificate there")
    run = server.run
    target = f"{deployment.name}.target"
    if run is not None and (server.root / "etc/systemd/system" / target).exists():
        take(steps, run, ["systemctl", "disable", "--now", target])
        # As patterns: systemctl refuses the name of a unit that is described by now, and was never installed.
        take(steps, run, ["systemctl", "stop", *(f"{unit}*" for unit in reversed(units.started(deployment)))])
        # systemd would go on to show, without its file, a unit that failed or was stopped in the middle of its run.
        own = sorted({basename(path) for path in installed if path.startswith(server_files.UNITS)})
        take(steps, run, ["systemctl", "reset-failed", *(f"{unit}*" for unit in own)])
    try:
        for path in _links_to(paths):
            if (server.root / path).is_symlink():
                steps.take(f"remove /{path}", partial(server_files.link, server.root / path, None))
        for path in sorted(paths):
            _remove(server.root / path, f"/{path}", steps)
        for note in (record.file, record.journal):
            if note.exists():
                steps.take(f"remove {note}", note.unlink)
        steps.take("remove the app's folders that are empty now", partial(record.remove_folders, paths))
    except OSError as error:
        problem = words_of(error)
        raise stopped(str(error.filename or ""), f"cannot be removed: {problem}") from None
    if run is not None:
        take(steps, run, ["systemctl", "daemon-reload"])
        take(steps, run, ["nginx", "-t"])
        take(steps, run, ["systemctl", "reload-or-restart", "nginx.service"])
    certificates.tell_renewed(deployment, steps, server.root, installed=False)


def _is_shared(path: str) -> bool:
    """What refuses foreign hosts does so for every app of the server."""
    return is_catch_all(basename(path))


def _is_of_tls(path: str) -> bool:
    return _is_shared(path) and "-tls" in basename(path)


def _stays(path: str, others: Container[str]) -> bool:
    """That of port 80 is for every site; the others go with the last app of their port, or of TLS.

    Over TLS it may name a certificate, without which nginx does not start.
    """
    return _is_shared(path) and (basename(path) == "catch-all.conf" or path in others)


def _links_to(paths: Iterable[str]) -> list[str]:
    """The links by which nginx reads these files, as far as they are sites."""
    sites = (path for path in paths if path.startswith(f"{server_files.AVAILABLE}/"))
    return sorted(f"{server_files.ENABLED}/{basename(path)}" for path in sites)


def _remove(path: Path, name: str, steps: Steps) -> None:
    if not path.is_file():
        return
    if is_generated(path.read_bytes()[:10_000].decode(errors="replace")):
        steps.take(f"remove {name}", path.unlink)
    else:
        steps.tell(f"leave {name}, which envkit did not make")


# --- before anything changes ----------------------------------------------------------------------------------------


def _expect_able(server: Server, steps: Steps) -> None:
    if server.unable and not steps.rehearse:
        raise stopped("", server.unable, "--dry-run tells the steps, and --root DIR changes files alone")


def _verify(deployment: Deployment, steps: Steps, *, required: bool) -> None:
    """Asks the real programs; in a rehearsal too, as it changes nothing."""
    steps.tell("verify the files with the programs that will read them")
    findings = []
    for verdict in verify(TARGETS, deployment):
        if verdict.outcome == "refused":
            said = next((line for line in verdict.messages.splitlines() if line.strip()), verdict.reason)
            findings.append(Finding("", verdict.target, f"{verdict.program} refuses the files", said.strip()))
        elif verdict.outcome == "not verified" and required:
            findings.append(Finding("", verdict.target, f"cannot be verified: {verdict.reason}"))
    if findings:
        raise OperationError(findings)


def _missing_settings(deployment: Deployment, root: Path) -> Iterator[Finding]:
    file = derived.env_file(deployment)
    if file is not None:
        hint = f"write it: envkit export --to systemd --out {shlex.quote(str(root / file.lstrip('/')))}"
        yield from _not_private(file, root, Finding(file, "", "no such file, and the app needs its settings", hint))
    folder = f"{derived.configuration_directory(deployment)}/credentials"
    for setting in deployment.server.credentials:
        file, hint = f"{folder}/{setting}", "write the setting's value to it, mode 0600"
        if deployment.settings is not None:
            hint = f"write it: envkit export --to files --out {shlex.quote(str(root / folder.lstrip('/')))}"
        missing = Finding(file, "", "no such file, and the app needs this setting", hint)
        yield from _not_private(file, root, missing)


def _not_private(file: str, root: Path, missing: Finding) -> Iterator[Finding]:
    here = root / file.lstrip("/")
    if not here.exists():
        yield missing
    elif not here.is_file():
        yield Finding(file, "", "is no file", missing.hint)
    elif here.stat().st_mode & 0o077:
        hint = f"chmod 600 {shlex.quote(str(here))}"
        yield Finding(file, "", "holds settings, and others than its owner may read it", hint)


def _expect_own(files: Files, record: Record, root: Path) -> None:
    """The process web of an app shop-x and the process x-web of an app shop would have one unit."""
    others = record.of_others()
    taken = [artifact.path for artifact in files.artifacts if artifact.path in others and not _is_shared(artifact.path)]
    hint = "give the process or the app another name"
    findings = [Finding(f"/{path}", "", f"is the app {others[path]}'s", hint) for path in taken]
    hidden = {artifact.path: server_files.hidden_by(artifact.path, root) for artifact in files.artifacts}
    findings += [Finding(f"/{path}", "", f"{server_files.HIDES} /{own}", hint) for path, own in hidden.items() if own]
    if findings:
        raise OperationError(findings)


def _expect_room(files: Files, deployment: Deployment, server: Server, *, force: bool) -> None:
    findings = list(neighbours.find_taken_ports(deployment, server.root))
    if server.run is not None:  # an image may get its accounts later
        findings += neighbours.find_no_group(deployment, server.root)
    if not force:
        findings += neighbours.find_own_sites(files.links, server.root)
    if findings:
        raise OperationError(findings)


# --- files ----------------------------------------------------------------------------------------------------------


def _put_in_place(
    files: Files, steps: Steps, server: Server, record: Record, deployment: Deployment, owners: Owners, *, force: bool
) -> tuple[Changes | None, bool]:
    """What is to start anew, None where nothing was different, and whether the release was run.

    A refusal by nginx or the app puts everything back.
    """
    root, released = server.root, False
    due = [found.path for found in compare_artifacts(files.artifacts, root) if found.state != "same"]
    changed = server_files.changed_in(files, root)
    links = {path: to for path, to in files.links.items() if server_files.points_to(root / path) != to}
    stale = _stale(files, record, root)
    links |= dict.fromkeys((path for path in _links_to(stale) if (root / path).is_symlink()), None)
    if not (due or links or stale):
        steps.tell("every file is in place")
        return record.unfinished(), released
    changes = changes_of(root, changed, stale, record.unfinished())
    places = [*due, *links, *stale, str(record.file.relative_to(root))]
    try:
        steps.take("note what stands in their places", lambda: server_files.note(record.journal, root, places))
        for path in due:
            steps.tell(f"write /{path}")
        steps.take("put them in place", lambda: write_artifacts(files.artifacts, root, force=force))
        for path, leads_to in links.items():
            words = f"link /{path} to {leads_to}" if leads_to else f"remove the link /{path}"
            steps.take(words, partial(server_files.link, root / path, leads_to))
        for path in stale:
            steps.take(f"remove /{path}, which is needed no more", (root / path).unlink)
        if server.run is not None:
            if deployment.http.tls == "letsencrypt":
                take(steps, server.run, [f"{units.library(deployment)}/ensure-certificate.sh"])
            neighbours.expect_own_hosts(deployment, take(steps, server.run, ["nginx", "-t"]))
            released = try_out(deployment, steps, server.run, owners, first=not record.paths())
        steps.take("note what is installed", lambda: record.write(files, changes))
    except BaseException:
        if record.journal.exists():
            steps.take("undo it", partial(server_files.undo, record.journal, server.root))
        raise
    steps.take("forget what stood there", lambda: record.journal.unlink(missing_ok=True))
    return changes, released


def _stale(files: Files, record: Record, root: Path) -> list[str]:
    """The files that are installed and needed no more, neither by this app nor by another one."""
    wanted, others = {artifact.path for artifact in files.artifacts}, record.of_others()
    installed = [path for path in record.paths() if path not in wanted and not _stays(path, others)]
    return [path for path in installed if (root / path).exists()]
