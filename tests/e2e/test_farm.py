"""A farm as its maintainer sees it: machines that join with one command, and clusters that share the database."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from builders.runners.workdir import remove_tree
from tests.e2e.machines import Machine, attempts, started_empty
from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

OLD, NEW, NEXT = "24.04.2", "25.04.0", "SNAPSHOT"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of an empty database, of the kind that the tests run on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('database')}/farm.sqlite3"
        return
    values, name = connection.settings_dict, f"asu_farm_{os.getpid()}"
    with django_db_blocker.unblock():
        run_outside(f"CREATE DATABASE {name}")
        yield f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT'] or 5432}/{name}"
        run_outside(f"DROP DATABASE {name} WITH (FORCE)")


def run_outside(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Server]:
    """The main server. It builds nothing itself."""
    data = tmp_path_factory.mktemp("farm") / "data"
    with running(data, ASU_LOCAL_WORKERS="0", DATABASE_URL=database) as server:
        yield server


@pytest.fixture
def machine(server: Server) -> Iterator[Machine]:
    with started_empty(server) as machine:
        yield machine


class Admin:
    """A maintainer at a browser."""

    def __init__(self, server: Server) -> None:
        self._root = f"http://127.0.0.1:{server.port}/admin"
        self._cookies = CookieJar()
        self._browser = build_opener(HTTPCookieProcessor(self._cookies))
        names = ("--username", "maintainer", "--email", "maintainer@localhost")
        server.manage("createsuperuser", "--noinput", *names, DJANGO_SUPERUSER_PASSWORD="secret")
        self._open("/login/")
        self._open("/login/?next=/admin/", username="maintainer", password="secret")

    def tell(self, worker: str, order: str) -> None:
        """Choose a worker in the list, and what it is to do."""
        page = self._open(f"/builders/worker/?q={worker}")
        [row] = re.findall(r'name="_selected_action" value="(\d+)"', page)
        self._open("/builders/worker/", action=order, _selected_action=row)

    def _open(self, path: str, **fields: str) -> str:
        data = None
        if fields:
            tokens = [str(cookie.value) for cookie in self._cookies if cookie.name == "csrftoken"]
            data = urlencode({**fields, "csrfmiddlewaretoken": tokens[0]}).encode()
        with self._browser.open(f"{self._root}{path}", data, timeout=30) as answer:
            page: bytes = answer.read()
        return page.decode()


@pytest.fixture(scope="module")
def admin(server: Server) -> Admin:
    return Admin(server)


def wish(version: str, target: str, profile: str) -> dict[str, Any]:
    return {"version": version, "target": target, "profile": profile, "packages": ["luci"]}


def state(server: Server, request_hash: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(server.ask("GET", f"/demo/api/v1/build/{request_hash}")[2])
    return answer


def assert_served(server: Server, built: dict[str, Any]) -> None:
    """Each image that the answer names can be downloaded, and is what it says."""
    assert built["images"]
    for image in built["images"]:
        status, _, data = server.ask("GET", f"/demo/store/{built['bin_dir']}/{image['name']}")
        assert (status, hashlib.sha256(data).hexdigest()) == (200, image["sha256"])


@contextmanager
def held_up(server: Server, request_hash: str) -> Iterator[None]:
    """A build that has begun goes on only after this."""
    server.wait(lambda: processes_of(request_hash), 60)
    held = processes_of(request_hash)
    tell(held, signal.SIGSTOP)
    try:
        yield
    finally:
        tell(held, signal.SIGCONT)


def processes_of(request_hash: str) -> list[int]:
    word = f"EXTRA_IMAGE_NAME={request_hash[:12]}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].rpartition(b"/")[2] == b"make" and word in words:
            found.append(int(path.parent.name))
    return found


def tell(processes: list[int], number: int) -> None:
    for pid in processes:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def test_a_machine_joins_by_one_command_and_builds_once_it_is_approved(
    server: Server, admin: Admin, machine: Machine
) -> None:
    machine.join("hill")
    machine.wait_for_word("waiting for approval")
    request_hash = server.request(wish(NEW, "demo/generic", "acme_rocket-1"))
    early = state(server, request_hash)

    admin.tell("hill", "approve")
    built = server.wait_for(request_hash)

    assert early["detail"] == "queued"
    assert "No worker" in early["hint"]
    assert_served(server, built)
    assert attempts(server, request_hash) == [["hill", "done"]]


def test_a_drained_worker_finishes_what_it_builds_and_takes_nothing_more(
    server: Server, admin: Admin, machine: Machine
) -> None:
    machine.join("dale", "--token", server.manage("worker_token", "dale"))
    first = server.request(wish(OLD, "demo/generic", "acme_rocket-1"))
    with held_up(server, first):
        second = server.request(wish(OLD, "demo/generic", "acme_rocket-2"))
        admin.tell("dale", "drain")

    built = server.wait_for(first)
    machine.wait_for_word("told to drain")
    left = state(server, second)
    admin.tell("dale", "run")

    assert_served(server, built)
    assert left["detail"] == "queued"
    assert_served(server, server.wait_for(second))


def test_a_stopped_worker_gives_its_build_back_and_another_finishes_it(
    server: Server, admin: Admin, machine: Machine
) -> None:
    machine.join("moor", "--token", server.manage("worker_token", "--join"))
    request_hash = server.request(wish(NEXT, "demo/generic", "acme_rocket-1"))
    with started_empty(server) as other:
        with held_up(server, request_hash):
            other.join("fen", "--token", server.manage("worker_token", "fen"))
            other.wait_for_word("ready")
            admin.tell("moor", "stop")
            server.wait(machine.is_off, 30)
        built = server.wait_for(request_hash)

    assert machine.process is not None and machine.process.returncode == 0
    assert_served(server, built)
    assert attempts(server, request_hash) == [["moor", "given back"], ["fen", "done"]]


def test_clusters_that_share_the_database_build_and_upload_to_the_main_server(
    server: Server, database: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        for name in ("left", "right"):
            stack.enter_context(cluster(server, database, name))
        first = server.request(wish(NEW, "x86/64", "generic"))
        with held_up(server, first):
            second = server.request({**wish(NEW, "x86/64", "generic"), "packages": ["demo-editor"]})
            assert_served(server, server.wait_for(second))
        assert_served(server, server.wait_for(first))

    built = sorted(attempts(server, first, second))
    assert built == [["local-left-0", "done"], ["local-right-0", "done"]]


@contextmanager
def cluster(server: Server, database: str, name: str) -> Iterator[None]:
    """`script/builders` on a machine of its own, as far as its folder goes."""
    folder = Path(tempfile.mkdtemp(prefix="asu-machine-"))
    folder.chmod(0o755)
    environment = {
        "PATH": os.environ["PATH"],
        "VIRTUAL_ENV": sys.prefix,
        "ASU_DATA_DIR": str(folder / "data"),
        "DATABASE_URL": database,
        "ASU_UPLOAD_URL": f"http://127.0.0.1:{server.port}",
        "ASU_WORKER_NAME": name,
        "ASU_LOCAL_WORKERS": "1",
    }
    process = subprocess.Popen(
        [settings.BASE_DIR / "script" / "builders"],
        env=environment,
        stdout=(folder / "log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)
        remove_tree(folder)
