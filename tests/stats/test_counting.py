"""What is counted when builds end and files are downloaded, and that nothing is lost or counted twice."""

from datetime import UTC, date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Reason, State
from images.models import ImageFile
from images.signals import image_downloaded
from packages.models import Organisation
from stats import histogram, ledger
from stats.models import DailyCount
from stats.tallies import Tally
from tests.factories import make_build, make_lease, make_result, make_spec, make_worker
from tests.images.publications import finish as finish_request
from tests.images.publications import make_image, make_request
from tests.races import at_once

pytestmark = pytest.mark.django_db

DAY = date(2026, 5, 1)


def counts(name: str, **conditions: Any) -> dict[str, int]:
    rows = DailyCount.objects.filter(name=name, **conditions)
    return {row.key: row.count for row in rows}


def test_an_image_counts_by_all_that_is_known_of_it() -> None:
    spec = make_spec(
        packages=("luci", "-ppp", "vim", "base-files"), default_packages=("base-files", "ppp"), version="1.0.0"
    )
    finish_request(make_request(spec, client="owut/2026.04.09"))

    assert counts("builds") == {"": 1}
    assert counts("release") == {"1.0.0": 1}
    assert counts("target") == {"hill/small": 1}
    assert counts("device") == {"hill/small/tiny": 1}
    assert counts("client") == {"owut": 1}
    # What the device has anyway, and what was taken out, nobody asked for.
    assert counts("package") == {"luci": 1, "vim": 1}
    assert sum(counts("wait").values()) == sum(counts("took").values()) == 1
    assert counts("built-hour") == {f"{timezone.now():%H}": 1}


def test_a_failure_counts_by_its_reason_and_gives_no_image() -> None:
    make_build(State.FAILED, reason=Reason.IMAGE_TOO_BIG)
    make_build(State.FAILED, reason=Reason.IMAGE_TOO_BIG)
    make_build(State.PARKED)

    assert counts("failed") == {"": 3}
    assert counts("reason") == {"image_too_big": 2, "infrastructure": 1}
    assert counts("builds") == counts("package") == {}


def test_what_another_worker_may_still_build_has_not_failed() -> None:
    lease, worker = make_lease()
    make_worker()

    queue.fail(lease, worker, BuildFailedError(Reason.DISK_FULL, "Full."))

    assert Build.objects.get().state == State.QUEUED
    assert counts("failed") == {}


def test_what_nobody_wants_any_more_has_not_failed() -> None:
    make_build(State.DROPPED)

    assert counts("failed") == counts("builds") == {}


def test_an_image_that_expired_and_is_built_again_counts_again() -> None:
    spec = make_spec()
    build = make_build(State.EXPIRED, spec)
    queue.submit(spec)
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None and lease.build_id == build.pk

    queue.finish(lease, worker, make_result(), Path("/nowhere"))

    assert counts("builds") == {"": 2}


def test_private_builds_are_counted_for_their_organisation_alone() -> None:
    organisation = Organisation.objects.create(name="meadow")
    spec = make_spec(owner=f"organisation-{organisation.pk}")
    finish_request(make_request(spec, organisation=organisation))

    assert set(DailyCount.objects.filter(name="builds").values_list("organisation", flat=True)) == {organisation.pk}
    assert not DailyCount.objects.filter(name="package", organisation=0).exists()


def test_a_download_counts_once_for_its_distribution() -> None:
    file = ImageFile.objects.filter(image=make_image()).first()

    image_downloaded.send(ImageFile, file=file)

    assert counts("downloads", distribution="demo") == {"": 1}


def test_a_build_ends_also_when_it_cannot_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(ledger, "add", broken)
    build = make_build(State.DONE)

    assert build.state == State.DONE
    assert not DailyCount.objects.exists()


# -- the ledger ------------------------------------------------------------------------------------------------


def test_counters_add_up_and_can_be_raised() -> None:
    ledger.add(DAY, {Tally("a"): 2, Tally("b", key="x"): 1})
    ledger.add(DAY, {Tally("a"): 3})
    ledger.raise_to(DAY, {Tally("a"): 4, Tally("b", key="x"): 9})

    assert counts("a") == {"": 5}
    assert counts("b") == {"x": 9}


def test_thousands_of_counters_are_one_event() -> None:
    ledger.add(DAY, {Tally("package", key=f"package-{number}"): 1 for number in range(2000)})

    assert DailyCount.objects.count() == 2000


@pytest.mark.django_db(transaction=True)
def test_many_who_count_at_once_lose_nothing() -> None:
    def work(number: int) -> None:
        for _ in range(20):
            ledger.add(DAY, {Tally("builds", "demo"): 1, Tally("package", "demo", key=f"p{number % 3}"): 1})

    assert at_once(*[partial(work, number) for number in range(8)]) == [None] * 8
    assert counts("builds") == {"": 160}
    assert sum(counts("package").values()) == 160


@pytest.mark.django_db(transaction=True)
def test_transactions_that_end_several_builds_do_not_wait_for_each_other() -> None:
    """Each counts a then b, or b then a: without the row that all take first, PostgreSQL would end one of two."""

    def work(number: int) -> None:
        for _ in range(5):
            with transaction.atomic():
                for key in ("a", "b") if number % 2 else ("b", "a"):
                    ledger.add(DAY, {Tally("ends"): 1, Tally("reason", key=key): 1})

    assert at_once(*[partial(work, number) for number in range(6)]) == [None] * 6
    assert counts("reason") == {"a": 30, "b": 30}


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_killed_has_ended_a_build_and_counted_it_or_neither() -> None:
    lease, worker = make_lease()

    class Killed(BaseException):
        pass

    with pytest.raises(Killed), transaction.atomic():
        queue.fail(lease, worker, BuildFailedError(Reason.IMAGE_TOO_BIG, "Too big."))
        raise Killed

    assert Build.objects.get().state == State.BUILDING
    assert counts("failed") == {}


def test_percentiles_lie_within_the_bucket_that_they_fall_into() -> None:
    found = {histogram.bucket(seconds): 10 for seconds in (0.5, 4, 100)}

    assert histogram.percentile(found, 0.5) == pytest.approx(3.5)
    assert 60 < (histogram.percentile(found, 0.95) or 0) <= 120
    assert histogram.percentile({}, 0.5) is None
    assert histogram.percentile({histogram.bucket(10**9): 3}, 0.5) == histogram.BOUNDS[-1]


def test_days_are_those_of_utc() -> None:
    build = make_build(State.DONE)

    assert build.finished_at is not None
    assert DailyCount.objects.get(name="builds").day == build.finished_at.astimezone(UTC).date()
