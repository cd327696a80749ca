"""Images go when nobody asks for them; a hit is one on whole files; and the two at the same moment."""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from pytest_django import Settings

from builders.models import Build
from builders.states import State
from images import intake, retention, services, storage, tasks
from images.models import Image
from packages import generation
from packages.models import Target
from tests.images.factories import ask, make_target
from tests.images.publications import DATA, SYSUPGRADE, asked, publish, published


def folder_of(image: Image) -> Path:
    return storage.folder(image.request.request_hash)


def post(client: Client, image: Image) -> int:
    return int(ask(client).status_code)


def get(client: Client, image: Image) -> int:
    return int(client.get(f"/api/v1/build/{image.request.request_hash}").status_code)


def download(client: Client, image: Image) -> int:
    answer: Any = client.get(f"/store/{image.request.request_hash}/{SYSUPGRADE}")
    if answer.streaming:
        assert b"".join(answer.streaming_content) == DATA[SYSUPGRADE]
    return int(answer.status_code)


Hit = Any  # one of these
HITS: list[Hit] = [post, get, download]


@pytest.fixture
def image(db: None, client: Client) -> Image:
    make_target()
    return published(client)


# -- by age ------------------------------------------------------------------------------------------------


def test_images_that_nobody_asks_for_go_and_others_stay(client: Client, image: Image) -> None:
    other = published(client, packages=["vim"])
    asked(image, timedelta(days=31))
    asked(other, timedelta(days=29))

    tasks.tidy()

    assert not folder_of(image).exists()
    assert list(Image.objects.served()) == [other]


@pytest.mark.parametrize("hit", HITS)
def test_whoever_asks_or_downloads_keeps_an_image_alive(client: Client, image: Image, hit: Hit) -> None:
    asked(image, timedelta(days=31))

    assert hit(client, image) == 200

    tasks.tidy()
    assert hit(client, image) == 200


def test_what_is_asked_for_all_the_time_is_not_written_all_the_time(client: Client, image: Image) -> None:
    asked(image, retention.STEP / 2)
    before = Image.objects.get().last_asked_at

    post(client, image)

    assert Image.objects.get().last_asked_at == before


def test_a_withdrawn_image_keeps_its_files_as_evidence(client: Client, image: Image) -> None:
    asked(image, timedelta(days=400))
    services.withdraw(image, "It had a hole.")

    tasks.tidy()

    assert folder_of(image).is_dir()


def test_an_expired_image_keeps_its_page_and_is_built_again_for_who_asks(client: Client, image: Image) -> None:
    asked(image, timedelta(days=31))
    tasks.tidy()

    assert get(client, image) == 404
    assert b"vim" in client.get(f"/images/{image.request.request_hash}/").content
    assert post(client, image) == 202
    publish(image.request)
    assert post(client, image) == 200


def test_a_download_under_way_comes_to_its_end(client: Client, image: Image) -> None:
    answer: Any = client.get(f"/store/{image.request.request_hash}/{SYSUPGRADE}")
    stream = answer.streaming_content
    first = next(stream)

    services.expire(image)

    assert first + b"".join(stream) == DATA[SYSUPGRADE]


# -- hits are checked against the files --------------------------------------------------------------------


def folder_gone(image: Image) -> None:
    shutil.rmtree(folder_of(image))


def file_gone(image: Image) -> None:
    (folder_of(image) / SYSUPGRADE).unlink()


def file_cut(image: Image) -> None:
    (folder_of(image) / SYSUPGRADE).write_bytes(b"short")


def file_is_a_link(image: Image) -> None:
    file = folder_of(image) / SYSUPGRADE
    file.rename(folder_of(image) / "elsewhere")
    file.symlink_to("elsewhere")


DAMAGES = [folder_gone, file_gone, file_cut, file_is_a_link]


