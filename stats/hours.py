"""The last 24 hours of the whole server: what was built, what failed, how many waited. Counts only: nothing private."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from stats import drawing, histogram
from stats.drawing import Series, Words
from stats.models import DailyCount, PeriodCount
from stats.tallies import BUILT_HOUR, FAILED_HOUR, HOURS, QUEUE_HOUR, WAIT

_USUAL_DAYS = 7


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in it."""

    start: datetime
    built: int
    failed: int
    most_waiting: int


def last_day(now: datetime) -> list[Hour]:
    """24 hours, the present one last."""
    this = now.replace(minute=0, second=0, microsecond=0)
    starts = [this - timedelta(hours=ago) for ago in reversed(range(24))]
    rows = DailyCount.objects.filter(name__in=HOURS, day__gte=starts[0].date(), distribution="", organisation=0)
    counts = {(name, day, key): count for name, day, key, count in rows.values_list("name", "day", "key", "count")}

    def count(name: str, start: datetime) -> int:
        return counts.get((name, start.date(), f"{start:%H}"), 0)

    return [
        Hour(start, count(BUILT_HOUR, start), count(FAILED_HOUR, start), count(QUEUE_HOUR, start)) for start in starts
    ]


def usual_wait() -> float | None:
    """What 95 of 100 did not wait longer than, lately; None: it is not known."""
    rows = PeriodCount.objects.filter(days=_USUAL_DAYS, name=WAIT, organisation=0)
    counts: dict[str, int] = {}
    for key, count in rows.values_list("key", "count"):
        counts[key] = counts.get(key, 0) + count
    return histogram.percentile(counts, 0.95)


def draw_builds(hours: list[Hour]) -> SafeString:
    """Images and failures by hour."""
    built, failed = sum(hour.built for hour in hours), sum(hour.failed for hour in hours)
    said = gettext("By hour, UTC. Together %(built)s images and %(failed)s failures.")
    words = Words("hours-built", gettext("Builds of the last 24 hours"), said % {"built": built, "failed": failed})
    series = [Series("one", [hour.built for hour in hours]), Series("two", [hour.failed for hour in hours])]
    return mark_safe(drawing.columns(series, _labels(hours), words, height=140))


def draw_queue(hours: list[Hour]) -> SafeString:
    """The longest queue of each hour."""
    most = max((hour.most_waiting for hour in hours), default=0)
    said = gettext("The most that waited at one time, by hour, UTC: at most %(most)s.")
    words = Words("hours-queue", gettext("The queue of the last 24 hours"), said % {"most": most})
    return mark_safe(
        drawing.columns([Series("one", [h.most_waiting for h in hours])], _labels(hours), words, height=110)
    )


def _labels(hours: list[Hour]) -> list[str]:
    return [f"{hour.start:%H:%M}" for hour in hours]
