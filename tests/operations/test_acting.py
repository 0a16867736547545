"""Root in folders that belong to the app's user: what is made is that user's, and no link leads root elsewhere."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from envkit.deployment.model import Backup, Deployment, Maintenance
from envkit.operations import acting
from envkit.operations.acting import as_owner
from envkit.operations.backing_up import back_up
from envkit.operations.maintaining import turn_off, turn_on
from envkit.operations.restoring import restore
from envkit.operations.steps import OperationError, Steps
from tests.operations.kill_points import described

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
APP = 12345, 12346
"""User and group of the app, who have no name here."""


@pytest.fixture
def folder():
    """The app's folder with its database and a backup of it, in a place that everybody can reach."""
    above = Path(tempfile.mkdtemp(prefix="envkit-acting-", dir="/tmp"))
    above.chmod(0o755)
    folder = above / "shop"
    for path in (folder, folder / "backups"):
        path.mkdir()
        os.chown(path, *APP)
    make_database(folder / "shop.db")
    os.chown(folder / "shop.db", *APP)
    back_up(described(folder), Steps())
    yield folder
    shutil.rmtree(above)


def make_database(path):
    """A small database."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE things (n)")
        database.commit()


@pytest.fixture
def precious(tmp_path):
    """Root's own folder with a text and a database, which must stay as they are."""
    folder = tmp_path / "precious"
    folder.mkdir(mode=0o755)
    (folder / "text").write_text("root alone reads this\n")
    make_database(folder / "root.db")
    for path in folder.iterdir():
        path.chmod(0o600)
    before = state_of(folder)
    yield folder
    assert state_of(folder) == before


def state_of(folder):
    """Owner, mode and content of everything in a folder."""
    return {
        (path.name, path.stat().st_uid, path.stat().st_gid, path.stat().st_mode, path.read_bytes())
        for path in folder.iterdir()
    }


def linked_when(words, path, target):
    """Steps during which the app's user puts a link in a file's place, as soon as a step is told that begins so."""

    def tell(told):
        if told.startswith(words):
            (found,) = path.parent.glob(path.name)
            found.unlink()
            found.symlink_to(target)

    return Steps(tell)


def test_what_is_made_is_the_owners(folder):
    """Lock, backups, checksums and a database made anew are the app's; its own timer can go on with them."""
    (folder / "shop.db").unlink()
    restore(described(folder), "latest", Steps())
    made = [*(folder / "backups").iterdir(), folder / "shop.db"]
    assert len(made) == 4
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {APP}
    (folder / "shop.db").write_text("damaged")
    (folder / "shop.db").chmod(0o640)
    restore(described(folder), "latest", Steps())
    status = (folder / "shop.db").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (*APP, 0o640)


@pytest.mark.parametrize("name", ["text", "root.db"])
def test_a_link_in_the_databases_place(folder, precious, name):
    """What it leads to is neither backed up for the app nor replaced, be it a database or not."""
    (folder / "shop.db").unlink()
    (folder / "shop.db").symlink_to(precious / name)
    os.chown(folder / "shop.db", *APP, follow_symlinks=False)
    before = sorted((folder / "backups").iterdir())
    for action in (lambda: back_up(described(folder), Steps()), lambda: restore(described(folder), "latest", Steps())):
        with pytest.raises(OperationError, match=r"permission denied|cannot be|unable to open"):
            action()
    assert sorted((folder / "backups").iterdir()) == before


def test_a_link_in_place_of_a_copy(folder, precious):
    """Exchanged while the backup is made, it puts nothing of root's into the backup."""
    steps = linked_when("compress", folder / "backups/.shop-*.copy", precious / "text")
    with pytest.raises(OperationError, match="permission denied"):
        back_up(described(folder), steps)
    assert len(list((folder / "backups").glob("shop-*.gz"))) == 1


def test_a_link_in_place_of_what_is_restored(folder, precious):
    """Exchanged before it becomes the database, it gives no file of root's to the app."""
    (folder / "shop.db").unlink()
    steps = linked_when("make it", folder / ".shop.db.envkit-restore", precious / "text")
    with pytest.raises(OperationError, match="cannot be replaced"):
        restore(described(folder), "latest", steps)


def test_a_link_in_place_of_the_folder(folder, precious):
    """Root's folder does not become the folder of backups."""
    shutil.rmtree(folder / "backups")
    (folder / "backups").symlink_to(precious)
    os.chown(folder / "backups", *APP, follow_symlinks=False)
    with pytest.raises(OperationError, match=r"cannot be written: permission denied\. root does this as the owner"):
        back_up(described(folder), Steps())


