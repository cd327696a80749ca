"""What workers fetch from the server: ImageBuilders, indexes, files of its own mirrors; for whom, and from where."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django_q.models import OrmQ
from pytest_django import Settings

from builders import archives
from builders.models import Build
from builders.spec import FeedSpec, ImageBuilderSpec, KeySpec
from builders.states import State
from packages import index_cache
from packages.models import Distribution
from packages.signatures import UsignKey
from tests.builders.api.caller import Caller, approved, wanted
from tests.factories import make_spec
from tests.packages.mirrors import Handler, Server, serving
from tests.races import at_once

pytestmark = pytest.mark.django_db

ARCHIVE = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", (0.01, 0.01))
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "ib.tar.xz").write_bytes(ARCHIVE)
    with serving(folder) as running:
        yield running


def needs(url: str, feeds: tuple[FeedSpec, ...] = (), name: str = "far-away") -> Caller:
    """A worker with a build that needs the archive at this address."""
    wanted(make_spec(imagebuilder=ImageBuilderSpec(url, "ib.tar.xz", SHA256), feeds=feeds))
    caller = approved(name=name)
    assert caller.lease() is not None
    return caller


def get(caller: Caller, path: str, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers and the whole body."""
    sent = {"Authorization": f"Bearer {caller.token}", **headers}
    answer = caller.client.get(f"/api/worker/v1/{path}", headers=sent)
    return answer.status_code, answer.headers, b"".join(answer) if answer.streaming else answer.content


def fetch_what_was_sent_for() -> int:
    """The cluster's part; how many tasks there were."""
    tasks = [task.task for task in OrmQ.objects.all()]
    OrmQ.objects.all().delete()
    for task in tasks:
        if task["func"] == "builders.tasks.fetch_archive":
            archives.fetch(*task["args"])
    return len([task for task in tasks if task["func"] == "builders.tasks.fetch_archive"])


def test_the_mirror_is_asked_once_for_many_workers(mirror: Server) -> None:
    callers = [needs(f"{mirror.url}/ib.tar.xz", name=f"w{number}") for number in range(5)]

    first = [get(caller, f"imagebuilders/{SHA256}") for caller in callers]
    tasks = fetch_what_was_sent_for()
    second = [get(caller, f"imagebuilders/{SHA256}") for caller in callers]

    assert {status for status, _, _ in first} == {202}
    assert all(headers["Retry-After"] for _, headers, _ in first)
    assert tasks == 1
    assert {(status, body) for status, _, body in second} == {(200, ARCHIVE)}
    assert mirror.paths(200) == ["/ib.tar.xz"]


@pytest.mark.django_db(transaction=True)
def test_who_asks_at_the_same_moment_sends_for_it_once(mirror: Server) -> None:
    found = at_once(*[partial(archives.supply, SHA256, f"{mirror.url}/ib.tar.xz")] * 8)

    assert found == [archives.Supply()] * 8
    assert fetch_what_was_sent_for() == 1


