"""Whether this server can do its work: database, migrations, store and disk, looked at within a bounded time.

A look may hang: at a database host that is gone, at a locked table, at a network disk. So it happens in a thread of its
own, one at a time, and whoever asks waits for it only so long. The database is looked at through a connection of its
own, as a client that comes now would open it.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from builders.models import Build
from images.storage import DRAFT

OK = "ok"
UNKNOWN = "Not known without the database."
CHECKS = ("store", "disk", "database", "migrations")

_PATIENCE = 1.5  # seconds a caller waits for a look
_GOOD_FOR = 1.0  # seconds; many callers cost one look

# For libpq, so that a look ends by itself when the other side is gone: the thread must not wait for hours.
_IMPATIENT = {
    "connect_timeout": 2,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3000,  # milliseconds
}


@dataclass(slots=True)
class _Look:
    """One look, under way or over. What it has not found yet is no answer."""

    began: float = field(default_factory=time.monotonic)
    found: dict[str, str] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)

    def is_good(self) -> bool:
        return not self.is_over.is_set() or time.monotonic() - self.began < _GOOD_FOR


class Readiness:
    """What one process knows of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._look: _Look | None = None
        self._is_migrated = False  # once true it stays so: nobody migrates backwards under a running server

    def checks(self) -> dict[str, str]:
        """`ok` or a sentence for each of CHECKS, within _PATIENCE."""
        look = self._current()
        look.is_over.wait(max(0.0, look.began + _PATIENCE - time.monotonic()))
        found = dict(look.found)
        return {name: found.get(name, f"No answer within {_PATIENCE} seconds.") for name in CHECKS}

    def _current(self) -> _Look:
        with self._lock:
            if self._look is None or not self._look.is_good():
                self._look = _Look()
                threading.Thread(target=self._run, args=(self._look,), name="readiness", daemon=True).start()
            return self._look

    def _run(self, look: _Look) -> None:
        try:
            look.found["store"] = store()
            look.found["disk"] = disk()
            look.found |= self._database()
        finally:
            look.is_over.set()

    def _database(self) -> dict[str, str]:
        try:
            with closing(_new_connection()) as connection:
                _ask(connection, "SELECT 1")
                self._is_migrated = self._is_migrated or _is_migrated(connection)
                if self._is_migrated:
                    # On SQLite the first question opens no file, and on both a table may be locked.
                    _ask(connection, f"SELECT 1 FROM {connection.ops.quote_name(Build._meta.db_table)} LIMIT 1")  # noqa: S608
        except Error:
            return {"database": "The database does not answer.", "migrations": UNKNOWN}
        missing = "Migrations are missing. Run `manage.py migrate`, or start the server anew with script/server."
        return {"database": OK, "migrations": OK if self._is_migrated else missing}


def store() -> str:
    """Whether images can be published: a file without a name is written and gone."""
    folder = Path(settings.ASU_STORE_DIR)

    def write() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Where the file system knows no files without names, a crash leaves a draft, which `images.repair` removes.
        with tempfile.TemporaryFile(prefix=DRAFT, dir=folder) as file:
            file.write(b"ready?")

    return _without_path(write, "The folder for images cannot be written")


def disk() -> str:
    """Whether there is as much free disk as builds and images need."""
    free = -1

    def measure() -> None:
        nonlocal free
        free = free_bytes()

    if (said := _without_path(measure, "The free disk space cannot be read")) != OK:
        return said
    if free >= settings.ASU_MIN_FREE_MB * 2**20:
        return OK
    return f"Only {free // 2**20} MB are free on the disk; {settings.ASU_MIN_FREE_MB} MB are needed."


def free_bytes() -> int:
    """What may still be written below ASU_DATA_DIR; of the store, should that be on another disk with less."""
    folders = (Path(settings.ASU_DATA_DIR), Path(settings.ASU_STORE_DIR))
    return min(shutil.disk_usage(folder).free for folder in folders)


def _without_path(look: Callable[[], None], what: str) -> str:
    try:
        look()
    except OSError as error:  # its own text names the folder
        return f"{what}: {error.strerror or 'unknown error'}."
    return OK


def _new_connection() -> BaseDatabaseWrapper:
    # The one of this thread, which is as new as the thread: Django's migrations take no other.
    connection = connections[DEFAULT_DB_ALIAS]
    # `timeout` is SQLite's patience with locks.
    impatience = _IMPATIENT if connection.vendor == "postgresql" else {"timeout": _PATIENCE}
    known = connection.settings_dict
    connection.settings_dict = {**known, "OPTIONS": {**known["OPTIONS"], **impatience}}
    return connection


def _ask(connection: BaseDatabaseWrapper, query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        cursor.fetchone()


def _is_migrated(connection: BaseDatabaseWrapper) -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
