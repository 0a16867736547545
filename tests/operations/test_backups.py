"""The folder of backups: what counts as one, checksums, leftovers, and which stay."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.deployment.model import Keep
from envkit.operations.backups import (
    Backup,
    backups_in,
    commit,
    held,
    new_path,
    newest,
    scratch_of,
    superfluous,
    verify_checksum,
)
from envkit.operations.steps import OperationError

NOON = datetime(2030, 3, 15, 12, tzinfo=UTC)  # a Friday


def silent(_done, _total):
    """Shows nothing."""


def made_at(*moments, folder):
    """Backups of those moments."""
    return [
        Backup(folder / f"shop-{moment:%Y%m%dT%H%M%SZ}-backup.dump", moment, "backup", "postgresql", 1)
        for moment in moments
    ]


def put(folder, moment, content=b"content"):
    """A whole backup in the folder."""
    path = new_path(folder, "shop", "backup", "postgresql", moment)
    scratch = scratch_of(path, "packed")
    scratch.write_bytes(content)
    commit(scratch, path)
    return path


def test_newest_first_and_nothing_else(tmp_path):
    """Backups of this app are listed by their names alone; everything else in the folder is passed over."""
    paths = [put(tmp_path, NOON + timedelta(hours=hours)) for hours in (0, 5, 2)]
    for name in (
        "other-20300315T120000Z-backup.dump",
        "shop-20300231T120000Z-backup.dump",
        "shop-20300315T120000Z-backup.dump.old",
        ".shop-20300315T120000Z-backup.dump.packed",
        "notes.txt",
    ):
        (tmp_path / name).write_text("")
    (tmp_path / "shop-20300315T120001Z-backup.dump").symlink_to(paths[0])
    (tmp_path / "shop-20300315T120002Z-backup.dump").mkdir()
    found = backups_in(tmp_path, "shop")
    assert [backup.path for backup in found] == [paths[1], paths[2], paths[0]]
    assert (found[2].made, found[2].size, found[2].reason, found[2].engine) == (NOON, 7, "backup", "postgresql")
    assert backups_in(tmp_path / "none", "shop") == []


def test_the_newest_is_not_from_the_future(tmp_path):
    """What was made while the clock was ahead comes after every other; alone, it is better than none."""
    now = NOON + timedelta(seconds=1)
    ahead, old, last = made_at(NOON + timedelta(days=900), NOON - timedelta(days=1), NOON, folder=tmp_path)
    assert newest([ahead, last, old], now) == last
    assert newest([ahead], now) == ahead
    assert newest([], now) is None
    hurried = made_at(now + timedelta(seconds=30), folder=tmp_path)
    assert newest([last, *hurried], now) == hurried[0]


def test_two_in_one_second_have_two_names(tmp_path):
    """A name that is taken is not taken again."""
    assert [put(tmp_path, NOON).name for _ in range(2)] == [
        "shop-20300315T120000Z-backup.dump",
        "shop-20300315T120001Z-backup.dump",
    ]


def test_the_checksum_is_one_that_sha256sum_reads(tmp_path):
    """The usual program can check a backup without envkit, and everything is private."""
    path = put(tmp_path, NOON)
    done = subprocess.run(["sha256sum", "--check", f"{path.name}.sha256"], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (tmp_path / f"{path.name}.sha256").stat().st_mode & 0o777 == 0o600
    verify_checksum(path, silent)


@pytest.mark.parametrize("damage", ["changed", "shorter", "longer", "other checksum", "empty checksum"])
def test_damage_is_found(tmp_path, damage):
    """A single other byte, or a checksum that is not this file's, is damage."""
    path = put(tmp_path, NOON, b"content" * 1000)
    checksum = tmp_path / f"{path.name}.sha256"
    content = path.read_bytes()
    if damage == "changed":
        path.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    elif damage == "shorter":
        path.write_bytes(content[:-1])
    elif damage == "longer":
        path.write_bytes(content + b"\0")
    else:
        checksum.write_text("0" * 64 if damage == "other checksum" else "")
    with pytest.raises(OperationError, match="is damaged: it differs from its checksum"):
        verify_checksum(path, silent)