@pytest.mark.parametrize("damage", DAMAGES)
def test_asking_for_an_image_with_damaged_files_builds_it_again(
    client: Client, image: Image, damage: Callable[[Image], None]
) -> None:
    damage(image)

    assert ask(client).json()["detail"] == "queued"
    assert Build.objects.count() == 1
    publish(image.request)
    assert post(client, image) == download(client, image) == 200


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("hit", "status"), [(get, 404), (download, 410)])
def test_an_image_with_damaged_files_expires_for_who_polls_or_downloads(
    client: Client, image: Image, damage: Callable[[Image], None], hit: Hit, status: int
) -> None:
    damage(image)

    assert hit(client, image) == status

    image.refresh_from_db()
    assert image.expired_at is not None
    assert Build.objects.get().state == State.EXPIRED
    assert not folder_of(image).exists()
    assert get(client, image) == 404


@pytest.mark.parametrize("method", ["get", "head"])
def test_nginx_is_not_sent_to_a_file_that_is_gone(
    client: Client, image: Image, settings: Settings, method: str
) -> None:
    settings.ASU_X_ACCEL_PREFIX = "/protected-store"
    file_gone(image)

    answer = getattr(client, method)(f"/store/{image.request.request_hash}/{SYSUPGRADE}")

    assert answer.status_code == 410
    assert "X-Accel-Redirect" not in answer


def test_the_log_tells_of_files_that_are_gone(client: Client, image: Image, caplog: pytest.LogCaptureFixture) -> None:
    file_gone(image)

    get(client, image)

    assert f"image {image.request.request_hash[:12]}" in caplog.text


def test_a_withdrawn_image_says_so_also_without_its_files(client: Client, image: Image) -> None:
    services.withdraw(image, "It had a hole.")
    folder_gone(image)

    assert post(client, image) == get(client, image) == 400
    assert download(client, image) == 410
    assert Build.objects.get().state == State.DONE


def test_an_image_published_anew_is_not_taken_for_a_damaged_one(client: Client, image: Image) -> None:
    old = Image.objects.select_related("request").get()
    assert retention.is_whole(old)
    services.expire(image)
    post(client, image)
    publish(image.request, {**DATA, SYSUPGRADE: b"another build"})
    assert not retention.is_whole(old)

    assert retention.is_at_hand(old)

    assert get(client, image) == 200
    assert {file.name: file.size for file in old.file_list}[SYSUPGRADE] == len(b"another build")


# -- a hit at the moment when the image expires -------------------------------------------------------------


@pytest.fixture
def unused(transactional_db: None, client: Client) -> Iterator[Image]:
    make_target()
    image = published(client)
    asked(image, timedelta(days=31))
    yield image
    intake.close()


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def answer_is_true(image: Image, hit: Hit, status: int) -> None:
    """A 200 stands for whole files of a served image; anything else for one that is built anew when asked for."""
    row = Image.objects.select_related("request").get(pk=image.pk)
    build = Build.objects.get()
    if status == 200:
        assert row.is_served and retention.is_whole(row) and build.state == State.DONE
        return
    assert not row.is_served and not folder_of(image).exists()
    wanted = {"post": (202, State.QUEUED), "get": (404, State.EXPIRED), "download": (410, State.EXPIRED)}
    assert (status, build.state) == wanted[hit.__name__]


