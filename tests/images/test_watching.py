"""Who watches an image being made: events, or answers to who asks."""

import gc
import ipaddress
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from builders import livelog, queue, wake
from builders.states import Phase
from images import clients, polls, watching
from images.models import ImageRequest
from tests.factories import make_spec, make_worker
from tests.images.publications import finish, make_image, make_request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)


def events(answer: Any, most: int = 50) -> list[dict[str, Any]]:
    """What was sent until the stream ended, without signs of life."""
    found = []
    for piece, _ in zip(answer.streaming_content, range(most), strict=False):
        for line in piece.decode().splitlines():
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
    answer.close()
    return found


def test_who_asks_hears_how_it_stands(client: Client) -> None:
    request = make_request()
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.beat(lease, worker, Phase.DOWNLOAD_IMAGEBUILDER, 42)
    livelog.append(lease.build_id, lease.epoch, "one\n\x1b[31mtwo\u202e<b>\n")

    said = client.get(f"/images/{request.request_hash}/live").json()

    assert said["again"] is True
    assert "downloading the ImageBuilder 42 %" in said["parts"]["progress"]
    assert said["log"] == "one\ntwo<U+202E><b>"
    assert said["title"].startswith("Building 42 %: ")
    assert said["say"] == "Being built: downloading the ImageBuilder"


def test_what_is_over_is_not_asked_for_again(client: Client) -> None:
    assert client.get(f"/images/{make_image().request.request_hash}/live").json()["again"] is False


def test_a_stream_tells_what_changes_and_ends_with_the_build(client: Client) -> None:
    request = make_request()
    answer: Any = client.get(f"/images/{request.request_hash}/events")

    first = json.loads(next(answer.streaming_content).decode().partition("data: ")[2])
    finish(request)
    rest = events(answer)

    assert answer["Content-Type"] == "text/event-stream"
    assert answer["X-Accel-Buffering"] == "no"
    assert first["say"] == "In the queue"
    assert [entry["again"] for entry in rest] == [False]


def test_a_stream_counts_as_somebody_who_waits(client: Client) -> None:
    request = make_request()

    answer: Any = client.get(f"/images/{request.request_hash}/events")
    next(answer.streaming_content)
    answer.close()

    assert request.build_id in polls._asked


def streams_of(request: ImageRequest, *addresses: str) -> list[Any]:
    """The answers to a browser at each of these addresses."""
    return [Client(REMOTE_ADDR=address).get(f"/images/{request.request_hash}/events") for address in addresses]


def test_there_are_few_places_and_each_is_given_back() -> None:
    request = make_request()

    taken = streams_of(request, *(f"192.0.2.{number}" for number in range(watching.MOST_STREAMS)))
    [beyond] = streams_of(request, "192.0.2.100")
    taken[0].close()  # never read from, as with a client that went away at once
    after = streams_of(request, "192.0.2.100", "192.0.2.101")
    for answer in (*taken, *after):
        answer.close()
        answer.close()
    again = streams_of(request, *(f"192.0.2.{number}" for number in range(watching.MOST_STREAMS + 1)))
    for answer in again:
        answer.close()

    assert [answer.status_code for answer in taken] == [200] * watching.MOST_STREAMS
    assert beyond.status_code == 204
    assert [answer.status_code for answer in after] == [200, 204]
    assert [answer.status_code for answer in again] == [200] * watching.MOST_STREAMS + [204]


@pytest.mark.parametrize(
    ("mine", "anothers"),
    [
        (["192.0.2.1"] * 3, "192.0.2.2"),
        (["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::"], "2001:db8:1:3::1"),
    ],
)
def test_one_client_holds_its_share_of_the_places_and_no_more(mine: list[str], anothers: str) -> None:
    request = make_request()

    answers = streams_of(request, *mine, anothers)
    answers[0].close()
    [after] = streams_of(request, mine[2])
    for answer in (*answers, after):
        answer.close()

    assert [answer.status_code for answer in answers] == [200, 200, 204, 200]
    assert after.status_code == 200


def test_who_is_trusted_has_as_many_as_there_are(settings: Settings) -> None:
    settings.ASU_TRUSTED_NETWORKS = [ipaddress.ip_network("198.51.100.0/24")]
    request = make_request()

    answers = streams_of(request, *["198.51.100.77"] * (watching.MOST_STREAMS + 1))
    for answer in answers:
        answer.close()

    assert [answer.status_code for answer in answers] == [200] * watching.MOST_STREAMS + [204]


def test_a_stream_that_was_dropped_unread_and_unclosed_holds_no_place() -> None:
    request_hash = make_request().request_hash
    asker = clients.of({"REMOTE_ADDR": "192.0.2.1"})

    kept = [watching.opened(request_hash, asker) for _ in range(watching.MOST_OF_A_CLIENT)]
    assert watching.opened(request_hash, asker) is None
    del kept
    gc.collect()
    after = watching.opened(request_hash, asker)

    assert after is not None
    after.close()


def test_many_streams_of_one_image_cost_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 60.0)
    request = make_request()
    answers = streams_of(request, *(f"192.0.2.{number}" for number in range(5)))
    next(answers[0].streaming_content)

    with CaptureQueriesContext(connection) as queries:
        for answer in answers[1:]:
            next(answer.streaming_content)

    for answer in answers:
        answer.close()
    assert [query["sql"] for query in queries if "imagerequest" in query["sql"]] == []


def test_between_looks_a_stream_holds_no_connection(client: Client) -> None:
    request = make_request()

    answer: Any = client.get(f"/images/{request.request_hash}/events")
    next(answer.streaming_content)
    held = connection.connection
    answer.close()

    assert held is None


def test_a_stream_ends_when_the_server_stops(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer: Any = client.get(f"/images/{make_request().request_hash}/events")
    next(answer.streaming_content)

    monkeypatch.setattr(wake, "is_stopping", lambda: True)

    assert events(answer) == []


def test_a_stream_ends_after_a_while(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "STREAM_SECONDS", 0.1)

    said = events(client.get(f"/images/{make_request().request_hash}/events"), most=1000)

    assert [entry["again"] for entry in said] == [True]


def test_the_words_are_in_the_readers_language(client: Client) -> None:
    request = make_request(make_spec())

    for path in ("live", "events"):
        assert (
            client.get(f"/images/{request.request_hash}/{path}", headers={"accept-language": "en"}).status_code == 200
        )
        assert client.get(f"/images/{'0' * 64}/{path}").status_code == 404


def test_only_reading_is_possible(client: Client) -> None:
    request = make_request()

    assert client.post(f"/images/{request.request_hash}/live").status_code == 405
    assert client.head(f"/images/{request.request_hash}/events").status_code == 200