def test_a_folder_that_its_owner_cannot_reach(folder):
    """Below a folder of root's alone, such as a container engine's, root is told why it may not."""
    folder.parent.chmod(0o700)
    with pytest.raises(
        OperationError, match=r"shop\.db: permission denied\. root does this as the owner of the folder"
    ):
        back_up(replace(described(folder), backup=Backup(database=str(folder / "shop.db"))), Steps(rehearse=True))


def test_root_who_may_not_become_another_user(folder, monkeypatch):
    """Where a container has dropped the capabilities for it, root is told so, and not that the owner may not."""

    def refuse(_groups):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("os.setgroups", refuse)
    hint = r"root does this as the owner of the folder, which needs CAP_SETUID and CAP_SETGID: run it as that user"
    with pytest.raises(OperationError, match=rf"backups: cannot be written: operation not permitted\. {hint}$"):
        back_up(described(folder), Steps())
    flagged = Deployment(name="shop", app="shop:app", maintenance=Maintenance(flag=str(folder / "flag")))
    with pytest.raises(OperationError, match=rf"flag: cannot be written: operation not permitted\. {hint}$"):
        turn_on(flagged, Steps())


def test_maintenance_by_a_flag_of_the_apps(folder, precious):
    """Neither turning it on nor off removes or makes anything where links of the app's lead."""
    flagged = Deployment(name="shop", app="shop:app", maintenance=Maintenance(flag=str(folder / "flag")))
    turn_on(flagged, Steps(), message="Hm.", addresses=["192.0.2.1"])
    assert (folder / "flag").stat().st_uid == APP[0]
    shutil.rmtree(folder / "flag.d/bypass")
    (folder / "flag.d/bypass").symlink_to(precious)
    with pytest.raises(OperationError, match="cannot be written: permission denied"):
        turn_on(flagged, Steps())
    turn_off(flagged, Steps())
    (folder / "page.html").symlink_to(precious / "text")
    os.chown(folder / "page.html", *APP, follow_symlinks=False)
    paged = replace(flagged, maintenance=replace(flagged.maintenance, page=str(folder / "page.html")))
    with pytest.raises(OperationError, match="permission denied"):
        turn_on(paged, Steps(), until=None, message="Hm.")


def test_owners_from_outside_a_user_namespace(folder, monkeypatch):
    """Root of a namespace stays who it is where an owner is nobody's whom it knows, such as that of / may be."""
    with as_owner(folder):
        assert os.geteuid() == APP[0]
    monkeypatch.setattr(acting, "_known_users", lambda: [(0, 100_000, 1)])
    with as_owner(folder):
        assert os.geteuid() == 0


LOOKING = """
import os, sys

def look(event, arguments):
    if event == "import" and os.geteuid() != 0:
        os.write(2, f"{arguments[0]} is imported as the app's user".encode())
        os._exit(1)

sys.addaudithook(look)
"""
"""The beginning of a program."""
WORKING = f"""
from pathlib import Path
from dataclasses import replace
from envkit.deployment.model import Maintenance
from envkit.operations import backing_up, maintaining, restoring
from envkit.operations.steps import Steps
from tests.operations.kill_points import described
{LOOKING}
shop = described(Path(sys.argv[1]))
shop = replace(shop, maintenance=Maintenance(flag=sys.argv[1] + "/flag"))
restoring.restore(shop, sys.argv[2], Steps())
backing_up.back_up(shop, Steps())
maintaining.turn_on(shop, Steps(), message="Hm.", addresses=["192.0.2.1"])
maintaining.turn_off(shop, Steps())
"""


def test_nothing_is_imported_as_the_apps_user(folder):
    """That user may not be able to read Python's own folder, such as one in root's home."""
    (made,) = (folder / "backups").glob("*.gz")
    done = subprocess.run(
        [sys.executable, "-c", WORKING, folder, made.name],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_of_roots_for_the_apps_database(folder, tmp_path):
    """Where only the database is the app's, the backups stay root's, and are restored."""
    shop = described(folder)
    shop = replace(shop, backup=replace(shop.backup, folder=str(tmp_path / "backups")))
    made = back_up(shop, Steps())
    replaced = restore(shop, str(made), Steps())
    assert {path.stat().st_uid for path in (made, replaced)} == {0}
    assert (folder / "shop.db").stat().st_uid == APP[0]
