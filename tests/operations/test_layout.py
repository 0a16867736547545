"""Where the modules of an app lie in its project's folder."""

from __future__ import annotations

import pytest

from envkit.operations.layout import is_in_src


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["src/shop/__init__.py"], True),
        (["src/shop.py"], True),
        (["src/shop.py", "shop.py"], False),
        (["shop/__init__.py"], False),
        ([], False),
    ],
)
def test_where_the_modules_lie(tmp_path, files, expected):
    """They are in src only where they are nowhere that Python looks by itself."""
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert is_in_src(tmp_path, "shop.web:create_app()") is expected
