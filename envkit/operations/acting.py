"""As whom root works in a folder that is somebody else's: as that user, whose links then lead no further than theirs.

Root who followed a link of the app's user would overwrite, give away or pack into a backup any file of the machine; and
whoever looks for links first is deceived a moment later. So the system itself judges, by the rights of that user.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from errno import EPERM
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


def hint_of(error: OSError, otherwise: str = "") -> str:
    """What to say to root who is denied something; of any other error, and to anybody else, what is given."""
    if not isinstance(error, PermissionError) or os.getuid() != 0:
        return otherwise
    is_of_a_file = error.errno != EPERM or error.filename  # setgroups(2) and seteuid(2) are not
    return _OWNER_MAY_NOT if is_of_a_file else _ROOT_MAY_NOT


_OWNER_MAY_NOT = "root does this as the owner of the folder, who may not: look at who has it, and what lies in it"
_ROOT_MAY_NOT = "root does this as the owner of the folder, which needs CAP_SETUID and CAP_SETGID: run it as that user"


@contextmanager
def as_owner(path: Path) -> Iterator[None]:
    """Does what is in the block as whoever has power over a file or folder, which need not be there yet.

    That is whose link is on the way to it, else whose it is, else whose folder it is in. Nobody but root can act as
    somebody else, and needs to: for others, nothing changes.

    Raises:
        OSError: root may not do so here (CAP_SETUID), or the path leads nowhere.
    """
    if os.getuid() != 0:
        yield
        return
    before = _Actor(os.geteuid(), os.getegid(), tuple(os.getgroups()))
    os.seteuid(0)
    try:
        _become(_actor(_owner(path)))
        yield
    finally:
        _become(before)


@contextmanager
def as_caller() -> Iterator[None]:
    """Inside of `as_owner`, is again whoever called: a program that is started must not be half of each."""
    before = _Actor(os.geteuid(), os.getegid(), tuple(os.getgroups()))
    if before.user == os.getuid():
        yield
        return
    try:
        _become(_Actor(os.getuid(), os.getgid(), before.groups))
        yield
    finally:
        _become(before)


class _Actor(NamedTuple):
    user: int
    group: int
    groups: tuple[int, ...]


def _become(actor: _Actor) -> None:
    if actor == (os.geteuid(), os.getegid(), tuple(os.getgroups())):
        return
    os.seteuid(0)
    os.setgroups(actor.groups)
    os.setegid(actor.group)
    os.seteuid(actor.user)


def _actor(owner: os.stat_result) -> _Actor:
    import pwd

    if not _is_anothers(owner):
        return _Actor(0, os.getgid(), tuple(os.getgroups()))
    try:
        account = pwd.getpwuid(owner.st_uid)
    except KeyError:  # a user of a container's, who has but a number here
        return _Actor(owner.st_uid, owner.st_gid, ())
    return _Actor(owner.st_uid, account.pw_gid, tuple(os.getgrouplist(account.pw_name, account.pw_gid)))


_MOST_LINKS = 40
"""As many as the system follows (path_resolution(7))."""


def _owner(path: Path) -> os.stat_result:
    """The status of what says who has power over the path: the owner of this has."""
    folder = Path("/")
    parts = list(path.absolute().parts[1:])
    folders = [folder.lstat()]
    file = None
    links = 0
    while parts and file is None:
        entry = folder / parts.pop(0)
        try:
            status = entry.lstat()
        except FileNotFoundError:
            break
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if _is_anothers(status) or links > _MOST_LINKS:
                return status
            target = entry.readlink()
            folder = Path("/") if target.is_absolute() else folder
            parts = [part for part in target.parts if part != "/"] + parts
        elif stat.S_ISDIR(status.st_mode):
            folder = entry
            folders.append(status)
        else:
            file = status
    *above, last = folders
    if not _is_anothers(last):
        last = next(filter(_is_anothers, above), last)
        if _is_anothers(last) or not last.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return last
    return file if file is not None and _is_anothers(file) else last


def _is_anothers(status: os.stat_result) -> bool:
    """Whether it is of a user as whom root can act: in a user namespace there may be others, beyond root's power."""
    return status.st_uid != 0 and any(first <= status.st_uid < first + count for first, _, count in _known_users())


@cache
def _known_users() -> list[tuple[int, ...]]:
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()  # user_namespaces(7)
    except OSError:  # not Linux, or no /proc
        return [(0, 0, 1 << 32)]
    return [tuple(map(int, line.split())) for line in lines]
