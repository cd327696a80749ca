"""The questions that the status document and the metrics ask of queue, workers and mirrors. All from the database, by
the database's clock: every process of the server finds the same.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Min, Sum

from builders import clock
from builders.labels import Place, fits
from builders.models import Attempt, Build, Pace, Worker
from builders.querysets import from_now
from builders.states import Reason, State
from stats.models import DailyCount

DAY = 24 * 3600


class Waiting(NamedTuple):
    """The queue of one place."""

    builds: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Presence:
    """A worker that was heard of lately."""

    name: str
    standing: str
    state: str
    labels: tuple[str, ...]
    building: int
    is_named: bool = True  # False: it is only counted where everybody may look

    @property
    def takes_builds(self) -> bool:
        return self.state == "running"


# -- builds ------------------------------------------------------------------------------------------------


def waiting() -> dict[Place, Waiting]:
    """The queue, by place."""
    queued = Build.objects.filter(state=State.QUEUED).order_by()
    rows = list(
        queued.values_list("distribution", "target", "arch").annotate(builds=Count("id"), oldest=Min("queued_at"))
    )
    # Subtracted here: SQLite would call Python for each row.
    now = clock.now() if rows else None
    return {Place(*place): Waiting(builds, _age(now, oldest)) for *place, builds, oldest in rows}


def oldest_wait() -> float:
    """Seconds that the first of the queue has waited; 0 when nothing waits."""
    oldest = Build.objects.filter(state=State.QUEUED).order_by().aggregate(oldest=Min("queued_at"))["oldest"]
    return _age(clock.now(), oldest) if oldest else 0.0


def _age(now: datetime | None, moment: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if now else 0.0


def building() -> tuple[Counter[Place], Counter[int | None]]:
    """How many are under way, by place and by worker."""
    rows = list(Build.objects.building().order_by().values_list("distribution", "target", "arch", "worker_id"))
    return Counter(Place(*row[:3]) for row in rows), Counter(row[3] for row in rows)


def by_state() -> dict[str, int]:
    """All builds."""
    found = dict(Build.objects.order_by().values_list("state").annotate(Count("id")))
    return {state: found.get(state, 0) for state in State.values()}


def finished_lately(seconds: float = DAY) -> tuple[int, dict[str, int]]:
    """How many builds gave an image, and how many failed by reason."""
    lately = Build.objects.filter(finished_at__gt=from_now(-seconds)).order_by()
    done = lately.filter(state__in=(State.DONE, State.EXPIRED)).count()
    # Counted here: to group by reason, SQLite with statistics walks through all builds there ever were.
    failed = Counter(lately.filter(state__in=(State.FAILED, State.PARKED)).values_list("reason", flat=True))
    return done, dict(sorted(failed.items(), key=lambda row: (-row[1], row[0])))


# -- workers -----------------------------------------------------------------------------------------------


def presences(builds: Counter[int | None]) -> list[Presence]:
    """The workers that are there, by name; `builds`: how many each has in work."""
    rows = Worker.objects.online().exclude(standing=Worker.Standing.REVOKED).order_by("name")
    return [
        Presence(row.name, row.standing, state_of(row), tuple(row.labels), builds[row.pk])
        for row in rows.only("name", "standing", "desired", "labels", "complaint")
    ]


def state_of(worker: Worker) -> str:
    """One word for a worker that is there; only `running` takes builds."""
    if worker.standing != Worker.Standing.APPROVED:
        return worker.standing
    if worker.desired != Worker.Desired.RUN:
        return "draining" if worker.desired == Worker.Desired.DRAIN else "stopping"
    return "complaining" if worker.complaint else "running"


def able_by_place(workers: Iterable[Presence], places: Iterable[Place]) -> dict[Place, int]:
    """How many workers may build for each place."""
    # A farm has few sets of labels: each is looked at once a place, however many workers share it.
    sets = Counter(worker.labels for worker in workers if worker.takes_builds)
    return {place: sum(count for labels, count in sets.items() if fits(labels, place)) for place in places}


def workers_by_kind() -> dict[tuple[str, str, bool], int]:
    """All workers by standing, what is desired of them, and whether they are there."""
    kinds = ("standing", "desired")
    rows = Worker.objects.order_by().values_list(*kinds).annotate(Count("id"))
    there = {
        tuple(kind): n for *kind, n in Worker.objects.online().order_by().values_list(*kinds).annotate(Count("id"))
    }
    found = {}
    for standing, desired, count in rows:
        online = there.get((standing, desired), 0)
        found[standing, desired, True] = online
        found[standing, desired, False] = max(0, count - online)
    return found


# -- what only grows ---------------------------------------------------------------------------------------


def attempts_by_outcome() -> dict[str, int]:
    """Attempts that ended, by how. Builds are queued again now and then; attempts stay as they ended."""
    ended = Attempt.objects.exclude(outcome="").order_by().values_list("outcome").annotate(Count("id"))
    return dict.fromkeys((State.DONE.value, *Reason.values()), 0) | dict(ended)


def counted(name: str) -> dict[str, int]:
    """Of all days together, by distribution."""
    return dict(DailyCount.objects.filter(name=name).order_by().values_list("distribution").annotate(Sum("count")))


def usual_seconds(shown_as: Callable[[str], str] = str) -> dict[str, float]:
    """How long a build takes, by distribution: the averages of its targets, those weighing more that build more.

    `shown_as`: what several distributions have in common is told for them together.
    """
    seconds: Counter[str] = Counter()
    builds: Counter[str] = Counter()
    rows = Pace.objects.order_by().values_list("distribution")
    for distribution, some, count in rows.annotate(seconds=Sum(F("seconds") * F("builds")), builds=Sum("builds")):
        seconds[shown_as(distribution)] += some
        builds[shown_as(distribution)] += count
    return {name: seconds[name] / count for name, count in builds.items() if count}
