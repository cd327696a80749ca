"""Logs of old failures are cut to what clients are told; nothing else of them is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Reason, State
from images import tasks
from images.api.answers import LOG_BYTES, tail
from tests.factories import make_build, make_lease, make_worker

pytestmark = pytest.mark.django_db

LOG = "".join(f"line {number}\n" for number in range(20_000))


def failed(days_ago: float) -> Build:
    lease, worker = make_lease(make_worker(seen_at=None))  # no other one is there to try
    queue.fail(lease, worker, BuildFailedError(Reason.CRASH, "It broke.", stdout=LOG, stderr="oh no"))
    rows = Build.objects.filter(pk=lease.build_id)
    rows.update(finished_at=timezone.now() - timedelta(days=days_ago))
    return rows.get()


def test_an_old_failure_keeps_the_end_of_its_log_and_why_it_failed() -> None:
    build = failed(31)
    told = tail(build.stdout)

    tasks.tidy()

    build.refresh_from_db()
    assert build.stdout == told
    assert len(build.stdout) < LOG_BYTES + 10 and build.stdout.endswith("line 19999\n")
    assert (build.state, build.reason, build.sentence) == (State.FAILED, Reason.CRASH, "It broke.")
    assert build.stderr == "oh no"


def test_younger_failures_and_logs_of_images_stay_whole() -> None:
    young = failed(29)
    done = make_build(State.DONE)
    Build.objects.filter(pk=done.pk).update(stdout=LOG, finished_at=timezone.now() - timedelta(days=99))

    tasks.tidy()

    assert {build.stdout for build in Build.objects.filter(pk__in=(young.pk, done.pk))} == {LOG}


def test_each_failure_has_its_turn_and_none_is_read_again_and_again(settings: Settings) -> None:
    builds = [failed(40 - number) for number in range(3)]
    tasks.tidy()
    late = failed(29.5)
    tasks.tidy()
    settings.ASU_IMAGE_TTL_DAYS = 29

    # Nobody would write into an old row; were it looked at again, it would be cut.
    Build.objects.filter(pk=builds[0].pk).update(stdout=LOG)
    tasks.tidy()

    lengths = dict(Build.objects.values_list("pk", "stdout"))
    assert len(lengths[late.pk]) < len(LOG)
    assert all(len(lengths[build.pk]) < len(LOG) for build in builds[1:])
    assert lengths[builds[0].pk] == LOG
