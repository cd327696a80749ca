"""What load balancers and watchdogs are told."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from stats import health
from stats.readiness import CHECKS, Readiness


def test_a_process_that_answers_is_healthy_whatever_its_database_does(client: Client) -> None:
    """The fixture of the database is not here: a query would fail."""
    answer = client.get("/healthz?x=1&x[]=\ufffd")

    assert (answer.status_code, answer.json()) == (200, {"status": 200, "detail": "ok"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_a_server_that_can_work_is_ready(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": 200, "detail": "ready", "checks": dict.fromkeys(CHECKS, "ok")}
    assert answer["Cache-Control"] == "no-store"
    assert answer["Access-Control-Allow-Origin"] == "*"


@pytest.mark.django_db
def test_no_worker_is_no_reason_not_to_be_ready(client: Client) -> None:
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_head_gives_the_status_alone(client: Client, path: str) -> None:
    answer = client.head(path)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_other_methods_are_refused_as_json(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["status"] == 405


@pytest.mark.django_db
def test_a_store_that_cannot_be_written_is_told_without_its_path(client: Client, settings: Settings) -> None:
    settings.ASU_STORE_DIR = settings.ASU_DATA_DIR / "file"
    settings.ASU_STORE_DIR.touch()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        **dict.fromkeys(CHECKS, "ok"),
        "store": "The folder for images cannot be written: File exists.",
    }
    assert answer.json()["detail"] == answer.json()["checks"]["store"]
    assert str(settings.ASU_DATA_DIR) not in answer.content.decode()


@pytest.mark.django_db
def test_nothing_of_the_look_stays_in_the_store(client: Client) -> None:
    client.get("/readyz")

    assert list(Path(site.ASU_STORE_DIR).iterdir()) == []


@pytest.mark.django_db
def test_a_disk_below_the_floor_is_not_ready(client: Client, settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 10**12

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "1000000000000 MB are needed" in answer.json()["checks"]["disk"]
    assert answer.json()["checks"]["database"] == "ok"


@pytest.mark.django_db(transaction=True)
def test_a_missing_migration_is_not_ready_until_it_is_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("stats", "0002_keys_periods_incidents")
    try:
        answer = client.get("/readyz")
    finally:
        recorder.record_applied("stats", "0002_keys_periods_incidents")
    monkeypatch.setattr(health, "_readiness", Readiness())  # a second later

    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["checks"]["migrations"]
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_many_callers_cost_one_look_and_none_of_them_a_query_of_its_own(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        answers = [client.get("/readyz") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}


# -- a database that does not answer ---------------------------------------------------------------------------


@contextmanager
def locked_database() -> Iterator[None]:
    """As during a migration, or the VACUUM of an SQLite file."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE builders_build IN ACCESS EXCLUSIVE MODE")
            yield
        return
    with connection.cursor() as cursor:
        # Without a write-ahead log, readers wait for a writer.
        cursor.execute("PRAGMA journal_mode=DELETE")
        cursor.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA journal_mode=WAL")


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_is_not_ready_and_does_not_hang_and_comes_back(client: Client) -> None:
    with locked_database():
        began = time.monotonic()
        answer = client.get("/readyz")
        took = time.monotonic() - began
        healthy = client.get("/healthz")

    assert took < 2
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] != "ok"
    assert answer.json()["checks"]["store"] == "ok"
    assert healthy.status_code == 200
    assert comes_back(client)


def comes_back(client: Client) -> bool:
    end = time.monotonic() + 10
    while client.get("/readyz").status_code != 200:
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


ASK = """
import django, json, sys, time
django.setup()
from django.test import Client
client = Client()
for path in sys.argv[1:]:
    began = time.monotonic()
    answer = client.get(path)
    print(json.dumps([path, answer.status_code, answer.content.decode(), time.monotonic() - began]))
"""


def ask_server_with(database: str, data: Path, *paths: str) -> dict[str, tuple[int, str, float]]:
    """What a process with this database answers: path -> status, body and seconds."""
    environment = os.environ | {
        "DATABASE_URL": database,
        "ASU_DATA_DIR": str(data),
        "ASU_MIN_FREE_MB": "1",
        "DJANGO_SETTINGS_MODULE": "asu_site.settings",
    }
    command = [sys.executable, "-c", ASK, *paths]
    said = subprocess.run(command, env=environment, cwd=site.BASE_DIR, capture_output=True, text=True, check=True)
    rows: list[Any] = [json.loads(line) for line in said.stdout.splitlines()]
    return {path: (status, body, seconds) for path, status, body, seconds in rows}


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for link in kept:
                link.close()


def test_a_database_that_refuses_connections_is_not_ready(data_dir: Path) -> None:
    answers = ask_server_with("postgres://user:hunter2@127.0.0.1:1/asu", data_dir, "/readyz", "/healthz")

    status, body, seconds = answers["/readyz"]
    assert status == 503
    assert json.loads(body)["checks"]["database"] == json.loads(body)["detail"] == "The database does not answer."
    assert json.loads(body)["checks"]["store"] == "ok"
    assert seconds < 5  # far below what a connection may take; on a busy machine an answer takes its time
    assert all(word not in body for word in ("hunter2", "127.0.0.1", "Traceback", str(data_dir)))
    assert answers["/healthz"][0] == 200


def test_a_database_that_never_says_a_word_is_not_ready_within_two_seconds(data_dir: Path) -> None:
    with silent_server() as port:
        answers = ask_server_with(f"postgres://user@127.0.0.1:{port}/asu", data_dir, "/readyz", "/healthz")

    status, body, seconds = answers["/readyz"]
    assert (status, json.loads(body)["status"]) == (503, 503)
    assert json.loads(body)["detail"] == "No answer within 1.5 seconds."
    assert seconds < 5  # far below what a connection may take; on a busy machine an answer takes its time
    assert answers["/healthz"][0] == 200


def test_without_a_database_status_and_metrics_say_so_in_their_own_ways(data_dir: Path) -> None:
    paths = ("/status.json", "/status/", "/metrics")

    answers = ask_server_with("postgres://user:hunter2@127.0.0.1:1/asu", data_dir, *paths)

    assert [answers[path][0] for path in paths] == [503, 503, 503]
    assert json.loads(answers["/status.json"][1])["detail"].startswith("The database does not answer.")
    assert "The database does not answer." in answers["/status/"][1]
    assert "hunter2" not in str(answers)


def test_a_database_without_our_tables_is_not_ready(data_dir: Path) -> None:
    answers = ask_server_with(f"sqlite:///{data_dir}/new.sqlite3", data_dir, "/readyz")

    status, body, _ = answers["/readyz"]
    assert status == 503
    assert json.loads(body)["checks"]["database"] == "ok"
    assert "Migrations are missing" in json.loads(body)["detail"]
