"""Asking for a build: one build for one spec, however often and at whatever time it is asked for."""

from dataclasses import replace

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from builders import queue, wake
from builders.exceptions import HashCollisionError
from builders.models import Build
from builders.states import Reason, State
from packages import generation
from tests.factories import in_the_past, make_build, make_spec, make_worker
from tests.races import at_once

pytestmark = pytest.mark.django_db


def test_equal_specs_are_one_build() -> None:
    first, created = queue.submit(make_spec(packages=("a", "b")))

    second, created_again = queue.submit(make_spec(packages=("b", "a")))

    assert (created, created_again) == (True, False)
    assert first.pk == second.pk


def test_different_specs_are_different_builds() -> None:
    first, _ = queue.submit(make_spec(packages=("a",)))

    second, created = queue.submit(make_spec(packages=("a", "b")))

    assert created
    assert first.pk != second.pk


@pytest.mark.django_db(transaction=True)
def test_a_thousand_equal_submits_at_once_are_one_build() -> None:
    spec = make_spec()

    def submit_often() -> list[bool]:
        return [queue.submit(spec)[1] for _ in range(125)]

    created = [is_new for found in at_once(*[submit_often] * 8) for is_new in found]

    assert len(created) == 1000
    assert created.count(True) == 1
    assert Build.objects.count() == 1


def test_a_build_from_before_there_were_labels_is_found_by_them_when_it_is_asked_for_anew() -> None:
    spec = make_spec()
    build, _ = queue.submit(spec)
    Build.objects.update(state=State.EXPIRED, distribution="", target="", arch="", imagebuilder="")

    again, queued = queue.submit(spec)

    assert (queued, again.pk) == (True, build.pk)
    assert (again.distribution, again.target, again.arch) == (spec.distribution, spec.target, spec.arch_packages)
    assert queue.lease(make_worker(labels=[f"target:{spec.target}"])) is not None


def test_a_hash_that_stands_for_another_spec_is_no_answer() -> None:
    spec = make_spec()
    build, _ = queue.submit(spec)
    Build.objects.filter(pk=build.pk).update(canonical=make_spec().canonical_json())

    with pytest.raises(HashCollisionError):
        queue.submit(spec)


@pytest.mark.parametrize(
    ("reason", "setting"),
    [(Reason.MIRROR_UNREACHABLE, "ASU_FAILURE_TTL"), (Reason.PACKAGE_CONFLICT, "ASU_USER_FAILURE_TTL")],
)
def test_a_failure_is_the_answer_until_its_time_is_up(settings: Settings, reason: Reason, setting: str) -> None:
    spec = make_spec()
    build = make_build(State.FAILED, spec, reason)
    seconds = getattr(settings, setting)

    in_the_past(build, "finished_at", seconds - 60)
    early, queued_early = queue.submit(spec)
    in_the_past(build, "finished_at", seconds + 1)
    late, queued_late = queue.submit(spec)

    assert (early.state, queued_early) == (State.FAILED, False)
    assert (late.state, queued_late) == (State.QUEUED, True)


def test_a_build_that_starts_anew_has_forgotten_its_failure(settings: Settings) -> None:
    settings.ASU_FAILURE_TTL = 0
    spec = make_spec()
    make_build(State.FAILED, spec)

    build, _ = queue.submit(spec)

    assert (build.reason, build.sentence, build.stderr, build.attempts) == ("", "", "", 0)
    assert build.finished_at is None
    assert build.may_retry_at is None


def test_a_build_that_starts_anew_uses_the_addresses_of_today() -> None:
    spec = make_spec()
    make_build(State.EXPIRED, spec)
    moved = replace(spec, imagebuilder=replace(spec.imagebuilder, url="http://elsewhere/ib.tar.xz"))

    build, queued = queue.submit(moved)

    assert queued
    assert build.spec["imagebuilder"]["url"] == "http://elsewhere/ib.tar.xz"


def test_a_finished_build_stays_the_answer() -> None:
    spec = make_spec()
    done = make_build(State.DONE, spec)

    build, queued = queue.submit(spec)

    assert (build.pk, build.state, queued) == (done.pk, State.DONE, False)


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_changed_is_forgotten_everywhere(settings: Settings) -> None:
    settings.ASU_FAILURE_TTL = 0
    failed = make_build(State.FAILED)
    done = make_build(State.DONE)

    generations = [generation.current()]
    queue.retry(failed)
    generations.append(generation.current())
    queue.expire(done)
    generations.append(generation.current())

    assert len(set(generations)) == 3


@pytest.mark.django_db(transaction=True)
def test_submitting_wakes_who_waits() -> None:
    before = wake.mark()

    queue.submit(make_spec())

    assert wake.mark() != before


def test_many_may_be_inserted_at_once() -> None:
    now = timezone.now()

    Build.objects.bulk_create([queue.new_row(make_spec(), now) for _ in range(3)])

    assert Build.objects.queued().count() == 3


def test_the_questions_of_every_poll_need_no_look_at_finished_builds() -> None:
    now = timezone.now()
    rows = [queue.new_row(make_spec(), now) for _ in range(500)]
    for row in rows:
        row.state = State.DONE
    Build.objects.bulk_create(rows)
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")

    plans = [Build.objects.queued()[:1].explain(), Build.objects.overdue()[:1].explain()]

    # Neither reads the table from end to end, and the first one finds the order ready-made.
    assert "build_queue" in plans[0]
    assert "SORT" not in plans[0].upper() and "B-TREE" not in plans[0]
    assert "SCAN BUILDERS" not in plans[1].upper() and "SEQ SCAN" not in plans[1].upper()
