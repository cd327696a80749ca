"""The farm in a few figures, for whoever runs it."""

from dataclasses import dataclass

from django.db.models import Count, Min, Q

from builders import clock, waiting
from builders.models import Build, Worker
from builders.querysets import ONLINE_SECONDS, from_now
from builders.states import State

_Standing = Worker.Standing


@dataclass(frozen=True, slots=True)
class Farm:
    """How it stands. Workers are counted once each, but for those that wait for approval: they may be away too."""

    queued: int
    building: int
    oldest_seconds: float  # 0 when nothing waits
    drain_seconds: float | None  # until all that waits and can be built is built; None when nobody is there to build
    unserved: int  # of those that wait: no worker that is there may build them

    able: int
    resting: int  # told to drain or to stop, and there
    complaining: int
    pending: int
    suspended: int
    away: int  # approved, and not heard of lately


def look() -> Farm:
    """As it is now. What waits is as old as `waiting.outlook`, a second or a few."""
    states = Count("id", filter=Q(state=State.QUEUED)), Count("id", filter=Q(state=State.BUILDING))
    open_builds = Build.objects.filter(state__in=(State.QUEUED, State.BUILDING)).order_by()
    oldest = Min("queued_at", filter=Q(state=State.QUEUED))
    builds = open_builds.aggregate(queued=states[0], building=states[1], oldest=oldest)
    drain_seconds, unserved = _drain()
    return Farm(
        queued=builds["queued"],
        building=builds["building"],
        oldest_seconds=(clock.now() - builds["oldest"]).total_seconds() if builds["oldest"] else 0.0,
        drain_seconds=drain_seconds,
        unserved=unserved,
        **_workers(),
    )


def _drain() -> tuple[float | None, int]:
    outlook = waiting.outlook()
    seconds = max((job.at for job in outlook.jobs), default=None)
    return seconds, len(outlook.keys) - sum(len(line.keys) for line in outlook.lines.values())


def _workers() -> dict[str, int]:
    there = Q(seen_at__gt=from_now(-ONLINE_SECONDS))
    approved = Q(standing=_Standing.APPROVED)
    runs = Q(desired=Worker.Desired.RUN)
    kinds = {
        "able": approved & there & runs & Q(complaint=""),
        "complaining": approved & there & runs & ~Q(complaint=""),
        "resting": approved & there & ~runs,
        "away": approved & ~there | approved & Q(seen_at=None),
        "pending": Q(standing=_Standing.PENDING),
        "suspended": Q(standing=_Standing.SUSPENDED),
    }
    counts = {name: Count("id", filter=kind) for name, kind in kinds.items()}
    found: dict[str, int] = Worker.objects.order_by().aggregate(**counts)
    return found
