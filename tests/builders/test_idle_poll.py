"""Workers that find nothing ask again and again: it costs one look, whatever waits for others."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import queue
from builders.models import Build, Worker
from builders.querysets import from_now
from builders.states import State
from builders.transports.base import Call
from builders.transports.local import LocalTransport
from tests.factories import make_lease, make_spec, make_worker

pytestmark = pytest.mark.django_db


def queries_of_a_poll(worker: Worker) -> int:
    """How many it takes to hear that there is nothing."""
    with CaptureQueriesContext(connection) as asked:
        assert queue.lease(worker, Call(0, 1)) is None
    return len(asked)


@pytest.mark.parametrize("labels", [[], ["arch:none"], ["target:none/*", "distribution:demo"]])
def test_an_idle_poll_is_one_query_whatever_waits_for_others(labels: list[str]) -> None:
    if labels:
        for _ in range(5):
            queue.submit(make_spec())

    assert queries_of_a_poll(make_worker(labels=labels)) == 1


def test_a_worker_gets_what_fits_its_labels_behind_builds_for_others() -> None:
    worker = make_worker(labels=["target:ath79/*"])
    assert queries_of_a_poll(worker) == 1  # the look is kept; its answer is not
    for _ in range(5):
        queue.submit(make_spec())
    mine, _ = queue.submit(make_spec(target="ath79/generic"))

    lease = queue.lease(worker, Call(0, 2))

    assert lease is not None and lease.build_id == mine.pk


def test_a_build_lost_by_another_is_found_by_a_worker_with_nothing_to_do() -> None:
    lost, _ = make_lease()
    worker = make_worker()
    assert queries_of_a_poll(worker) == 1
    Build.objects.filter(pk=lost.build_id).update(lease_until=from_now(-1))

    lease = queue.lease(worker, Call(0, 2))

    assert lease is not None and lease.build_id == lost.build_id


def test_labels_that_a_maintainer_changes_count_for_the_next_poll_of_a_running_local_worker() -> None:
    transport = LocalTransport(0)
    transport.arrive("none", "")
    Worker.objects.filter(pk=transport.worker.pk).update(labels=["arch:none"])
    build, _ = queue.submit(make_spec(arch_packages="mips_24kc"))
    assert transport.lease() is None

    Worker.objects.filter(pk=transport.worker.pk).update(labels=["arch:mips_24kc"])
    lease = transport.lease()

    assert lease is not None and lease.build_id == build.pk
    build.refresh_from_db()
    assert build.state == State.BUILDING


def test_a_poll_after_a_lost_answer_gets_the_same_build_again_although_nothing_waits() -> None:
    worker = make_worker(is_local=False)
    queue.submit(make_spec())
    first = queue.lease(worker, Call(0, 1))

    again = queue.lease(worker, Call(0, 1))

    assert first is not None and again == first
