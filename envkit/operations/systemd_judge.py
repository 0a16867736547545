"""Asks the real systemd-analyze whether it accepts rendered units: `python -m envkit.operations.systemd_judge`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from envkit.operations.server_files import HIDES, hidden_by

_UNITS = "etc/systemd/system"
_SYSTEM = Path("/usr/lib/systemd/system")
_PROGRAM = re.compile(r"^Exec[A-Za-z]+=[-+]?(/\S+)", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Judges the units in FOLDER/etc/systemd/system, as if FOLDER were laid over this machine's files.

    Programs that units run need not be installed: what stands for them is a file that can be run. systemd's messages
    go to standard error, and a warning counts: it ignores keys that it does not know. Returns 0 when it accepts all
    units, 1 when not, 2 when systemd-analyze or its units are missing.
    """
    folder = Path(arguments[0]) / _UNITS
    analyze = shutil.which("systemd-analyze")
    if analyze is None or not _SYSTEM.is_dir():
        print("systemd-analyze is not installed", file=sys.stderr)  # noqa: T201
        return 2
    if not folder.is_dir():
        print(f"{folder}: no such folder", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory(prefix="envkit-systemd-") as scratch:
        root = Path(scratch)
        shutil.copytree(_SYSTEM, root / "usr/lib/systemd/system", symlinks=True)
        for path in ("lib", "bin", "sbin"):
            (root / "usr" / path).mkdir(exist_ok=True)
            (root / path).symlink_to(f"usr/{path}")
        units = sorted(path for path in folder.iterdir() if path.is_file())
        (root / _UNITS).mkdir(parents=True)
        for unit in units:
            shutil.copy(unit, root / _UNITS)
            for program in _PROGRAM.findall(unit.read_text(encoding="utf-8")):
                _stand_in(root, program)
        command = [analyze, "verify", "--man=no", "--recursive-errors=no", f"--root={root}", *(u.name for u in units)]
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    messages = done.stderr.decode(errors="replace")  # UTF-8, whatever the locale of this process says
    said = [line for line in messages.splitlines() if any(unit.name in line for unit in units)]
    said += [f"{unit.name}: {HIDES} /{own}" for unit in units if (own := hidden_by(f"{_UNITS}/{unit.name}", Path("/")))]
    print(*said, sep="\n", end="\n" if said else "", file=sys.stderr)  # noqa: T201
    if done.returncode != 0 and not said:
        print(messages, file=sys.stderr)  # noqa: T201
    return 1 if done.returncode != 0 or said else 0


def _stand_in(root: Path, program: str) -> None:
    path = root / program.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
