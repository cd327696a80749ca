"""What Prometheus is told, and who else is not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from builders import queue
from builders.models import Attempt, Pace, Worker
from builders.states import Reason, State
from packages.models import Distribution
from stats import counting
from stats.exposition import Family, render
from tests.factories import in_the_past, make_build, make_worker

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(text: str) -> Values:
    """All values by name and labels, read by Prometheus' own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def ask(client: Client) -> Values:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return read(answer.content.decode())


def value(found: Values, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


# -- what is measured ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_builds_are_counted_in_every_state(client: Client) -> None:
    make_build()
    make_build(State.DONE)
    make_build(State.DONE)

    found = ask(client)

    counts = {state: value(found, "asu_builds", state=state) for state in State.values()}
    assert counts == {**dict.fromkeys(State.values(), 0), "queued": 1, "done": 2}


@pytest.mark.django_db
def test_the_oldest_wait_is_told(client: Client) -> None:
    assert value(ask(client), "asu_queue_oldest_seconds") == 0

    in_the_past(make_build(), "queued_at", 90)

    assert 90 <= (value(ask(client), "asu_queue_oldest_seconds") or 0) < 95


@pytest.mark.django_db
def test_workers_are_counted_by_standing_desire_and_presence(client: Client) -> None:
    make_worker(seen_at=timezone.now())
    make_worker(seen_at=None)
    make_worker(seen_at=timezone.now(), standing=Worker.Standing.SUSPENDED, desired=Worker.Desired.DRAIN)

    found = ask(client)

    assert value(found, "asu_workers", standing="approved", desired="run", online="true") == 1
    assert value(found, "asu_workers", standing="approved", desired="run", online="false") == 1
    assert value(found, "asu_workers", standing="suspended", desired="drain", online="true") == 1
    assert value(found, "asu_workers", standing="suspended", desired="drain", online="false") == 0


@pytest.mark.django_db
def test_what_was_counted_never_shrinks_when_a_build_is_asked_for_again(client: Client) -> None:
    build = make_build(State.FAILED, reason=Reason.TIMEOUT)
    make_build(State.DONE)
    Attempt.objects.filter(build=build).update(outcome=Reason.TIMEOUT)

    before = ask(client)
    queue.retry(build)
    after = ask(client)

    for found in (before, after):
        assert value(found, "asu_build_attempts_total", outcome="timeout") == 1
        assert value(found, "asu_build_attempts_total", outcome="done") == 1
        assert value(found, "asu_build_attempts_total", outcome="image_too_big") == 0


@pytest.mark.django_db
def test_images_and_downloads_are_the_sums_of_all_days(client: Client) -> None:
    for _ in range(3):
        counting.add(counting.DOWNLOADS, "openwrt")
    counting.add(counting.DOWNLOADS, "libremesh")
    counting.add(counting.BUILDS, "openwrt")

    found = ask(client)

    assert value(found, "asu_downloads_total", distribution="openwrt") == 3
    assert value(found, "asu_downloads_total", distribution="libremesh") == 1
    assert value(found, "asu_images_total", distribution="openwrt") == 1


@pytest.mark.django_db
def test_targets_that_build_more_weigh_more_in_the_time_of_a_build(client: Client) -> None:
    Pace.objects.create(distribution="openwrt", target="ath79/generic", seconds=10, builds=3)
    Pace.objects.create(distribution="openwrt", target="x86/64", seconds=50, builds=1)

    assert value(ask(client), "asu_build_seconds", distribution="openwrt") == 20


@pytest.mark.django_db
def test_mirrors_tell_when_they_were_read_and_whether_they_fail(client: Client) -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    Distribution.objects.create(name="openwrt", url="https://a.example", synced_at=moment, stale_since=moment)
    Distribution.objects.create(name="new", url="https://b.example")

    found = ask(client)

    assert value(found, "asu_mirror_last_sync_timestamp_seconds", distribution="openwrt") == moment.timestamp()
    assert value(found, "asu_mirror_last_sync_timestamp_seconds", distribution="new") == 0
    assert value(found, "asu_mirror_stale", distribution="openwrt") == 1
    assert value(found, "asu_mirror_stale", distribution="new") == 0


@pytest.mark.django_db
def test_the_disk_and_what_runs_here_are_told_and_no_folder_is(client: Client, settings: Settings) -> None:
    answer = client.get("/metrics")

    found = read(answer.content.decode())
    assert (value(found, "asu_disk_free_bytes") or 0) > 0
    assert any(name == "asu_info" and dict(labels)["version"] == settings.VERSION for name, labels in found)
    assert str(settings.ASU_DATA_DIR) not in answer.content.decode()


@pytest.mark.django_db
def test_a_disk_that_cannot_be_read_has_no_value_and_the_rest_is_told(client: Client, settings: Settings) -> None:
    settings.ASU_STORE_DIR = settings.ASU_DATA_DIR / "gone"

    found = ask(client)

    assert value(found, "asu_disk_free_bytes") is None
    assert value(found, "asu_builds", state="queued") == 0


# -- the format ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_is_prometheus_text_that_nobody_keeps(client: Client) -> None:
    answer = client.get("/metrics?name[]=x")

    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert client.head("/metrics").status_code == 200


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))
)
def test_labels_and_words_arrive_as_they_were(text: str) -> None:
    rendered = render([Family("asu_x", "gauge", text).add(1.5, a=text, b="plain")])

    (family,) = text_string_to_metric_families(rendered)
    assert family.samples[0].labels == {"a": text, "b": "plain"}
    assert family.samples[0].value == 1.5


