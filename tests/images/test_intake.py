"""Many requests at once: each build once, every answer after the commit."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from pytest_django import Settings

from builders.models import Build
from builders.spec import BuildSpec
from images import intake
from images.models import ImageRequest
from tests.images.factories import ask, make_target


@pytest.fixture(autouse=True)
def target(transactional_db: None) -> Iterator[None]:
    make_target()
    yield
    intake.close()


def ask_from_a_thread(changes: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"http": (answer := ask(Client(), **changes)).status_code, **answer.json()}
    finally:
        connections.close_all()


def test_a_thousand_equal_posts_at_once_are_one_build() -> None:
    spellings: list[dict[str, Any]] = [
        {"packages": ["luci", "vim"]},
        {"packages": ["vim", "luci"]},
        {"profile": "archer-c7-v2"},
    ]
    wishes = [{"packages": ["luci", "vim"], **spellings[number % 3]} for number in range(1000)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask_from_a_thread, wishes))

    assert {answer["http"] for answer in answers} == {202}
    assert len({answer["request_hash"] for answer in answers}) == 1
    assert Build.objects.count() == ImageRequest.objects.count() == 1


def test_different_posts_at_once_are_each_stored_once_with_what_they_said() -> None:
    wishes = [{"defaults": f"echo {number % 50}"} for number in range(200)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask_from_a_thread, wishes))

    assert {answer["http"] for answer in answers} == {202}
    by_hash = {answer["request_hash"]: wish["defaults"] for answer, wish in zip(answers, wishes, strict=True)}
    assert len(by_hash) == 50
    for build in Build.objects.select_related("request"):
        assert build.spec["defaults"] == by_hash[build.spec_hash]
        assert build.request.request_hash == build.spec_hash


def test_positions_in_the_queue_are_those_of_the_queue() -> None:
    positions = [ask(Client(), defaults=f"echo {number}").json()["queue_position"] for number in range(5)]

    assert positions == [0, 1, 2, 3, 4]


def test_an_answer_comes_after_the_commit() -> None:
    """Another connection sees the row as soon as the client has its hash."""
    request_hash = ask(Client()).json()["request_hash"]

    seen: list[bool] = []

    def look() -> None:
        seen.append(ImageRequest.objects.filter(request_hash=request_hash).exists())
        connections.close_all()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [True]


def test_the_stored_spec_and_its_hash_are_those_of_the_boundary() -> None:
    ask(Client(), packages=["vim", "luci", "-dropbear"], defaults='echo "ä"\n', rootfs_size_mb=99)

    build = Build.objects.get()
    spec = BuildSpec.from_json(build.spec)
    assert json.loads(json.dumps(spec.to_json())) == build.spec
    assert build.canonical == spec.canonical_json()
    assert build.spec_hash == spec.hash()
    assert spec.version_code == "r28739-d9340319c6"


def test_a_row_that_the_database_refuses_fails_alone() -> None:
    if connection.vendor == "sqlite":
        trigger = (
            "CREATE TRIGGER refuse BEFORE INSERT ON images_imagerequest WHEN NEW.client = 'bad' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        with connection.cursor() as cursor:
            cursor.execute(trigger)
    else:
        pytest.skip("the trigger is written for SQLite")
    wishes = [{"defaults": f"echo {number}", "client": "bad" if number == 7 else "good"} for number in range(40)]

    try:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(_ask_quietly, wishes))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse")

    assert [answer["http"] for answer in answers].count(202) == 39
    assert answers[7]["http"] == 500
    assert isinstance(answers[7]["detail"], str) and "refused" not in answers[7]["detail"]
    assert Build.objects.count() == 39


def _ask_quietly(changes: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = ask(Client(raise_request_exception=False), **changes)
        return {"http": answer.status_code, **answer.json()}
    finally:
        connections.close_all()


def test_a_build_without_a_request_gets_one() -> None:
    ask(Client())
    ImageRequest.objects.all().delete()

    answer = ask(Client())

    assert answer.status_code == 202
    assert ImageRequest.objects.get().build == Build.objects.get()


def test_without_a_database_every_request_is_told(settings: Settings) -> None:
    """Nobody waits for ever, and the next request is served again."""
    assert ask(Client()).status_code == 202
    folder, settings.ASU_RUN_DIR = settings.ASU_RUN_DIR, Path("/proc/no-such-folder")
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite's writers stand in line")

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(_ask_quietly, [{"defaults": f"echo {number}"} for number in range(8)]))
    settings.ASU_RUN_DIR = folder

    assert {answer["http"] for answer in answers} == {500}
    assert ask(Client(), packages=["vim"]).status_code == 202
