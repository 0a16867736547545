"""Which of the installed PostgreSQL programs fit the server: pg_dump, pg_restore and psql of its major version."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from envkit.operations.postgres_clients import ask, own_environment
from envkit.operations.programs import find_program
from envkit.operations.steps import stopped

if TYPE_CHECKING:
    from envkit.operations.databases import PostgresDatabase

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each major version, in N/bin."""


class Programs(NamedTuple):
    """The client programs of one major version."""

    dump: str
    restore: str
    psql: str
    major: int


def programs_for(database: PostgresDatabase) -> Programs:
    """The programs that fit the server: those of its major version, else of the next newer one.

    An older pg_dump refuses the server; a newer one writes what an older server may not read again.

    Raises:
        OperationError: the server cannot be reached, or no fitting program is installed.
    """
    installed = _installed()
    if not installed:
        raise stopped("", "pg_dump is not installed", "install postgresql-client")
    major = int(ask(installed[-1].psql, database, "SHOW server_version_num")) // 10_000
    fitting = [programs for programs in installed if programs.major >= major]
    if not fitting:
        raise stopped(
            "", f"pg_dump of version {major}, the server's, is not installed", f"install postgresql-client-{major}"
        )
    return fitting[0]


def _installed() -> list[Programs]:
    """What is installed, the oldest first."""
    folders = sorted(_DEBIAN.glob("*/bin"), key=lambda folder: (len(folder.parent.name), folder.parent.name))
    found = [_in_folder(str(folder / "pg_dump")) for folder in folders]
    found = found if any(found) else [_in_folder(find_program("pg_dump"))]
    return sorted((programs for programs in found if programs), key=lambda programs: programs.major)


def _in_folder(dump: str | None) -> Programs | None:
    if dump is None or not os.access(dump, os.X_OK):
        return None
    folder = Path(dump).parent
    said = subprocess.run([dump, "--version"], capture_output=True, env=own_environment(), check=False).stdout
    version = re.search(rb"\) (\d+)", said)
    restore, psql = (str(folder / name) for name in ("pg_restore", "psql"))
    if version is None or not all(os.access(path, os.X_OK) for path in (restore, psql)):
        return None
    return Programs(dump, restore, psql, int(version[1]))
