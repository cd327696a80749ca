"""A site of its own to measure: temporary folder, database, demo distribution, queue, and the web server.

With the DATABASE_URL of a PostgreSQL server a new database is made there and dropped at the end; the one that it names
is left alone. Everything listens on the loopback only.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bench.load import free_port, here, wait_for

WISH = {"version": "25.04.0", "target": "demo/generic", "profile": "acme_lighthouse-ac"}
CLIENTS = 1000  # who queued the builds
_AT_ONCE = 500
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def temporary(**settings: str) -> Iterator[Path]:
    """Django set up in a folder that goes away, with the demo distribution. One a process."""
    with tempfile.TemporaryDirectory(prefix="asu-bench-") as name, scratch_database() as url:
        os.environ.update(ASU_DATA_DIR=name, DATABASE_URL=url or f"sqlite:///{name}/db.sqlite3")
        os.environ.update(DJANGO_SETTINGS_MODULE="asu_site.settings", LOG_LEVEL="ERROR", **settings)
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("setup_demo")
        try:
            yield Path(name)
        finally:
            connection.close()


@contextmanager
def scratch_database() -> Iterator[str]:
    """The address of a new PostgreSQL database; "" for SQLite."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme.startswith("postgres"):
        yield ""
        return
    name = f"asu_bench_{secrets.token_hex(4)}"
    maintenance = urlunsplit(url._replace(path="/postgres"))
    _execute(maintenance, f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(url._replace(path=f"/{name}"))
    finally:
        _execute(maintenance, f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(url: str, sql: str) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
    finally:
        connection.close()


# -- the queue ---------------------------------------------------------------------------------------------


def clear() -> None:
    """No builds, requests and workers. While no server runs."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    tables = [
        model._meta.db_table
        for app in ("builders", "images", "stats")
        for model in apps.get_app_config(app).get_models()
    ]
    statements = connection.ops.sql_flush(no_style(), tables, allow_cascade=True)
    connection.ops.execute_sql_flush(statements)


def fill(count: int) -> list[str]:
    """So many queued builds, each of another request, by CLIENTS clients; the hashes of the requests.

    They are made by what POST calls (`images.services`), in this process and many a transaction.
    """
    from django.db import transaction

    from images import services
    from images.clients import Client

    hashes: list[str] = []
    while len(hashes) < count:
        with transaction.atomic():
            for number in range(len(hashes), min(count, len(hashes) + _AT_ONCE)):
                body = {**WISH, "packages": ["luci"], "defaults": f"# {number}\n"}
                asker = Client(f"client-{number % CLIENTS}", is_trusted=True)
                hashes.append(services.request_image("demo", body, asker=asker).request_hash)
    analyze()
    return hashes


def finish_all(log: str) -> None:
    """What is queued counts as built, with this log: rows only."""
    from django.db.models.functions import Now

    from builders.models import Build
    from builders.states import State

    Build.objects.queued().update(state=State.DONE, started_at=Now(), finished_at=Now(), stdout=log)
    analyze()


def analyze() -> None:
    """What PostgreSQL does by itself soon after so many new rows."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def add_workers(count: int, labels: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """So many approved workers from elsewhere, alive from now on; their tokens and instances."""
    from django.db.models.functions import Now

    from builders import workers
    from builders.models import Worker

    made = []
    for number in range(count):
        token, instance = workers.new_worker_token(f"bench-{number}"), secrets.token_hex(16)
        workers.introduce(token, workers.Introduction(f"bench-{number}", instance, labels=labels))
        made.append((token, instance))
    Worker.objects.update(seen_at=Now())
    return made


def alive_workers(count: int) -> None:
    """So many workers that count as alive without asking for builds, so that waiting times can be told."""
    from datetime import timedelta

    from builders import clock
    from builders.models import Worker

    add_workers(count)
    Worker.objects.update(seen_at=clock.now() + timedelta(hours=1))


# -- the web server ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    """A running web server."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time that its processes have used until now."""
        return sum(_cpu_seconds(pid) for pid in _family(self.pid))


@contextmanager
def serve(processes: int = 2) -> Iterator[Server]:
    """The web server as script/server starts it: by that very function."""
    port = free_port()
    script = """
set -eu
eval "$(sed -n '/^start_web() {/,/^}/p' script/server)"
export MALLOC_ARENA_MAX=2
start_web
echo "$web"
wait "$web"
"""
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("HOST", "PORT")},
        "python": sys.executable,
        "host": "127.0.0.1",
        "port": str(port),
        "ASU_WEB_WORKERS": str(processes),
    }
    shell = subprocess.Popen(["bash", "-c", script], cwd=here(), env=environment, stdout=subprocess.PIPE, text=True)
    assert shell.stdout is not None
    line = shell.stdout.readline()
    if not line:
        raise RuntimeError("the web server did not start; its words are above")
    pid = int(line)
    try:
        wait_for(port)
        time.sleep(1)  # until each of its processes listens
        yield Server(port, pid)
    finally:
        os.kill(pid, signal.SIGTERM)
        try:
            shell.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(pid, signal.SIGKILL)
            shell.wait()


def _family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += _family(int(child))
    return found


def _cpu_seconds(pid: int) -> float:
    # The name of the program may hold anything; fields are counted from behind its bracket (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


# -- workers -----------------------------------------------------------------------------------------------


@contextmanager
def sleepers(server: Server, count: int, folder: Path, *, seconds: float, build: float = 1.0) -> Iterator[Any]:
    """So many workers, each a process, that are ready to begin; the function that lets them begin and waits for all."""
    from builders import workers

    names = [f"sleeper-{number}" for number in range(count)]
    plain = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    processes = []
    try:
        for name in names:
            command = [sys.executable, "-m", "bench.sleeper", "--server", server.url, "--name", name]
            command += ["--token", workers.new_worker_token(name), "--seconds", str(seconds), "--build", str(build)]
            environment = {**plain, "ASU_DATA_DIR": str(folder / name)}
            process = subprocess.Popen(
                command, cwd=here(), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a worker did not start; its words are above")

        def begin() -> None:
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()

        yield begin
        for process in processes:
            process.wait(seconds + 60)
    finally:
        for process in processes:
            process.kill()
            process.wait()
