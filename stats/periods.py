"""Keeps the counters few: sums over periods for the pages, old days with their most frequent keys, old months whole.

Each night. Sums of all days stay what they are: metrics add them up.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from heapq import nlargest
from itertools import groupby

from django.db import IntegrityError, transaction
from django.db.models import Sum

from stats import ledger
from stats.models import DailyCount, PeriodCount
from stats.tallies import DEVICE, ENDS, HOURS, KEYED, OTHERS, PACKAGE, TARGET, TOTALS, Tally

PERIODS = (7, 30, 90, 365)
SHOWN = 50  # keys of a name and distribution in the sum of a period
KEPT = 50  # keys of a day that is over
HOURS_FOR = 8  # days
WHOLE_FOR = 14  # days with all their keys
DAILY_FOR = 400  # days by themselves; older ones are one with their month
_MANY_KEYS = (PACKAGE, DEVICE, TARGET)
_GROUP = ("name", "distribution", "organisation")

_Row = tuple[str, str, int, str, int]  # a tally with its count


def refresh(today: date) -> None:
    """Makes the sums up to yesterday, unless that was done."""
    until = today - timedelta(days=1)
    for days in PERIODS:
        rows = PeriodCount.objects.filter(days=days)
        if not rows.filter(until=until).exists():
            with suppress(IntegrityError):  # another machine made them at the same moment
                remake(days, until)


def remake(days: int, until: date) -> None:
    """One period's sums. With `until` yesterday and what a page adds of today they are so many days."""
    counts = DailyCount.objects.filter(
        name__in=(*KEYED, *TOTALS), day__gt=until - timedelta(days=days - 1), day__lte=until
    )
    sums = counts.order_by(*_GROUP).values_list(*Tally._fields).annotate(sum=Sum("count"))
    rows = (
        PeriodCount(days=days, until=until, name=name, distribution=where, organisation=owner, key=key, count=count)
        for group in _grouped(sums.iterator())
        for name, where, owner, key, count in _most(group, SHOWN)
    )
    with transaction.atomic():
        PeriodCount.objects.filter(days=days).delete()
        PeriodCount.objects.bulk_create(rows, batch_size=500)


def compact(today: date) -> None:
    """What is old shrinks. Each step is a transaction of its own, and may be repeated."""
    DailyCount.objects.filter(name__in=HOURS, day__lt=today - timedelta(days=HOURS_FOR)).delete()
    DailyCount.objects.filter(name=ENDS, day__lt=today - timedelta(days=DAILY_FOR)).delete()
    last = today - timedelta(days=WHOLE_FOR)
    # The days before were shrunk by the nights before; a server that was off for a while has more to do.
    for day in _days_with(name__in=_MANY_KEYS, day__lt=last, day__gte=last - timedelta(days=WHOLE_FOR)):
        shorten(day)
    _fold_months(today - timedelta(days=DAILY_FOR))


def shorten(day: date) -> None:
    """Of one day the most frequent keys stay, the others become one."""
    with transaction.atomic():
        ledger.hold(day)  # whoever does the same at the same moment finds it done
        rows = DailyCount.objects.filter(day=day, name__in=_MANY_KEYS)
        all_rows = rows.order_by(*_GROUP).values_list(*Tally._fields, "count")
        for group in _grouped(all_rows):
            if len(group) > KEPT + 1:
                name, where, owner, *_ = group[0]
                rows.filter(name=name, distribution=where, organisation=owner).delete()
                ledger.add(day, {Tally(*row[:4]): row[4] for row in _most(group, KEPT)})


def _fold_months(before: date) -> None:
    for day in _days_with(day__lt=before.replace(day=1)):
        if day.day == 1:
            continue
        first = day.replace(day=1)
        with transaction.atomic():
            ledger.hold(first)
            rows = DailyCount.objects.filter(day=day)
            tallies = {Tally(*row[:4]): row[4] for row in rows.order_by().values_list(*Tally._fields, "count")}
            rows.delete()
            ledger.add(first, tallies)


def _days_with(**conditions: object) -> list[date]:
    return list(DailyCount.objects.filter(**conditions).order_by("day").values_list("day", flat=True).distinct())


def _grouped(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    for _, group in groupby(rows, key=lambda row: row[:3]):
        yield list(group)


def _most(group: list[_Row], most: int) -> list[_Row]:
    """The most frequent ones, and a row for the others."""
    named = [row for row in group if row[3] != OTHERS]
    first = nlargest(most, named, key=lambda row: (row[4], row[3]))
    rest = sum(row[4] for row in group) - sum(row[4] for row in first)
    name, where, owner, *_ = group[0]
    return [*first, (name, where, owner, OTHERS, rest)] if rest else first
