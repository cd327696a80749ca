"""What the counters say to a viewer: of the distributions that it sees, and of what everybody or its organisation had
built. Whatever it does not see is in no sum either, so nothing can be told from a difference.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Max, Q, Sum

from packages.models import Distribution
from packages.visibility import Viewer
from stats.models import DailyCount, PeriodCount
from stats.tallies import KEYED, RELEASE, TOTALS

_BY_DISTRIBUTION = (RELEASE, *TOTALS)
_TOGETHER = tuple(name for name in KEYED if name != RELEASE)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which counters are looked at."""

    titles: Mapping[str, str]  # of all distributions that the viewer sees, by name
    chosen: str  # one of them; "": all
    organisations: tuple[int, ...] | None  # None: all
    today: date
    days: int

    @property
    def first_day(self) -> date:
        """Of the period."""
        return self.today - timedelta(days=self.days - 1)

    @property
    def condition(self) -> Q:
        """On rows of counters."""
        found = Q(distribution__in=[self.chosen] if self.chosen else list(self.titles))
        return found if self.organisations is None else found & Q(organisation__in=self.organisations)


def scope_of(viewer: Viewer, *, chosen: str, days: int, today: date) -> Scope | None:
    """None: there is no distribution of that name, or none that the viewer sees."""
    rows = Distribution.objects.visible_to(viewer).values_list("name", "title")
    titles = {name: title or name for name, title in rows}
    if chosen and chosen not in titles:
        return None
    organisations = None if viewer.is_maintainer else (0, *sorted(viewer.organisations))
    return Scope(titles, chosen, organisations, today, days)


def by_day(scope: Scope) -> dict[str, Counter[date]]:
    """The totals of each day: name -> day -> count."""
    rows = DailyCount.objects.filter(
        scope.condition, name__in=TOTALS, day__gte=scope.first_day, day__lte=scope.today, key=""
    )
    found: dict[str, Counter[date]] = defaultdict(Counter)
    for name, day, count in rows.order_by().values_list("name", "day").annotate(sum=Sum("count")):
        found[name][day] = count
    return found


def by_key(scope: Scope) -> dict[str, Counter[tuple[str, str]]]:
    """Over the whole period: name -> (distribution, key) -> count; the key "" is all others. Totals have that only.

    But for releases and totals, which are told by distribution, the distributions are added up: "".
    """
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    made = PeriodCount.objects.filter(days=scope.days)
    until = made.aggregate(until=Max("until"))["until"]
    since = max(until + timedelta(days=1), scope.first_day) if until is not None else scope.first_day
    today = DailyCount.objects.filter(day__gte=since, day__lte=scope.today)
    for rows in (made, today) if until is not None else (today,):
        told = rows.filter(scope.condition, name__in=_BY_DISTRIBUTION).order_by()
        for name, where, key, count in told.values_list("name", "distribution", "key").annotate(sum=Sum("count")):
            found[name][where, key] += count
        # Added up by the database: many rows, few keys.
        together = rows.filter(scope.condition, name__in=_TOGETHER).order_by()
        for name, key, count in together.values_list("name", "key").annotate(sum=Sum("count")):
            found[name]["", key] += count
    return found


def keys_alone(counts: Mapping[tuple[str, str], int]) -> Counter[str]:
    """Of all distributions together."""
    found: Counter[str] = Counter()
    for (_where, key), count in counts.items():
        found[key] += count
    return found
