"""`kill -9` of everything that builds, at many points of real builds: each is finished once after the restart."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.service import Server, running

pytestmark = pytest.mark.e2e

OLD, NEW, NEXT = "24.04.2", "25.04.0", "SNAPSHOT"
# Where nothing was built before, the first moments are the ImageBuilder's download, its unpacking and the packages.
ROUNDS = [
    (NEW, "demo/generic", "acme_rocket-1", 0.02),
    (NEW, "x86/64", "generic", 0.3),
    (OLD, "demo/generic", "acme_rocket-1", 0.6),
    (OLD, "x86/64", "generic", 0.9),
    (NEXT, "demo/generic", "acme_rocket-1", 1.2),
    (NEXT, "x86/64", "generic", 2.0),
    (NEW, "demo/generic", "acme_rocket-2", 2.6),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("kills") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def built(server: Server) -> dict[str, dict[str, Any]]:
    """The answers for all rounds, by hash."""
    answers = {}
    for version, target, profile, seconds in ROUNDS:
        request_hash = server.request({"version": version, "target": target, "profile": profile, "packages": ["luci"]})
        time.sleep(seconds)
        for pid in server.clusters():
            os.kill(pid, signal.SIGKILL)
        answers[request_hash] = server.wait_for(request_hash)
    return answers


def rows(server: Server, query: str) -> list[Any]:
    with closing(sqlite3.connect(server.data / "db.sqlite3")) as database:
        return database.execute(query).fetchall()


def test_each_build_is_finished_after_the_restart(built: dict[str, dict[str, Any]]) -> None:
    assert [answer["status"] for answer in built.values()] == [200] * len(ROUNDS)


def test_each_build_was_finished_once(server: Server, built: dict[str, dict[str, Any]]) -> None:
    done = rows(server, "SELECT build_id, count(*) FROM builders_attempt WHERE outcome = 'done' GROUP BY build_id")

    assert [count for _, count in done] == [1] * len(ROUNDS)
    assert rows(server, "SELECT count(*) FROM builders_attempt WHERE outcome IN ('lost', 'crashed')")[0][0] > 0


def test_the_store_holds_these_images_and_nothing_half_written(
    server: Server, built: dict[str, dict[str, Any]]
) -> None:
    for request_hash, answer in built.items():
        for image in answer["images"]:
            assert (server.data / "store" / request_hash / image["name"]).stat().st_size == image["size"]
    assert {path.name for path in (server.data / "store").iterdir() if path.is_dir()} >= set(built)
    assert [path for path in (server.data / "uploads").iterdir() if path.is_dir()] == []


def test_no_process_of_a_killed_build_is_left(built: dict[str, dict[str, Any]]) -> None:
    names = [f"EXTRA_IMAGE_NAME={request_hash[:12]}".encode() for request_hash in built]

    left = [words for words in command_lines() if any(name in words for name in names)]

    assert left == []


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue
