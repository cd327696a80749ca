"""Counts builds again from their rows: counters of before there were any, and what counting missed.

A group of counters (a day, a name, a distribution) is replaced where the rows tell of more than was counted. Where they
tell of less it stays: builds that were built anew have forgotten how they failed and how long they waited before. What
rows do not tell at all: downloads, the length of the queue, failures of builds that were tried again later.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, Min

from builders.models import Attempt, Build
from builders.states import State
from stats import endings, ledger
from stats.models import DailyCount
from stats.tallies import BUILT_HOUR, ENDS, FAILED_HOUR, OF_BUILDS, Ending, Tally, asked_packages, organisation_of

_CHUNK = 500
_NAMES = (*OF_BUILDS, BUILT_HOUR, FAILED_HOUR, ENDS)
_HEAVY = ("stdout", "stderr", "build_cmd", "canonical")
_EVER = (*endings.GAVE_AN_IMAGE, *endings.FAILED)

Tallies = Counter[Tally]


class Group(NamedTuple):
    """Counters that are replaced together."""

    name: str
    distribution: str
    organisation: int


def day(when: date, earlier: Mapping[Tally, int] | None = None, *, anew: bool = False) -> int:
    """Counts one day again; how many groups were replaced. `earlier`: of `earlier_lives`, for that day.

    `anew`: the counters become what the rows tell, be it less.
    """
    # Nothing is held while there is nothing to do, as on most days.
    if not anew and not _behind(when, _told(when, earlier)):
        return 0
    with transaction.atomic():
        ledger.hold(when)
        told = _told(when, earlier)
        groups = _behind(when, told)
        if anew:
            groups = set(_totals(told)) | set(_totals(_counted(when)))
        for group in groups:
            DailyCount.objects.filter(day=when, **group._asdict()).delete()
        ledger.add(when, {tally: count for tally, count in told.items() if Group(*tally[:3]) in groups})
        return len(groups)


def first_day() -> date | None:
    """Of the first build that ended."""
    found = Attempt.objects.aggregate(first=Min("started_at"))["first"]
    also = Build.objects.filter(state__in=_EVER).aggregate(first=Min("finished_at"))["first"]
    moments = [moment for moment in (found, also) if moment is not None]
    return min(moments).astimezone(UTC).date() if moments else None


def earlier_lives() -> dict[date, Tallies]:
    """By day: images of builds that expired and were queued again since. Their attempts are left. Looks at all."""
    rows = Attempt.objects.filter(outcome=State.DONE, ended_at__isnull=False).order_by()
    rows = rows.exclude(build__state__in=endings.GAVE_AN_IMAGE, epoch=F("build__epoch"))
    found: dict[date, Tallies] = defaultdict(Counter)
    for attempt in rows.select_related("build__request").defer(*(f"build__{name}" for name in _HEAVY)).iterator(_CHUNK):
        ending = _of_attempt(attempt)
        found[ending.at.astimezone(UTC).date()] += ending.tallies()
    return found


def _of_attempt(attempt: Attempt) -> Ending:
    build, spec = attempt.build, attempt.build.spec
    assert attempt.ended_at is not None
    return Ending(
        attempt.ended_at,
        build.distribution or spec["distribution"],
        organisation_of(spec),
        version=spec["version"],
        target=spec["target"],
        profile=spec["profile"],
        packages=asked_packages(spec),
        client=endings.client_of(build),
        took=max(0.0, (attempt.ended_at - attempt.started_at).total_seconds()),
    )


def _told(when: date, earlier: Mapping[Tally, int] | None) -> Tallies:
    found: Tallies = Counter(earlier or {})
    for build in _ended(when):
        ending = endings.of(build)
        if ending is not None:
            found += ending.tallies()
    return found


def _ended(when: date) -> Iterator[Build]:
    start = datetime(when.year, when.month, when.day, tzinfo=UTC)
    rows = Build.objects.filter(state__in=_EVER, finished_at__gte=start, finished_at__lt=start + timedelta(days=1))
    rows = rows.select_related("request").defer(*_HEAVY, "request__canonical", "request__echo", "request__refusal")
    # PostgreSQL reads through a cursor of the server, which needs no more memory however many there are.
    yield from rows.order_by().iterator(_CHUNK)


def _counted(when: date) -> Tallies:
    rows = DailyCount.objects.filter(day=when, name__in=_NAMES).order_by()
    return Counter({Tally(*row[:4]): row[4] for row in rows.values_list(*Tally._fields, "count")})


def _totals(tallies: Mapping[Tally, int]) -> Counter[Group]:
    found: Counter[Group] = Counter()
    for tally, count in tallies.items():
        found[Group(*tally[:3])] += count
    return found


def _behind(when: date, told: Mapping[Tally, int]) -> set[Group]:
    """The groups of which the rows tell more than was counted."""
    counted = _totals(_counted(when))
    return {group for group, count in _totals(told).items() if count > counted[group]}
