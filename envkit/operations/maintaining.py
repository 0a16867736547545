"""Maintenance of a running site: the flag file that nginx looks for at each request, and what goes with it.

The flag is made last and removed first, so that nginx never sees a maintenance whose page or list is missing. nginx
cannot read a value from a file, so each thing it needs is a file that it can look for: `until.html` has the time of
return as its time of modification, and each address that may enter has a file of its name.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from envkit.deployment import derived
from envkit.findings import Finding, words_of
from envkit.operations.acting import as_owner, hint_of
from envkit.operations.placing import place, sync_folder
from envkit.operations.steps import OperationError, stopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envkit.deployment.model import Deployment
    from envkit.operations.steps import Steps

_COMMAND = "envkit maintenance on"
_LONGEST_MESSAGE = 2000
_LONGEST = timedelta(days=36500)
"""A file's time of modification has an end (on ext4 in 2446) at which it stands still."""


class Maintenance(NamedTuple):
    """What the files say."""

    on: bool
    since: datetime | None
    """None when off."""
    message: str
    until: datetime | None
    addresses: tuple[str, ...]
    """Those let in for this maintenance, beside `maintenance.bypass`."""


def current(deployment: Deployment) -> Maintenance:
    """The maintenance that nginx sees now.

    Raises:
        OperationError: the files cannot be read.
    """
    flag, state = _places(deployment)
    try:
        with as_owner(flag):
            since = datetime.fromtimestamp(flag.stat().st_mtime, UTC)
            noted = _noted(flag)
    except FileNotFoundError:
        return Maintenance(on=False, since=None, message="", until=None, addresses=())
    except OSError as error:
        problem, hint = words_of(error), _rights(error)
    else:
        return Maintenance(
            on=True,
            since=since,
            message=str(noted.get("message", "")),
            until=_until(state / derived.MAINTENANCE_UNTIL),
            addresses=tuple(_names_in(state / derived.MAINTENANCE_BYPASS)),
        )
    raise stopped(str(flag), problem, hint)


def turn_on(
    deployment: Deployment,
    steps: Steps,
    *,
    message: str = "",
    until: datetime | None = None,
    addresses: Sequence[str] = (),
) -> list[Finding]:
    """Makes nginx answer every request by 503 and the page, from the next one on.

    Repeated, it replaces the message, the time and the list by those given now.

    Args:
        deployment: the description.
        steps: tells or rehearses.
        message: plain text for the page.
        until: when the site will be back, with a time zone; becomes Retry-After.
        addresses: clients that reach the app all the same, one IP address each.

    Returns:
        Warnings: what keeps nginx from seeing the files.

    Raises:
        OperationError: something given is wrong, or a file cannot be written.
    """
    flag, state = _places(deployment)
    allowed = _checked(message, until, addresses)
    pages = {derived.MAINTENANCE_ANNOUNCED: None, derived.MAINTENANCE_UNTIL: None} | _page(deployment, message, until)
    path = flag
    try:
        with as_owner(flag):
            steps.take(f"make the folder {state}", lambda: _make_folders(state / derived.MAINTENANCE_BYPASS))
            for name, text in pages.items():
                path = state / name
                if text is not None:
                    modified = until.timestamp() if until else None
                    steps.take(f"write the page {path}", partial(_place, path, text, state, modified))
                elif path.exists():
                    steps.take(f"remove the page {path}", path.unlink)
            bypass = state / derived.MAINTENANCE_BYPASS
            present = _names_in(bypass)
            for address in sorted({*allowed, *present}):
                path = bypass / address
                if address not in allowed:
                    steps.take(f"let {address} in no longer", partial(_keep_out, path))
                elif address not in present:
                    steps.take(f"let {address} in", partial(_let_in, path, state))
            path = flag
            note = json.dumps({"message": message}) + "\n"
            steps.take(f"make the flag {flag}", lambda: _place(flag, note, state))
    except OSError as error:
        problem, hint = words_of(error), _rights(error)
    else:
        return [] if steps.rehearse else list(_hidden_from_nginx(state))
    raise stopped(str(path), f"cannot be written: {problem}", hint)


def turn_off(deployment: Deployment, steps: Steps) -> None:
    """Makes nginx hand requests to the app again, from the next one on.

    Raises:
        OperationError: a file cannot be removed.
    """
    flag, state = _places(deployment)
    path = flag
    try:
        with as_owner(flag):
            steps.take(f"remove the flag {flag}", lambda: _remove(flag))
            path = state
            if state.is_dir():
                steps.take(f"remove {state}, its page and its list", lambda: shutil.rmtree(state))
    except OSError as error:
        problem, hint = words_of(error), _rights(error)
    else:
        return
    raise stopped(str(path), f"cannot be removed: {problem}", hint)