def test_a_metric_without_values_is_left_out() -> None:
    assert render([Family("asu_x", "gauge", "x"), Family("asu_y", "counter", "y").add(2)]) == (
        "# HELP asu_y y\n# TYPE asu_y counter\nasu_y 2\n"
    )


# -- who may read ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_programs_on_this_machine_may_read_without_a_token(client: Client, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "", "localhost", "1"])
def test_others_are_refused_without_a_look_at_the_database(client: Client, address: str) -> None:
    """The fixture of the database is not here: a query would fail."""
    answer = client.get("/metrics", REMOTE_ADDR=address)

    assert answer.status_code == 403
    assert "ASU_METRICS_TOKEN" in answer.json()["detail"]


MARKS = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Via", "Origin"]


@pytest.mark.parametrize("mark", MARKS)
def test_a_proxy_on_this_machine_does_not_let_the_world_in(client: Client, mark: str) -> None:
    assert client.get("/metrics", headers={mark: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("mark", MARKS)
def test_nobody_gets_in_by_saying_that_it_comes_from_this_machine(client: Client, mark: str) -> None:
    assert client.get("/metrics", headers={mark: "127.0.0.1"}, REMOTE_ADDR="192.0.2.1").status_code == 403


@pytest.fixture
def token(settings: Settings) -> Iterator[str]:
    settings.ASU_METRICS_TOKEN = "s3cret-ü"
    yield settings.ASU_METRICS_TOKEN


@pytest.mark.django_db
@pytest.mark.parametrize("extra", [{}, {"X-Forwarded-For": "203.0.113.9"}])
def test_whoever_has_the_token_may_read_from_everywhere(client: Client, token: str, extra: dict[str, str]) -> None:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}", **extra}, REMOTE_ADDR="192.0.2.1")

    assert answer.status_code == 200


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic s3cret-ü", "s3cret-ü"])
def test_with_a_token_set_nobody_reads_without_it_not_even_from_here(
    client: Client, token: str, sent: str | None
) -> None:
    headers: dict[str, Any] = {} if sent is None else {"Authorization": sent}

    answer = client.get("/metrics", headers=headers)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert token not in answer.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert getattr(client, method)("/metrics").json()["status"] == 405
