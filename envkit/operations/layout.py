"""What rendered files expect of the project's folder, and the description does not say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from envkit.findings import Finding
from envkit.operations.requirements import FILE as REQUIREMENTS
from envkit.targets.registry import IN_PROJECT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def is_in_src(folder: Path, app: str) -> bool:
    """Whether Python, started in the project's folder, misses the app's modules, which are one folder below."""
    first = app.partition(":")[0].partition(".")[0]
    roots = [root for root in (folder, folder / "src") if (root / first).is_dir() or (root / f"{first}.py").is_file()]
    return roots == [folder / "src"]


def unmet(names: Collection[str], folder: Path, out: Path) -> Iterator[Finding]:
    """A warning for each target whose files are of no use where they are rendered to, or lack one of the project's.

    Args:
        names: the targets.
        folder: the project's.
        out: the folder of the rendered files.
    """
    if "dockerfile" in names and not (folder / REQUIREMENTS).exists():
        problem = "is missing, and the Dockerfile installs what it names"
        hint = "name there what the app needs; uv export and pip-compile write it from pyproject.toml"
        yield Finding(REQUIREMENTS, "", problem, hint, severity="warning")
    if out.resolve() not in {folder.resolve(), Path.cwd()}:
        for name in sorted(IN_PROJECT.intersection(names)):
            problem = "its files are looked for in the project's own folder alone"
            yield Finding(str(out), f"target {name}", problem, f"envkit render {name} --out .", severity="warning")
