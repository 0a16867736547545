"""`envkit example`: prints, writes and compares the `.env.example`."""

from __future__ import annotations

import pytest


def test_prints_writes_and_compares(project, envkit):
    """The same text on standard output and in the file; --check says when it is up to date."""
    printed = envkit("example")
    assert (printed.code, printed.err) == (0, "")
    assert "\n# text; optional; default hello\n# GREETING=hello\n" in printed.out
    assert envkit("example", "--out", ".env.example") == (0, "", ".env.example: written\n")
    assert (project / ".env.example").read_text() == printed.out
    assert envkit("example", "--out", ".env.example").err == ".env.example: unchanged\n"
    expected = ".env.example and shop_settings:ShopSettings: no difference\n"
    assert envkit("example", "--check", ".env.example") == (0, expected, "")


def test_drift_exits_1_with_what_to_run(project, envkit):
    """A field that the file does not know is drift, and so is a missing file; nothing is written."""
    missing = envkit("example", "--check", ".env.example")
    hint = "run `envkit example --out .env.example`"
    assert (missing.code, missing.err) == (1, f".env.example: is missing. {hint}\n")
    envkit("example", "--out", ".env.example")
    file = project / ".env.example"
    file.write_text(file.read_text().replace("POOL_SIZE", "POOLSIZE"))
    drift = envkit("example", "--check", ".env.example")
    assert (drift.code, drift.out, drift.err) == (
        1,
        ".env.example and shop_settings:ShopSettings: 1 difference\n",
        f".env.example: is not what shop_settings:ShopSettings gives now. {hint}\n",
    )
    assert "POOLSIZE" in file.read_text()


def test_a_file_of_ones_own_is_not_overwritten(project, envkit):
    """A .env, or an example written by hand, stays unless --force is given."""
    (project / ".env").write_text("API_TOKEN=canary\n")
    result = envkit("example", "--out", ".env")
    assert result.code == 1
    assert "was not made by envkit, so it is not overwritten" in result.err
    assert (project / ".env").read_text() == "API_TOKEN=canary\n"
    assert "canary" not in result.out + result.err
    assert envkit("example", "--out", ".env", "--force").code == 0


def test_out_and_check_exclude_each_other(envkit):
    """Both together are a wrong call."""
    assert envkit("example", "--out", "a", "--check", "a").code == 2


@pytest.mark.parametrize("name", ["new\nLINE=1", "latin-\udce4", "\u2028"])
def test_no_file_name_adds_a_line(envkit, project, name):
    """The header names the file: its line breaks, and bytes that are no UTF-8, are escaped there."""
    assert envkit("example", "--out", name).code == 0
    lines = (project / name).read_text(encoding="utf-8").splitlines()
    assert sum("envkit example --out" in line for line in lines) == 1
    assert not any(line.startswith("LINE") for line in lines)
    assert envkit("example", "--check", name).code == 0
