"""What is on the server beside the app: somebody's own sites of nginx, and programs on the ports that it needs.

nginx takes them without an error. Of two sites of one host it reads one alone, and where a port is taken it goes on by
its old files, for which its log alone has a word.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from grp import getgrnam
from hashlib import md5
from ipaddress import ip_address
from os.path import normpath
from posixpath import dirname, join
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import Finding
from envkit.operations.server_files import AVAILABLE, UNITS, points_to
from envkit.operations.steps import OperationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from envkit.deployment.model import Deployment

_DEFAULT_SITE = f"{AVAILABLE}/default"


def find_own_sites(links: Mapping[str, str | None], root: Path) -> Iterator[Finding]:
    """What somebody enabled by hand where a link of the app's is to be made, or removed.

    Args:
        links: each link that is to be there, and None for one that must not.
        root: the server's root folder.
    """
    for path, target in links.items():
        here = root / path
        leads_to = points_to(here)
        if target is not None and leads_to is None and here.exists():
            yield Finding(f"/{path}", "", "was not made by envkit, so it is not replaced", _HINT)
        elif leads_to is not None and _absolute(path, leads_to) != (target or f"/{_DEFAULT_SITE}"):
            yield Finding(f"/{path}", "", f"leads to {leads_to}, a site of somebody's own", _HINT)
        elif target is None and leads_to is not None and not _is_debians(root):
            yield Finding(f"/{path}", "", "is no longer the site that Debian brought, and would go", _RENAME)


_HINT = "move it away, or overwrite it with --force"
_RENAME = "enable it by another name, without default_server, or let it go by --force"


def _absolute(link: str, leads_to: str) -> str:
    return normpath(join("/", dirname(link), leads_to))


def _is_debians(root: Path) -> bool:
    """Whether the default site is as its package brought it; also where dpkg does not know it, or it is not there."""
    try:
        status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace")
        now = md5((root / _DEFAULT_SITE).read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return True
    brought = re.findall(rf"^ /{_DEFAULT_SITE} ([0-9a-f]{{32}})\b", status, re.MULTILINE)
    return not brought or now in brought


def find_taken_ports(deployment: Deployment, root: Path) -> Iterator[Finding]:
    """The ports on which another program listens than nginx, or than systemd for the app."""
    keys = ("port",) if derived.certificate(deployment) is None else ("port", "tls_port")
    due = [(key, "0.0.0.0", getattr(deployment.http, key), "nginx") for key in keys]  # noqa: S104  as it listens
    address = derived.upstream(deployment)
    if address.kind == "tcp" and not derived.web(deployment).command and not _has_socket(deployment, root):
        due.append(("upstream", address.host, address.port, "the app"))
    for key, host, port, listener in due:
        program = _program_on(host, port, root)
        if program is not None and program != listener:
            problem = f"{program} listens on port {port}, where {listener} is to listen"
            yield Finding(deployment.origin, f"http.{key}", problem, "stop that program, or name another port")


def find_no_group(deployment: Deployment, root: Path) -> Iterator[Finding]:
    """The group for which the app's socket is, where the server has none of this name: systemd would open no socket."""
    group = deployment.server.proxy_group
    try:
        listed = (root / "etc/group").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    if any(line.startswith(f"{group}:") for line in listed) or _is_known_elsewhere(group):
        return
    if derived.socket_path(deployment) and not derived.web(deployment).command:
        hint = "name the group of nginx's user"
        yield Finding(deployment.origin, "server.proxy_group", f"there is no group {group} on this server", hint)


def _is_known_elsewhere(group: str) -> bool:
    """Whether a directory service of this machine knows the group."""
    try:
        getgrnam(group)
    except KeyError:
        return False
    return True


def _has_socket(deployment: Deployment, root: Path) -> bool:
    """Whether the app's socket unit is there already and has the address."""
    try:
        unit = (root / f"{UNITS}{deployment.name}-web.socket").read_text(encoding="utf-8")
    except OSError:
        return False
    return f"ListenStream={derived.upstream(deployment)}\n" in unit


def _program_on(host: str, port: int, root: Path) -> str | None:
    """A program that leaves an address no room, nginx if it is among them; None also where none can be seen.

    Connections that wait for a program have the state 0A in these tables (proc(5), /proc/net/tcp).
    """
    waiting: dict[str, set[str]] = {}
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            lines = (root / "proc/1/net" / table).read_text(encoding="ascii").splitlines()[1:]
            for _, local, _, state, *_, inode in (line.split()[:10] for line in lines):
                address, _, number = local.rpartition(":")
                if state == "0A" and int(number, 16) == port and _meet(address, host):
                    waiting[f"socket:[{inode}]"] = set()
    for process in (root / "proc").glob("[0-9]*") if waiting else ():
        with suppress(OSError):  # it has ended, or is another user's
            for descriptor in (process / "fd").iterdir():
                with suppress(FileNotFoundError):  # closed
                    programs = waiting.get(str(descriptor.readlink()))
                    if programs is not None:
                        programs.add((process / "comm").read_text(encoding="utf-8", errors="replace").strip())
    found = set().union(*waiting.values())
    return "nginx" if "nginx" in found else min(found, default=None)


def _meet(listed: str, host: str) -> bool:
    """Whether two programs cannot listen on one port of both: an address of these tables, in the machine's byte order.

    Of `::` they do not tell whether it is for IPv6 alone.
    """
    words = (int(listed[start : start + 8], 16) for start in range(0, len(listed), 8))
    there = ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
    there, here = getattr(there, "ipv4_mapped", None) or there, ip_address(host)
    return there.is_unspecified or here.is_unspecified or there == here


def expect_own_hosts(deployment: Deployment, said: str | None) -> None:
    """Looks for hosts of the app that another site has, too, in what `nginx -t` said of all files.

    Raises:
        OperationError: there are some.
    """
    own = {domain.lower() for domain in deployment.http.domains}
    claimed = set(re.findall(r'conflicting server name "([^"]*)" on', said or "")) & own
    if claimed:
        problem = "is a host of another site of nginx, too"
        hint = "of two sites nginx reads one alone: take it out of the other one, which `nginx -T` shows"
        raise OperationError([Finding("", host, problem, hint) for host in sorted(claimed)])