@contextmanager
def held_before(word: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """This thread's statements that begin with `word` on the table of images wait; says so, and waits for leave."""
    came, may_go = threading.Event(), threading.Event()

    def hold(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(word) and "images_image" in sql:
            came.set()
            assert may_go.wait(20)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(hold):
        yield came, may_go


@pytest.mark.parametrize("hit", HITS)
def test_a_hit_just_before_an_image_expires_keeps_it(unused: Image, hit: Hit) -> None:
    """The chore has chosen the image already when somebody asks for it."""
    ready: list[Any] = []
    has_chosen = threading.Event()

    def chore() -> int:
        with held_before("UPDATE") as (came, may_go):
            ready.extend((came, may_go))
            has_chosen.set()
            return retention.expire_unused()

    if connection.vendor == "sqlite":
        pytest.skip("SQLite's chore holds the database when it gets there: the hit waits, see the other tests")
    with ThreadPoolExecutor(1) as pool:
        expired = pool.submit(in_thread, chore)
        assert has_chosen.wait(20) and ready[0].wait(20)
        status = hit(Client(), unused)
        ready[1].set()

        assert (status, expired.result()) == (200, 0)
    answer_is_true(unused, hit, status)


@pytest.mark.parametrize("hit", HITS)
def test_a_hit_while_an_image_expires_is_not_answered_with_files_that_go(unused: Image, hit: Hit) -> None:
    """The hit has read the rows and looked at the files when the image expires."""
    has_looked = threading.Event()
    ready: list[Any] = []

    def late() -> int:
        with held_before("UPDATE") as (came, may_go):
            ready.extend((came, may_go))
            has_looked.set()
            return int(hit(Client(), unused))

    with ThreadPoolExecutor(1) as pool:
        status = pool.submit(in_thread, late)
        assert has_looked.wait(20) and ready[0].wait(20)
        assert retention.expire_unused() == 1
        ready[1].set()

        answer_is_true(unused, hit, status.result())
        assert status.result() != 200


@pytest.mark.parametrize("hit", HITS)
def test_a_hit_waits_for_an_expiry_that_is_not_committed_yet(unused: Image, hit: Hit) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert retention.expire_unused() == 1
            status = pool.submit(in_thread, lambda: hit(Client(), unused))
            assert not folder_of(unused).exists()

        answer_is_true(unused, hit, status.result())
        assert status.result() != 200


def test_hits_and_the_chore_at_once_never_end_in_a_lie(unused: Image) -> None:
    gate = threading.Barrier(2)

    def at_once(work: Callable[[], Any]) -> Any:
        gate.wait()
        return in_thread(work)

    with ThreadPoolExecutor(2) as pool:
        for hit in HITS * 15:
            answered = pool.submit(at_once, partial(hit, Client(), unused))
            expired = pool.submit(at_once, retention.expire_unused)

            answer_is_true(unused, hit, answered.result())
            assert (answered.result() == 200) == (expired.result() == 0)
            if expired.result():
                post(Client(), unused)
                publish(unused.request)
            asked(unused, timedelta(days=31))


# -- snapshots ---------------------------------------------------------------------------------------------


@pytest.fixture
def snapshot(db: None, client: Client) -> Image:
    make_target(version="SNAPSHOT")
    return published(client, version="SNAPSHOT")


def replace_snapshot() -> None:
    """The mirror builds it anew."""
    Target.objects.filter(release__version="SNAPSHOT").update(imagebuilder_sha256="dd" * 32, state_hash="ee" * 32)
    generation.bump()


def test_a_replaced_snapshot_goes_when_nobody_asks_for_it_any_more(snapshot: Image, settings: Settings) -> None:
    replace_snapshot()
    asked(snapshot, timedelta(hours=settings.ASU_SNAPSHOT_TTL_HOURS, minutes=-1))
    tasks.tidy()
    assert list(Image.objects.served()) == [snapshot]

    asked(snapshot, timedelta(hours=settings.ASU_SNAPSHOT_TTL_HOURS, minutes=1))
    tasks.tidy()

    assert not Image.objects.served().exists()
    assert not folder_of(snapshot).exists()


def test_the_present_snapshot_stays_as_long_as_a_release(snapshot: Image, settings: Settings) -> None:
    asked(snapshot, timedelta(hours=settings.ASU_SNAPSHOT_TTL_HOURS, minutes=1))

    tasks.tidy()

    assert list(Image.objects.served()) == [snapshot]


def test_releases_do_not_go_with_their_imagebuilder(client: Client, image: Image, settings: Settings) -> None:
    Target.objects.update(imagebuilder_sha256="dd" * 32, state_hash="ee" * 32)
    asked(image, timedelta(hours=settings.ASU_SNAPSHOT_TTL_HOURS, minutes=1))

    tasks.tidy()

    assert list(Image.objects.served()) == [image]


def test_who_asks_for_a_replaced_snapshot_gets_the_present_one(client: Client, snapshot: Image) -> None:
    replace_snapshot()

    answer = ask(client, version="SNAPSHOT")

    assert answer.status_code == 202
    assert answer.json()["request_hash"] != snapshot.request.request_hash
