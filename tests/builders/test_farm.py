"""The farm in figures, and how its workers did."""

from datetime import timedelta
from pathlib import Path

import pytest

from builders import clock, farm, queue, record, waiting
from builders.models import Attempt, Build, Pace, Worker
from builders.querysets import from_now
from builders.spec import BuildFailedError
from builders.states import Reason
from tests.factories import in_the_past, make_build, make_lease, make_result, make_spec, make_worker

pytestmark = pytest.mark.django_db


def test_an_empty_farm_has_nothing_to_tell() -> None:
    assert farm.look() == farm.Farm(0, 0, 0.0, None, 0, 0, 0, 0, 0, 0, 0)


def test_each_worker_is_counted_as_what_it_is() -> None:
    make_worker()
    make_worker(desired="drain")
    make_worker(complaint="no disk")
    make_worker(standing="pending")
    make_worker(standing="suspended")
    make_worker(standing="revoked")
    make_worker(seen_at=clock.now() - timedelta(hours=1))
    make_worker(seen_at=None)

    now = farm.look()

    assert (now.able, now.resting, now.complaining, now.pending, now.suspended, now.away) == (1, 1, 1, 1, 1, 2)


def test_the_queue_is_told_with_its_age_and_its_end() -> None:
    Pace.objects.create(distribution="demo", target="hill/small", seconds=30)
    make_worker(labels=["target:hill/small"])
    builds = [make_build() for _ in range(2)]
    queue.submit(make_spec(target="ath79/generic"))
    in_the_past(builds[0], "queued_at", 90)
    waiting.forget()

    now = farm.look()

    assert (now.queued, now.building, now.unserved) == (3, 0, 1)
    assert 89 < now.oldest_seconds < 120
    assert now.drain_seconds == 60


def test_the_record_of_a_worker_counts_what_ended_lately() -> None:
    worker = make_worker()
    for _ in range(3):
        lease, _ = make_lease(worker)
        queue.finish(lease, worker, make_result(), Path("/nowhere"))
    first = Attempt.objects.order_by("id").first()
    assert first is not None
    Attempt.objects.filter(pk=first.pk).update(ended_at=from_now(-8 * 24 * 3600))
    lease, _ = make_lease(worker)
    queue.fail(lease, worker, BuildFailedError(Reason.IMAGE_TOO_BIG, "Too big."))
    make_lease(worker)  # runs

    found = record.lately([worker.pk, 12345])

    assert (found[worker.pk].done, found[worker.pk].ended, found[worker.pk].percent) == (2, 3, 66)
    assert found[worker.pk].others == [("image_too_big", 1)]
    assert found[12345].percent is None
    assert Build.objects.building().count() == Worker.objects.count() == 1
