"""`envkit render` of two targets, the whole process, beside a process that only imports pydantic, jinja2 and click."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ratios import medians, report

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "flask_app"


def main() -> None:
    """Renders the sample app's gunicorn and nginx files, over and over."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "envkit", "render", "gunicorn", "nginx", "--out", out]
        report(
            "envkit render gunicorn nginx, whole process",
            medians(
                {
                    "envkit render": lambda: _run(command),
                    "import pydantic, jinja2, click": lambda: _run(
                        [sys.executable, "-c", "import pydantic, jinja2, click; pydantic.BaseModel"]
                    ),
                },
                rounds=21,
            ),
            to="import pydantic, jinja2, click",
            bars={"envkit render": 1.5},
        )


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=EXAMPLE, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
