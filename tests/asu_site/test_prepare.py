"""What is done before the server starts."""

import sqlite3
from pathlib import Path

import pytest

from asu_site.management.commands.prepare import keep_private


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "asu" / "db.sqlite3"


def modes(database: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in database.parent.glob("db.sqlite3*")}


def test_a_new_database_is_for_our_user_only_with_all_that_lies_beside_it(database: Path) -> None:
    keep_private(database)

    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE a (b)")
        found = modes(database)
    assert found == {"db.sqlite3": 0o600, "db.sqlite3-wal": 0o600, "db.sqlite3-shm": 0o600}


def test_a_database_of_before_becomes_so(database: Path) -> None:
    database.parent.mkdir()
    for ending in ("", "-wal", "-shm"):
        file = database.with_name(database.name + ending)
        file.write_bytes(b"")
        file.chmod(0o644)

    keep_private(database)

    assert set(modes(database).values()) == {0o600}
