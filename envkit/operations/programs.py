"""Finding the real programs: beside this Python first, then in PATH, then where Debian puts servers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def find_program(name: str) -> str | None:
    """The path of a program, or None.

    The folder of this Python comes first: in a virtual environment that is not activated, its gunicorn is meant. Last
    come /usr/sbin and /sbin, which are in root's PATH only.
    """
    if "/" in name:
        return name if os.access(name, os.X_OK) and not Path(name).is_dir() else None
    folders = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin")
    return shutil.which(name, path=os.pathsep.join(folders))
