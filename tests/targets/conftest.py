"""Shared by the tests of all targets: golden files, which hold what a target rendered when somebody last looked."""

from __future__ import annotations

import os

import pytest

from tests.targets.programs import Recorder

UPDATE = "ENVKIT_TESTS_UPDATE_GOLDEN"


@pytest.fixture
def golden(request):
    """Compares a text with `golden/NAME` beside the test; `ENVKIT_TESTS_UPDATE_GOLDEN=1 pytest` rewrites the file."""
    folder = request.path.parent / "golden"

    def compare(name: str, text: str) -> None:
        file = folder / name
        if os.environ.get(UPDATE) == "1":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif not file.is_file():
            pytest.fail(f"{file} is missing; {UPDATE}=1 writes it, then read it")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def recorder(tmp_path):
    """Programs that write down how they were called."""
    return Recorder(tmp_path)
