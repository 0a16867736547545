"""The example deployments as their users have them: a folder, and envkit called in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


class Project:
    """A copy of an example's folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        shutil.copytree(EXAMPLES / name, self.folder, ignore=shutil.ignore_patterns("__pycache__"))

    def envkit(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs envkit in the folder, with nothing in the environment but `environ`."""
        return subprocess.run(
            [sys.executable, "-m", "envkit", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(EXAMPLES.parent), "LANG": "C.UTF-8", **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def module_of(file: Path, name: str) -> ModuleType:
    """The module in a file under a name of its own, as several examples have one of the same name."""
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
