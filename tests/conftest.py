"""What holds for every test: a closed network, a folder of its own, a database that threads can share."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from tests.e2e import service

# No clocks: a busy machine makes examples slowly, and is right all the same.
hypothesis_settings.register_profile("asu", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("asu")

_FOLDERS = ("STORE", "UPLOAD", "IMAGEBUILDER", "CACHE", "WORK", "RUN", "KEY")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes and long texts name no case, and made ones (keys, archives) would differ between two processes."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Real services are started once for the tests of a module, so one process has them all (`--dist loadgroup`)."""
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("django_db") and not _has_group(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
    _leave_out_without_database(config, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """pytest-xdist names the group at the end of an item's name. pytest 9.2 forgets that, and each service is started
    in every process: twice the time, and nothing says so.
    """
    if session.config.getoption("loadgroup", default=False):
        lost = [item.nodeid for item in session.items if _has_group(item) and "@" not in item.nodeid.split("::")[-1]]
        assert not lost, f"these items lost their group, so `--dist loadgroup` does nothing: {lost[:3]}"


def _has_group(item: pytest.Item) -> bool:
    return item.get_closest_marker("xdist_group") is not None


def _leave_out_without_database(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, only what uses a database: the rest was or will be run on SQLite, and is the same there."""
    if connection.vendor == "sqlite":
        return
    without = {item for item in items if not _uses_database(item)}
    config.hook.pytest_deselected(items=list(without))
    items[:] = [item for item in items if item not in without]


_DATABASES = frozenset({"db", "transactional_db", "django_db_setup", "live_server", "client", "admin_client"})


def _uses_database(item: pytest.Item) -> bool:
    is_marked = item.get_closest_marker("django_db") is not None
    return is_marked or not _DATABASES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Iterator[None]:
    """Connections leave this machine only by mistake: such a test fails at once instead of now and then."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_loopback(getattr(socket.socket, name)))
        yield


def _only_loopback(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise RuntimeError(f"tests have no network: {address[0]}")
        return original(self, address)

    return connect


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session", autouse=True)
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What servers of their own begin with is made once, for all processes that run tests."""
    folder = tmp_path_factory.getbasetemp()
    service.run_folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    """Each test has its own store, caches, locks and keys below `tmp_path/data`."""
    root = tmp_path / "data"
    settings.ASU_DATA_DIR = root
    for name in _FOLDERS:
        old: Path = getattr(settings, f"ASU_{name}_DIR")
        folder = root / old.name
        folder.mkdir(parents=True)
        setattr(settings, f"ASU_{name}_DIR", folder)
    return root


@pytest.fixture(autouse=True)
def no_memory_of_other_tests() -> Iterator[None]:
    """What this process knows of the catalogue and of the queue is of another test's."""
    from builders import waiting, workers
    from images import asked_for, polls, watching
    from packages import catalogue, device_index, package_tables, visibility
    from stats import incidents

    catalogue.forget()
    device_index.forget()
    package_tables.forget()
    visibility.forget()
    waiting.forget()
    workers.forget()
    asked_for.forget()
    watching.forget()
    incidents.forget()
    yield
    polls.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in a file: a database in memory is not the one that threads and child processes would meet."""
    from django.conf import settings

    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        default.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """PostgreSQL syncs two files for each table that is truncated: a second a test. Deleting a few rows is quicker."""
    from django.db import connection

    def delete_all(style: Any, tables: list[str], **_: Any) -> list[str]:
        # Foreign keys are checked at the end of the transaction, so any order does.
        return [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            patch.setattr(connection.ops, "sql_flush", delete_all)
        yield