def test_without_a_checksum_there_is_no_telling(tmp_path):
    """A backup whose checksum is gone is not taken for whole."""
    path = put(tmp_path, NOON)
    (tmp_path / f"{path.name}.sha256").unlink()
    with pytest.raises(OperationError, match="no such file"):
        verify_checksum(path, silent)


def test_one_at_a_time(tmp_path):
    """While one runs, a second says so; an app beside it is not concerned."""
    folder = tmp_path / "deep" / "backups"
    with held(folder, "shop"):
        with pytest.raises(OperationError, match="another backup or restore is running"), held(folder, "shop"):
            pytest.fail("it was let in")
        with held(folder, "other"):
            pass
    with held(folder, "shop"):
        pass
    assert folder.stat().st_mode & 0o777 == 0o700


def test_leftovers_are_removed(tmp_path):
    """What a killed backup left goes with the next one; whole backups and everybody else's files stay."""
    whole = put(tmp_path, NOON)
    later = new_path(tmp_path, "shop", "backup", "sqlite", NOON + timedelta(days=1))
    leftovers = [scratch_of(later, "copy"), scratch_of(later, "packed"), tmp_path / f"{later.name}.sha256"]
    others = [tmp_path / ".other-20300315T120000Z-backup.dump.copy", tmp_path / "notes.sha256"]
    for path in leftovers + others:
        path.write_text("")
    with held(tmp_path, "shop"):
        pass
    expected = {whole.name, f"{whole.name}.sha256", ".shop.lock", *(path.name for path in others)}
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_a_clock_that_goes_back_replaces_nothing(tmp_path):
    """A backup of a second that there was before has another name than the one of then."""
    first = [put(tmp_path, NOON + timedelta(seconds=seconds)) for seconds in (0, 1, 3600)]
    again = put(tmp_path, NOON, content=b"another")
    assert again.name == "shop-20300315T120002Z-backup.dump"
    assert {path.read_bytes() for path in first} == {b"content"}


def test_one_from_the_future_takes_nobodys_place(tmp_path):
    """What a wrong clock dated ahead stays, and the backup that was just made is not removed in its favour."""
    now, ahead = made_at(NOON, NOON + timedelta(days=900), folder=tmp_path)
    yesterday = made_at(NOON - timedelta(days=1), folder=tmp_path)
    keep = Keep(recent=0, daily=1, weekly=0, monthly=0)
    assert superfluous([now, ahead, *yesterday], keep, NOON + timedelta(seconds=1)) == yesterday


def test_days_weeks_and_months(tmp_path):
    """Two a day for a year leave the newest of the last days, weeks and months, and all of the last day."""
    moments = [NOON - timedelta(hours=12 * count) for count in range(730)]
    present = made_at(*moments, folder=tmp_path)
    gone = superfluous(present, Keep(recent=86400, daily=3, weekly=2, monthly=3), NOON)
    staying = sorted({b.made for b in present} - {b.made for b in gone}, reverse=True)
    assert [f"{moment:%m-%d %H}" for moment in staying] == [
        "03-15 12",  # newest of the day, the week and the month
        "03-15 00",  # recent
        "03-14 12",  # yesterday
        "03-13 12",
        "03-10 12",  # last week's Sunday
        "02-28 12",
        "01-31 12",
    ]


KEEPS = st.builds(
    Keep,
    recent=st.integers(0, 10 * 86400).map(float),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 5),
    monthly=st.integers(0, 5),
)


@given(st.sets(st.integers(0, 100 * 86400), min_size=1, max_size=60), KEEPS)
def test_rotation_is_stable_and_never_takes_the_newest(tmp_path_factory, ages, keep):
    """Rotating twice removes nothing more, the newest and the recent ones stay, and no more than asked for stays."""
    present = made_at(*(NOON - timedelta(seconds=age) for age in ages), folder=tmp_path_factory.getbasetemp())
    gone = superfluous(present, keep, NOON)
    staying = [backup for backup in present if backup not in gone]
    recent = [backup for backup in present if (NOON - backup.made).total_seconds() < keep.recent]
    assert superfluous(staying, keep, NOON) == []
    assert max(present, key=lambda backup: backup.made) in staying
    assert set(recent) <= set(staying)
    assert len(staying) <= len(recent) + keep.daily + keep.weekly + keep.monthly + 1