def _rights(error: OSError) -> str:
    others = "run it as root, or as the owner of the folder" if isinstance(error, PermissionError) else ""
    return hint_of(error, others)


def _places(deployment: Deployment) -> tuple[Path, Path]:
    return Path(derived.maintenance_flag(deployment)), Path(derived.maintenance_state(deployment))


# --- what is given --------------------------------------------------------------------------------------------------


def _checked(message: str, until: datetime | None, addresses: Sequence[str]) -> set[str]:
    """The addresses as nginx writes them."""
    findings = []
    allowed = set()
    if len(message) > _LONGEST_MESSAGE:
        findings.append(Finding("", "message", f"is longer than {_LONGEST_MESSAGE} characters"))
    if any("\ud800" <= character <= "\udfff" for character in message):  # Python's for a byte that is no text
        findings.append(Finding("", "message", "is not UTF-8"))
    if until is not None and until <= datetime.now(UTC):
        findings.append(Finding("", "until", "lies in the past"))
    if until is not None and until - datetime.now(UTC) > _LONGEST:
        findings.append(Finding("", "until", "lies more than a hundred years ahead"))
    for index, text in enumerate(addresses):
        try:
            address = ip_address(text)
        except ValueError:
            hint = "networks stand in maintenance.bypass of the description, which nginx reads at its next reload"
            findings.append(Finding("", f"address {index + 1}", "is no single IP address", hint))
        else:
            mapped = getattr(address, "ipv4_mapped", None)
            allowed.add(str(mapped or address).partition("%")[0])  # nginx names no zone
    if findings:
        raise OperationError(findings)
    return allowed


def _page(deployment: Deployment, message: str, until: datetime | None) -> dict[str, str]:
    """The page of this maintenance by its name; none where the usual one says it all."""
    if not message and until is None:
        return {}
    from envkit.targets.nginx.page import PLACE_OF_MESSAGE, maintenance_page, own_page

    name = derived.MAINTENANCE_UNTIL if until else derived.MAINTENANCE_ANNOUNCED
    own = deployment.maintenance.page
    if own is None:
        return {name: maintenance_page(deployment, _COMMAND, message=message, until=until)}
    try:
        with as_owner(Path(own)):
            text = Path(own).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = words_of(error) if isinstance(error, OSError) else "is not UTF-8"
    else:
        if message and PLACE_OF_MESSAGE not in text:
            raise stopped(own, "has no place for a message", f"write {PLACE_OF_MESSAGE} where it belongs")
        return {name: own_page(text, message=message, until=until)}
    raise stopped(own, problem)


# --- files ----------------------------------------------------------------------------------------------------------


def _place(path: Path, text: str, state: Path, modified: float | None = None) -> None:
    place(path, text.encode(), mode=0o644, scratch=state, modified=modified)


def _make_folders(folder: Path) -> None:
    """Workers of nginx are another user: they must be able to pass."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)


def _remove(flag: Path) -> None:
    with suppress(FileNotFoundError):
        flag.unlink()
        sync_folder(flag.parent)


def _noted(flag: Path) -> dict[str, Any]:
    """What `turn_on` noted in the flag; one made by hand holds nothing, or anything."""
    try:
        with flag.open("rb") as file:
            noted = json.loads(file.read(100_000))
    except (ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _until(page: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(page.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _let_in(path: Path, state: Path) -> None:
    _place(path, "", state)
    if "." in path.name:
        _place(_mapped(path), "", state)


def _keep_out(path: Path) -> None:
    _mapped(path).unlink(missing_ok=True)
    path.unlink()


def _mapped(path: Path) -> Path:
    """The same IPv4 address as some proxies hand it on, and as nginx then says it (RFC 4291, 2.5.5.2)."""
    return path.with_name(f"{_MAPPED}{path.name}")


_MAPPED = "::ffff:"


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(_MAPPED))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _hidden_from_nginx(state: Path) -> list[Finding]:
    """Folders through which another user cannot pass: nginx's workers would never find the flag."""
    hint = "nginx's workers must pass through it: chmod o+x, or let their group in"
    return [
        Finding(str(folder), "", "lets no other user pass", hint, severity="warning")
        for folder in reversed((state, *state.parents))
        if not folder.stat().st_mode & 0o001
    ]
