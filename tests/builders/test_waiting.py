"""How long a build waits: its place, and seconds by measured times and the workers that are there."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import clock, pace, queue, waiting
from builders.labels import Place
from builders.models import Build, Pace, Worker
from builders.querysets import from_now
from builders.waiting import Forecast
from tests.factories import in_the_past, make_result, make_spec, make_worker

pytestmark = pytest.mark.django_db

HILL = Place("demo", "hill/small", "")
DALE = Place("demo", "dale/wide", "")


def ask(client: str = "a", target: str = "hill/small", **more: Any) -> Build:
    return queue.submit(make_spec(target=target), client=client, **more)[0]


def takes(seconds: float, target: str = "hill/small") -> None:
    Pace.objects.create(distribution="demo", target=target, seconds=seconds)


def forecasts(builds: list[Build]) -> list[tuple[int, int | None]]:
    waiting.forget()
    return [(found.position, found.seconds) for found in map(waiting.of, builds)]


@pytest.mark.parametrize(
    ("workers", "seconds"),
    [(1, [0, 10, 20, 30, 40]), (2, [0, 0, 10, 10, 20]), (3, [0, 0, 0, 10, 10])],
)
def test_the_more_workers_the_sooner(workers: int, seconds: list[int]) -> None:
    takes(10)
    for _ in range(workers):
        make_worker()
    builds = [ask() for _ in range(5)]

    assert forecasts(builds) == list(enumerate(seconds))


def test_a_worker_with_several_jobs_counts_as_several() -> None:
    takes(10)
    make_worker(jobs=3)

    assert [seconds for _, seconds in forecasts([ask() for _ in range(4)])] == [0, 0, 0, 10]


def test_a_running_build_has_the_rest_of_its_usual_time() -> None:
    takes(100)
    worker = make_worker()
    running = ask()
    queue.lease(worker)
    in_the_past(running, "started_at", 70)
    build = ask()

    [(position, seconds)] = forecasts([build])

    assert position == 0
    assert seconds is not None and 28 <= seconds <= 30


def test_a_running_build_beyond_its_usual_time_is_no_promise_of_now() -> None:
    takes(100)
    worker = make_worker()
    running = ask()
    queue.lease(worker)
    in_the_past(running, "started_at", 500)

    assert forecasts([ask()]) == [(0, 50)]


def test_where_nothing_was_measured_the_time_of_other_targets_counts() -> None:
    make_worker()
    unknown = forecasts([ask(target="dale/wide"), ask(target="dale/wide")])
    takes(20)

    assert unknown[1] == (1, round(pace.UNKNOWN_SECONDS))
    assert forecasts(list(Build.objects.order_by("pk")))[1] == (1, 20)


@pytest.mark.parametrize(
    "fields",
    [
        {"seen_at": from_now(-1000)},
        {"standing": "pending"},
        {"standing": "suspended"},
        {"desired": "drain"},
        {"complaint": "No disk."},
        {"labels": ["target:dale/*"]},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_without_a_worker_that_may_build_it_nobody_knows(fields: dict[str, Any]) -> None:
    Worker.objects.filter(pk=make_worker().pk).update(**fields)

    assert forecasts([ask()]) == [(0, None)]


def test_labels_make_lines_of_their_own() -> None:
    takes(100)
    takes(10, "dale/wide")
    make_worker(labels=["target:hill/*"])
    make_worker(labels=["target:dale/*"])
    builds = [ask(), ask(), ask(target="dale/wide"), ask(target="dale/wide"), ask()]

    assert forecasts(builds) == [(0, 0), (1, 100), (2, 0), (3, 10), (4, 200)]


def test_a_new_build_whose_worker_is_free_begins_at_once_however_long_other_lines_are() -> None:
    takes(1000)
    make_worker(labels=["target:hill/*"])
    make_worker(labels=["target:dale/*"])
    for number in range(60):
        ask(f"client-{number % 7}")
    waiting.forget()

    assert waiting.of_new(DALE, "newcomer").seconds == 0
    assert waiting.of_new(HILL, "newcomer").seconds == 7000


def test_a_newcomer_is_told_of_its_turn_not_of_the_whole_queue() -> None:
    takes(10)
    make_worker()
    for _ in range(100):
        ask("greedy")
    waiting.forget()

    assert waiting.of_new(HILL, "newcomer") == Forecast(1, 10)
    assert waiting.of_new(HILL, "greedy") == Forecast(100, 1000)


def test_what_was_just_queued_is_known_without_another_look() -> None:
    takes(10)
    make_worker()
    waiting.outlook()
    builds = []
    for _ in range(3):
        build = ask("a")
        waiting.added(build)
        builds.append(build)

    assert [waiting.of(build) for build in builds] == [Forecast(0, 0), Forecast(1, 10), Forecast(2, 20)]
    assert waiting.of_new(HILL, "a") == Forecast(3, 30)
    assert waiting.of_new(HILL, "b").position == 1


def test_urgent_builds_stand_in_front() -> None:
    takes(10)
    make_worker()
    builds = [ask(), ask(), ask(priority=5)]

    assert forecasts(builds) == [(1, 10), (2, 20), (0, 0)]


def test_a_queue_that_is_too_long_to_be_simulated_is_told_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_SIMULATED", 5)
    takes(10)
    make_worker()
    make_worker()
    builds = [ask() for _ in range(40)]

    seconds = [found[1] or 0 for found in forecasts(builds)]

    assert seconds == sorted(seconds)
    assert abs(seconds[-1] - 190) <= 10


def test_the_time_of_a_build_is_learned_and_recent_ones_count_more() -> None:
    worker = make_worker()
    for seconds in (100, 100, 0):
        build = ask()
        lease = queue.lease(worker)
        assert lease is not None
        Build.objects.filter(pk=build.pk).update(started_at=clock.now() - timedelta(seconds=seconds))
        queue.finish(lease, worker, make_result(), Path("/nowhere"))

    row = Pace.objects.get()
    assert row.builds == 3
    assert row.seconds == pytest.approx(100 * (1 - pace.WEIGHT), abs=1)


def test_failures_teach_nothing_about_time() -> None:
    lease = queue.lease(make_worker()) if ask() else None
    assert lease is not None

    queue.reclaim_from(Worker.objects.get())

    assert not Pace.objects.exists()
