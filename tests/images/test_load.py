"""What a server takes on: by how long it would wait, and by who asks. What is known is always answered."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from builders import queue, waiting
from builders.models import Build, Pace
from builders.states import State
from images import polls
from images.models import ImageRequest
from tests.factories import in_the_past, make_spec, make_worker
from tests.images.factories import ask, make_target
from tests.images.publications import published

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def target(db: None) -> None:
    make_target()


def stranger(address: str = "192.0.2.7", **headers: Any) -> Client:
    return Client(REMOTE_ADDR=address, **headers)


def fill(count: int, seconds: float = 600) -> None:
    """One worker, and so many builds before everybody else's, of so long each."""
    make_worker()
    for distribution, target in (("demo", "hill/small"), ("openwrt", "ath79/generic")):
        Pace.objects.update_or_create(distribution=distribution, target=target, defaults={"seconds": seconds})
    for _ in range(count):
        queue.submit(make_spec(), priority=1)
    waiting.forget()


def test_what_would_wait_too_long_is_refused_with_a_sentence_and_a_time(settings: Settings) -> None:
    settings.ASU_MAX_WAIT_MINUTES = 30
    fill(5)

    answer = ask(stranger())

    assert answer.status_code == 503
    assert 60 <= int(answer["Retry-After"]) <= 1800
    assert "50 minutes" in answer.json()["detail"] and "30 minutes" in answer.json()["detail"]
    assert not ImageRequest.objects.exists()


def test_what_fits_is_taken(settings: Settings) -> None:
    settings.ASU_MAX_WAIT_MINUTES = 30
    fill(2)

    assert ask(stranger()).status_code == 202


def test_without_a_limit_everything_is_taken(settings: Settings) -> None:
    settings.ASU_MAX_WAIT_MINUTES = 0
    fill(50)

    assert ask(stranger()).status_code == 202


def test_a_queue_without_workers_takes_requests_and_says_that_nobody_is_there() -> None:
    answer = ask(stranger()).json()

    assert (answer["status"], answer["wait_seconds"], answer["queue_position"]) == (202, None, 0)
    assert "No worker for ath79/generic" in answer["hint"]


def test_a_queue_without_workers_takes_no_more_than_one_could_do_in_time(settings: Settings) -> None:
    settings.ASU_MAX_WAIT_MINUTES = 1
    for _ in range(3):  # of thirty seconds each, as nothing was ever measured
        queue.submit(make_spec())

    answer = ask(stranger())

    assert answer.status_code == 503
    assert "no worker for ath79/generic is there" in answer.json()["detail"]


def test_images_that_are_there_are_served_however_long_the_queue_is(settings: Settings) -> None:
    image = published(stranger())
    settings.ASU_MAX_WAIT_MINUTES = 1
    fill(50)

    answer = ask(stranger("192.0.2.8"))

    assert (answer.status_code, answer.json()["request_hash"]) == (200, image.request.request_hash)


def test_who_waits_already_is_answered_however_long_the_queue_is(settings: Settings) -> None:
    first = ask(stranger()).json()
    settings.ASU_MAX_WAIT_MINUTES = 1
    fill(50)

    posted = ask(stranger("192.0.2.8"))
    got = stranger().get(f"/api/v1/build/{first['request_hash']}")

    assert (posted.status_code, got.status_code) == (202, 202)
    assert posted.json()["request_hash"] == first["request_hash"]
    assert got.json()["wait_seconds"] > 60


def test_a_client_that_asks_for_too_much_is_told_so_and_others_are_not(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 2
    greedy = stranger()

    codes = [ask(greedy, defaults=f"echo {number}").status_code for number in range(4)]
    refusal = ask(greedy, defaults="echo more")

    assert codes == [202, 202, 429, 429]
    assert "2 new images within an hour" in refusal.json()["detail"]
    assert int(refusal["Retry-After"]) > 0
    assert ImageRequest.objects.count() == Build.objects.count() == 2
    assert ask(stranger("192.0.2.8"), defaults="echo other").status_code == 202


def test_a_client_at_its_limit_still_gets_what_is_known(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    greedy = stranger()
    ask(greedy)
    ask(stranger("192.0.2.8"), defaults="echo known")

    assert ask(greedy).status_code == 202
    assert ask(greedy, defaults="echo known").status_code == 202
    assert ask(greedy, defaults="echo new").status_code == 429


def test_after_an_hour_a_client_may_ask_again(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    ask(stranger())
    in_the_past(Build.objects.get(), "queued_at", 3601)

    assert ask(stranger(), defaults="echo new").status_code == 202


@pytest.mark.parametrize("spoof", ["127.0.0.1", "192.0.2.99", "127.0.0.1, 127.0.0.1"])
def test_a_client_that_writes_another_address_is_still_the_same(settings: Settings, spoof: str) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    ask(stranger())

    assert ask(stranger(HTTP_X_FORWARDED_FOR=spoof), defaults="echo new").status_code == 429


def test_a_client_with_many_addresses_in_one_network_is_one_client(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    ask(stranger("2001:db8::1"))

    assert ask(stranger("2001:db8::2"), defaults="echo new").status_code == 429
    assert ask(stranger("2001:db8:0:1::1"), defaults="echo new").status_code == 202


def test_trusted_networks_have_no_limit(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1

    codes = [ask(stranger("127.0.0.1"), defaults=f"echo {number}").status_code for number in range(5)]

    assert codes == [202] * 5


def test_what_was_dropped_does_not_come_back_beyond_the_limit(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 2
    ask(stranger("192.0.2.8"))
    in_the_past(Build.objects.get(), "polled_at", 10**6)
    queue.drop_unwanted()
    greedy = stranger()
    for number in range(2):
        ask(greedy, defaults=f"echo {number}")

    assert ask(greedy).status_code == 429
    assert Build.objects.order_by("pk")[0].state == State.DROPPED
    assert ask(stranger("192.0.2.9")).status_code == 202


# -- who still waits --------------------------------------------------------------------------------------------


def test_a_dropped_build_says_so_and_comes_back_with_a_post() -> None:
    posted = ask(stranger()).json()
    in_the_past(Build.objects.get(), "polled_at", 10**6)
    queue.drop_unwanted()

    gone = stranger().get(f"/api/v1/build/{posted['request_hash']}")
    again = ask(stranger())

    assert gone.status_code == 410
    assert "Ask for it again" in gone.json()["detail"]
    assert (again.status_code, again.json()["request_hash"]) == (202, posted["request_hash"])
    assert Build.objects.get().state == State.QUEUED


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_whoever_asks_keeps_the_build_in_the_queue(method: str) -> None:
    posted = ask(stranger()).json()
    build = Build.objects.get()
    in_the_past(build, "polled_at", 14 * 60)
    before = Build.objects.get().polled_at

    if method == "post":
        ask(stranger("192.0.2.8"))
    else:
        getattr(stranger(), method)(f"/api/v1/build/{posted['request_hash']}")
    polls.write()

    after = Build.objects.get().polled_at
    assert before is not None and after is not None and after > before


def test_a_maintainers_build_is_not_dropped_because_a_router_asked_once() -> None:
    ask(stranger())
    build = Build.objects.get()
    queue.cancel(build)
    queue.retry(build)
    polls.noticed(build.pk)
    polls.write()

    assert Build.objects.get().polled_at is None
    assert queue.drop_unwanted() == 0
