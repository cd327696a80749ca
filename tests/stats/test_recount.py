"""Counters are made again from the rows of builds, and old ones shrink without changing what they add up to."""

from collections import Counter
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone

from builders import queue
from builders.models import Build
from builders.states import Reason, State
from stats import ledger, periods, recount, tasks
from stats.models import DailyCount, PeriodCount
from stats.tallies import BUILDS, PACKAGE, Tally
from tests.factories import in_the_past, make_build, make_result, make_spec, make_worker
from tests.images.publications import finish, make_request
from tests.races import at_once

pytestmark = pytest.mark.django_db


def everything() -> Counter[tuple[object, ...]]:
    rows = DailyCount.objects.values_list("day", "name", "distribution", "organisation", "key", "count")
    return Counter({row[:5]: row[5] for row in rows if row[5]})


def some_builds() -> None:
    finish(make_request(make_spec(packages=("luci", "vim")), client="luci/1"))
    make_build(State.DONE)
    make_build(State.EXPIRED)
    make_build(State.FAILED, reason=Reason.TIMEOUT)
    make_build(State.PARKED)
    make_build(State.DROPPED)


def recount_all(*words: str) -> str:
    out = StringIO()
    call_command("recount", *words, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("words", [[], ["--anew"], ["--days", "3"]])
def test_after_a_recount_the_numbers_are_the_same(words: list[str]) -> None:
    some_builds()
    before = everything()

    recount_all(*words)

    assert everything() == before


def test_lost_counters_are_made_again() -> None:
    some_builds()
    before = everything()
    DailyCount.objects.all().delete()

    recount_all()

    assert everything() == before
    assert "0 groups" in recount_all()


def test_days_long_ago_are_counted_from_the_first_on() -> None:
    build = make_build(State.DONE)
    for field in ("queued_at", "started_at", "finished_at"):
        in_the_past(build, field, 100 * 86400)
    build.attempt_set.update(started_at=timezone.now() - timedelta(days=100))
    DailyCount.objects.all().delete()

    recount_all()

    assert DailyCount.objects.get(name=BUILDS).day == timezone.now().date() - timedelta(days=100)


def test_images_of_earlier_lives_are_found_in_their_attempts() -> None:
    spec = make_spec()
    make_build(State.EXPIRED, spec)
    queue.submit(spec)
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.finish(lease, worker, make_result(), Path("/nowhere"))
    DailyCount.objects.all().delete()

    recount_all()

    assert DailyCount.objects.get(name=BUILDS).count == 2


def test_what_rows_have_forgotten_stays_counted() -> None:
    build = make_build(State.FAILED, reason=Reason.TIMEOUT)
    queue.retry(build)

    recount_all()

    assert DailyCount.objects.get(name="reason").key == "timeout"


def test_downloads_are_not_touched_even_when_all_is_made_anew() -> None:
    ledger.add(timezone.now().date(), {Tally("downloads", "demo"): 7, Tally(BUILDS, "demo"): 99})
    make_build(State.DONE)

    recount_all("--anew")

    assert DailyCount.objects.get(name="downloads").count == 7
    assert DailyCount.objects.get(name=BUILDS).count == 1


def test_each_night_what_was_missed_yesterday_is_found() -> None:
    yesterday = timezone.now().date() - timedelta(days=1)
    build = make_build(State.DONE)
    Build.objects.filter(pk=build.pk).update(finished_at=timezone.now() - timedelta(days=1))
    DailyCount.objects.all().delete()

    tasks.tidy()

    assert DailyCount.objects.get(name=BUILDS).day == yesterday
    assert PeriodCount.objects.filter(name=BUILDS, days=7).get().count == 1


def test_a_day_that_is_counted_right_costs_no_write() -> None:
    make_build(State.DONE)
    before = everything()

    assert recount.day(timezone.now().date()) == 0
    assert everything() == before


# -- old days ----------------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 24)


def test_old_days_keep_their_most_frequent_packages_and_the_sum_of_the_others() -> None:
    day = TODAY - timedelta(days=20)
    ledger.add(day, {Tally(PACKAGE, "demo", 0, f"p{number:03}"): number + 1 for number in range(300)})

    periods.compact(TODAY)
    periods.compact(TODAY)

    rows = DailyCount.objects.filter(name=PACKAGE, day=day)
    assert rows.count() == periods.KEPT + 1
    assert rows.aggregate(sum=Sum("count"))["sum"] == sum(range(1, 301))
    assert rows.get(key="p299").count == 300
    assert rows.get(key="").count == sum(range(1, 251))


def test_after_a_year_days_become_months_with_the_same_sum() -> None:
    old = date(2025, 3, 15)
    for ago in range(3):
        ledger.add(old - timedelta(days=ago), {Tally(BUILDS, "demo"): 10})

    periods.compact(TODAY)

    assert list(DailyCount.objects.filter(name=BUILDS).values_list("day", "count")) == [(date(2025, 3, 1), 30)]


@pytest.mark.django_db(transaction=True)
def test_two_machines_that_shrink_old_days_at_once_count_nothing_twice() -> None:
    ledger.add(TODAY - timedelta(days=20), {Tally(PACKAGE, "demo", 0, f"p{number:03}"): 2 for number in range(300)})
    for ago in range(10):
        ledger.add(date(2025, 3, 15) - timedelta(days=ago), {Tally(BUILDS, "demo"): 10})

    assert at_once(*[lambda: periods.compact(TODAY)] * 4) == [None] * 4

    sums = DailyCount.objects.order_by().values_list("name").annotate(sum=Sum("count")).filter(sum__gt=0)
    assert dict(sums) == {PACKAGE: 600, BUILDS: 100}


@pytest.mark.django_db(transaction=True)
def test_two_machines_that_make_the_sums_at_once_make_them_once() -> None:
    ledger.add(TODAY - timedelta(days=1), {Tally(PACKAGE, "demo", 0, f"p{number:03}"): 2 for number in range(300)})

    assert at_once(*[lambda: periods.refresh(TODAY)] * 4) == [None] * 4

    rows = PeriodCount.objects.filter(days=30, name=PACKAGE)
    assert (rows.count(), rows.aggregate(sum=Sum("count"))["sum"]) == (periods.SHOWN + 1, 600)


def test_hours_are_forgotten_after_some_days() -> None:
    for ago in (1, 30):
        ledger.add(TODAY - timedelta(days=ago), {Tally("built-hour", key="12"): 1})

    periods.compact(TODAY)

    assert list(DailyCount.objects.values_list("day", flat=True)) == [TODAY - timedelta(days=1)]


def test_sums_of_a_period_are_made_once_a_day() -> None:
    yesterday = TODAY - timedelta(days=1)
    ledger.add(yesterday, {Tally(PACKAGE, "demo", 0, f"p{number:03}"): number + 1 for number in range(80)})
    ledger.add(TODAY, {Tally(PACKAGE, "demo", 0, "p000"): 1000})

    periods.refresh(TODAY)
    ledger.add(yesterday, {Tally(PACKAGE, "demo", 0, "p001"): 1000})
    periods.refresh(TODAY)

    rows = PeriodCount.objects.filter(days=30, name=PACKAGE)
    assert rows.count() == periods.SHOWN + 1
    assert rows.aggregate(sum=Sum("count"))["sum"] == sum(range(1, 81))