def test_two_fetches_at_once_download_once(mirror: Server) -> None:
    threads = [
        threading.Thread(target=archives.fetch, args=(SHA256, f"{mirror.url}/ib.tar.xz"), name=f"fetch-{number}")
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert archives.supply(SHA256, "").path is not None
    assert mirror.paths(200) == ["/ib.tar.xz"]


def test_progress_is_told_while_it_comes(mirror: Server) -> None:
    caller = needs(f"{mirror.url}/ib.tar.xz")
    archives._write(SHA256, percent=42)

    status, _, body = get(caller, f"imagebuilders/{SHA256}")

    assert status == 202
    assert b'"progress": 42' in body


def gone(handler: Handler) -> None:
    handler.answer(404, b"no")


def test_what_the_server_cannot_get_the_worker_gets_from_the_mirror(mirror: Server, caplog: Any) -> None:
    mirror.faults["/ib.tar.xz"] = gone
    caller = needs(f"{mirror.url}/ib.tar.xz")
    get(caller, f"imagebuilders/{SHA256}")
    fetch_what_was_sent_for()

    status, _, body = get(caller, f"imagebuilders/{SHA256}")

    assert status == 404
    assert b"no such file" in body


def test_half_archives_that_nobody_goes_on_with_are_removed(mirror: Server) -> None:
    old, fresh = archives._folder() / f"{'0' * 64}.part", archives._folder() / f"{'2' * 64}.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))

    archives.fetch(SHA256, f"{mirror.url}/ib.tar.xz")

    assert not old.exists() and fresh.exists()


def test_a_failure_is_tried_again_after_a_while(mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.faults["/ib.tar.xz"] = gone
    caller = needs(f"{mirror.url}/ib.tar.xz")
    get(caller, f"imagebuilders/{SHA256}")
    fetch_what_was_sent_for()
    mirror.faults.clear()
    monkeypatch.setattr(archives, "_PATIENCE", 0.01)
    time.sleep(0.02)

    status, _, _ = get(caller, f"imagebuilders/{SHA256}")

    assert (status, fetch_what_was_sent_for()) == (202, 1)
    assert get(caller, f"imagebuilders/{SHA256}")[0] == 200


def test_without_a_cluster_that_fetches_workers_are_sent_to_the_mirror(
    mirror: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_PATIENCE", 0.1)
    caller = needs(f"{mirror.url}/ib.tar.xz")
    get(caller, f"imagebuilders/{SHA256}")
    time.sleep(0.15)

    status, _, body = get(caller, f"imagebuilders/{SHA256}")

    assert status == 404 and b"ask the mirror" in body


def test_a_server_that_keeps_no_archives_says_so(mirror: Server, settings: Settings) -> None:
    settings.ASU_ARCHIVE_CACHE_GB = 0
    caller = needs(f"{mirror.url}/ib.tar.xz")

    assert get(caller, f"imagebuilders/{SHA256}")[0] == 404
    assert not OrmQ.objects.exists()


def test_an_archive_of_our_own_mirror_is_sent_from_where_it_lies(mirror: Server) -> None:
    caller = needs((mirror.root / "ib.tar.xz").as_uri())

    assert get(caller, f"imagebuilders/{SHA256}")[::2] == (200, ARCHIVE)
    assert not list(Path(archives._folder()).glob("*[0-9a-f]"))


def test_a_download_goes_on_where_it_was_cut(mirror: Server) -> None:
    caller = needs((mirror.root / "ib.tar.xz").as_uri())

    status, headers, body = get(caller, f"imagebuilders/{SHA256}", Range="bytes=1000-")

    assert (status, body) == (206, ARCHIVE[1000:])
    assert headers["Content-Range"] == f"bytes 1000-{len(ARCHIVE) - 1}/{len(ARCHIVE)}"
    assert get(caller, f"imagebuilders/{SHA256}", Range="bytes=9999999-")[0] == 416


def test_the_least_recently_used_archives_make_room(
    mirror: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ASU_ARCHIVE_CACHE_GB = 1.5 * len(ARCHIVE) / 2**30
    old = archives._folder() / ("0" * 64)
    old.write_bytes(ARCHIVE)

    archives.fetch(SHA256, f"{mirror.url}/ib.tar.xz")

    assert not old.exists()
    assert archives.supply(SHA256, "").path is not None


def test_who_has_no_build_for_it_gets_no_archive(mirror: Server) -> None:
    needs((mirror.root / "ib.tar.xz").as_uri())
    other = approved(name="other")

    for name in (SHA256, "0" * 64, "x", "..", SHA256.upper()):
        assert get(other, f"imagebuilders/{name}")[0] == 404


def test_an_index_is_found_by_its_sum_and_nothing_else_is() -> None:
    caller = approved()
    sha256 = index_cache.save(b"Package: x\n", b"signed")

    assert get(caller, f"indexes/{sha256}")[::2] == (200, b"Package: x\n")
    assert get(caller, f"indexes/{sha256}.sig")[::2] == (200, b"signed")
    key = UsignKey.generate("feed").public_text()
    signer = index_cache.signer_id(key)
    assert get(caller, f"indexes/{sha256}.{signer}.sig")[0] == 404
    index_cache.save(b"Package: x\n", b"by the key of a feed", signer=key)
    assert get(caller, f"indexes/{sha256}.{signer}.sig")[::2] == (200, b"by the key of a feed")
    assert get(caller, f"indexes/{sha256}.sig")[::2] == (200, b"signed")
    for name in (f"{sha256}.{signer}", f"{sha256}.{signer.upper()}.sig", f"{sha256}...sig"):
        assert get(caller, f"indexes/{name}")[0] == 404
    for name in ("0" * 64, f"{sha256}.txt", f"{sha256}.sig.sig", sha256.upper(), "..", "%2e%2e%2f", f"{sha256}%00"):
        assert get(caller, f"indexes/{name}")[0] == 404


@pytest.fixture
def hosted(mirror: Server) -> Caller:
    Distribution.objects.create(name="demo", url=mirror.root.as_uri())
    (mirror.root / "packages").mkdir()
    (mirror.root / "packages/a b.ipk").write_bytes(b"spaces")
    (mirror.root / "packages/a.ipk").write_bytes(b"package")
    (mirror.root / ".secret").write_text("secret")
    (mirror.root.parent / "outside").write_text("secret")
    (mirror.root / "link").symlink_to(mirror.root.parent / "outside")
    return needs((mirror.root / "ib.tar.xz").as_uri())


def test_packages_of_our_own_mirror_are_sent_while_a_build_needs_them(hosted: Caller) -> None:
    assert get(hosted, "files/demo/packages/a.ipk")[::2] == (200, b"package")
    assert get(hosted, "files/demo/packages/a%20b.ipk")[::2] == (200, b"spaces")
    Build.objects.update(state=State.DONE)
    assert get(hosted, "files/demo/packages/a.ipk")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "demo/.secret",
        "demo/link",
        "demo/../outside",
        "demo/%2e%2e/outside",
        "demo/packages",
        "demo/packages/%00",
        "demo//etc/passwd",
        "demo/%2fetc%2fpasswd",
        "demo/packages/..%5c..%5coutside",
        "other/packages/a.ipk",
        "demo/-",
    ],
)
def test_nothing_else_of_this_machine_is_sent(hosted: Caller, path: str) -> None:
    status, _, body = get(hosted, f"files/{path}")

    assert status == 404
    assert b"secret" not in body


@pytest.fixture
def flavour_builder(mirror: Server) -> Caller:
    """A worker that builds for a flavour whose feeds lie below the mirror of its base."""
    base = Distribution.objects.create(name="demo", url=mirror.root.as_uri(), is_enabled=False)
    Distribution.objects.create(name="lime", url=(mirror.root / "lime").as_uri(), built_on=base)
    for folder in ("packages", "lime/arm"):
        (mirror.root / folder).mkdir(parents=True)
        (mirror.root / folder / "a.ipk").write_bytes(folder.encode())
    feeds = (
        FeedSpec("lime", "flavour", "opkg", (mirror.root / "lime/arm").as_uri(), "2" * 64, (KeySpec("usign", "k"),)),
        FeedSpec("base", "arch", "opkg", (mirror.root / "packages").as_uri(), "3" * 64),
        FeedSpec("gone", "arch", "opkg", "file:///somewhere/else", "4" * 64),
    )
    imagebuilder = ImageBuilderSpec((mirror.root / "ib.tar.xz").as_uri(), "ib.tar.xz", SHA256)
    wanted(make_spec(distribution="lime", imagebuilder=imagebuilder, feeds=feeds))
    return approved(name="far-away")


def test_feeds_of_a_flavour_come_from_its_own_mirror_and_from_that_of_its_base(flavour_builder: Caller) -> None:
    lease = flavour_builder.lease()

    assert lease is not None
    urls = [feed["url"].removeprefix("/api/worker/v1/") for feed in lease["spec"]["feeds"]]
    assert urls == ["files/lime/arm", "files/demo/packages", "files/lime/-"]
    assert [len(feed["keys"]) for feed in lease["spec"]["feeds"]] == [1, 0, 0]
    # The base is disabled: not on offer itself, but the flavour is.
    assert get(flavour_builder, f"{urls[0]}/a.ipk")[::2] == (200, b"lime/arm")
    assert get(flavour_builder, f"{urls[1]}/a.ipk")[::2] == (200, b"packages")


def test_files_of_the_base_are_for_whoever_builds_a_flavour_of_it_and_as_long_as(flavour_builder: Caller) -> None:
    assert get(flavour_builder, "files/demo/packages/a.ipk")[0] == 404

    assert flavour_builder.lease() is not None
    assert get(flavour_builder, "files/demo/packages/a.ipk")[0] == 200

    Build.objects.update(state=State.DONE)
    assert get(flavour_builder, "files/demo/packages/a.ipk")[0] == 404
