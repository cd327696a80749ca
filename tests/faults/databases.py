"""The database of a fault run: a file, or a scratch database on a PostgreSQL server that is dropped afterwards."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def scratch(url: str, root: Path) -> Iterator[str]:
    """The address of an empty database. `url`: of the server on which to make it; empty: SQLite below `root`."""
    if not url or url.startswith("sqlite"):
        yield f"sqlite:///{root / 'data/db.sqlite3'}"
        return
    name = f"asu_faults_{os.getpid()}"
    parts = urlsplit(url)
    _run(url, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        _run(url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def end_all_connections(url: str) -> int:
    """As the server's restart does it to those who use this database; how many there were."""
    name = urlsplit(url).path.strip("/")
    with closing(_connect(url)) as link, link.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )
        return int(cursor.fetchone()[0])


def _run(url: str, statement: str) -> None:
    with closing(_connect(url)) as link:
        link.autocommit = True
        with link.cursor() as cursor:
            cursor.execute(statement)


def _connect(url: str) -> "psycopg2.extensions.connection":
    """To the server, not to the database that the address names: that one may not exist."""
    return psycopg2.connect(urlunsplit(urlsplit(url)._replace(scheme="postgresql", path="/postgres", query="")))
