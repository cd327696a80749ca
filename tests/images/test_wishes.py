"""What a requester may do about a build: cancel it while it is theirs alone, and have a failed one tried again."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Phase, Reason, State
from images.models import ImageRequest
from tests.factories import in_the_past, make_worker
from tests.images.factories import ask, make_target
from tests.images.publications import finish

pytestmark = pytest.mark.django_db

HERE, THERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def target() -> None:
    make_target()


def posted(client: Client, **changes: Any) -> str:
    return str(ask(client, **changes).json()["request_hash"])


def url(request_hash: str, act: str = "") -> str:
    return f"/api/v1/build/{request_hash}{act}"


def the_build() -> Build:
    return Build.objects.get()


def fail(reason: Reason = Reason.IMAGE_TOO_BIG) -> None:
    worker = make_worker(seen_at=None)
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(reason, "It does not fit."))


def test_who_asked_may_cancel_a_waiting_build(client: Client) -> None:
    request_hash = posted(client)

    answer = client.post(url(request_hash, "/cancel"))

    assert answer.status_code == answer.json()["status"] == 410
    assert "cancelled by who asked" in answer.json()["detail"]
    assert the_build().state == State.DROPPED
    assert client.get(url(request_hash)).status_code == 410


def test_asked_for_again_a_cancelled_build_waits_again(client: Client) -> None:
    request_hash = posted(client)
    client.post(url(request_hash, "/cancel"))

    assert posted(client) == request_hash

    assert the_build().state == State.QUEUED


def test_a_running_build_stops_when_its_worker_hears_of_it(client: Client) -> None:
    request_hash = posted(client)
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None

    assert client.post(url(request_hash, "/cancel")).status_code == 202
    assert not queue.beat(lease, worker, Phase.BUILDING_IMAGE)
    queue.fail(lease, worker, BuildFailedError(Reason.CANCELLED, "killed"))

    build = the_build()
    assert (build.state, build.reason) == (State.DROPPED, Reason.CANCELLED)
    assert "cancelled by who asked" in build.sentence


def test_nobody_else_may_cancel() -> None:
    request_hash = posted(Client(REMOTE_ADDR=HERE))

    answer = Client(REMOTE_ADDR=THERE).post(url(request_hash, "/cancel"))

    assert answer.status_code == answer.json()["status"] == 403
    assert the_build().state == State.QUEUED


def test_what_others_wait_for_too_is_not_cancelled() -> None:
    request_hash = posted(Client(REMOTE_ADDR=HERE))
    posted(Client(REMOTE_ADDR=THERE))

    answer = Client(REMOTE_ADDR=HERE).post(url(request_hash, "/cancel"))

    assert answer.status_code == 409
    assert "Others asked" in answer.json()["detail"]
    assert the_build().state == State.QUEUED


def test_what_is_over_cannot_be_cancelled(client: Client) -> None:
    request_hash = posted(client)
    finish(ImageRequest.objects.get())

    answer = client.post(url(request_hash, "/cancel"))

    assert answer.status_code == 409
    assert client.get(url(request_hash)).status_code == 200


def test_a_users_mistake_is_tried_again_when_somebody_insists(client: Client) -> None:
    request_hash = posted(client)
    fail()
    assert ask(client).status_code == 500

    answer = client.post(url(request_hash, "/retry"))

    assert (answer.status_code, answer.json()["detail"]) == (202, "queued")
    assert the_build().state == State.QUEUED


def test_trying_again_what_waits_or_is_done_changes_nothing(client: Client) -> None:
    request_hash = posted(client)
    before = Build.objects.values().get()

    assert client.post(url(request_hash, "/retry")).status_code == 202
    assert Build.objects.values().get() == before

    finish(ImageRequest.objects.get())
    assert client.post(url(request_hash, "/retry")).status_code == 200


def test_a_parked_build_waits_for_a_maintainer(client: Client) -> None:
    request_hash = posted(client)
    for _ in range(2):
        worker = make_worker()
        assert queue.lease(worker) is not None
        queue.reclaim_from(worker)
    assert client.get(url(request_hash)).status_code == 500

    answer = client.post(url(request_hash, "/retry"))

    assert answer.status_code == 409
    assert "maintainer" in answer.json()["detail"]
    assert the_build().state == State.PARKED


def test_what_left_the_queue_comes_back_with_the_next_post(client: Client, settings: Settings) -> None:
    request_hash = posted(client)
    in_the_past(the_build(), "polled_at", settings.ASU_DROP_MINUTES * 60 + 1)
    queue.drop_unwanted()

    gone = client.get(url(request_hash))
    assert (gone.status_code, gone["X-Imagebuilder-Status"]) == (410, "dropped")
    assert "Ask for it again" in gone.json()["detail"]

    assert ask(client).json()["detail"] == "queued"


def test_retries_count_as_builds_of_the_client(settings: Settings) -> None:
    settings.ASU_CLIENT_BUILDS_PER_HOUR = 1
    client = Client(REMOTE_ADDR=HERE)
    request_hash = posted(client)
    fail()

    answer = client.post(url(request_hash, "/retry"))

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_the_page_has_the_buttons_and_they_work() -> None:
    client = Client(enforce_csrf_checks=True)
    request_hash = posted(client)
    page = client.get(f"/images/{request_hash}/")
    assert "Cancel my request" in page.content.decode()

    def press(act: str) -> Any:
        token = client.cookies["csrftoken"].value
        return client.post(f"/images/{request_hash}/{act}", {"csrfmiddlewaretoken": token}, follow=True)

    assert "No longer in the queue" in press("cancel").content.decode()
    assert the_build().state == State.DROPPED
    assert "Cancel my request" in press("retry").content.decode()
    assert the_build().state == State.QUEUED


def test_the_buttons_need_the_page(client: Client) -> None:
    request_hash = posted(client)

    assert Client(enforce_csrf_checks=True).post(f"/images/{request_hash}/cancel").status_code == 403
    assert client.get(f"/images/{request_hash}/cancel").status_code == 405
    assert client.post(f"/images/{request_hash}/paint").status_code == 404
    assert the_build().state == State.QUEUED
