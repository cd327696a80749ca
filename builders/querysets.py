"""The questions we ask of builds and workers. The database's clock decides what is overdue."""

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Expression, ExpressionWrapper, Q
from django.db.models.functions import Now

from builders.states import State

if TYPE_CHECKING:
    from builders.models import Build, Worker  # noqa: F401 (for the types of the querysets)

# Whoever leased a build looks in at least each third of the lease, whoever waits for one every few seconds, and the
# cluster speaks for its slots; a worker that says nothing for this long is away.
ONLINE_SECONDS = 60


def from_now(seconds: float) -> Expression:
    """The database's present, moved by `seconds` (negative: the past)."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=models.DateTimeField())


class BuildQuerySet(models.QuerySet["Build"]):
    """Builds by where they stand."""

    def queued(self) -> Self:
        """Waiting, the next one first."""
        return self.filter(state=State.QUEUED).order_by("-priority", "turn", "id")

    def building(self) -> Self:
        """Under a lease, run out or not."""
        return self.filter(state=State.BUILDING)

    def overdue(self) -> Self:
        """Leased to somebody who has not been heard of since the lease ran out."""
        return self.building().filter(lease_until__lt=Now())

    def failed(self) -> Self:
        """Failed builds, the last one first."""
        return self.filter(state=State.FAILED).order_by("-finished_at")

    def light(self) -> Self:
        """Without the columns that may be long; they are fetched when looked at."""
        return self.defer("spec", "stdout", "stderr", "build_cmd")


class WorkerQuerySet(models.QuerySet["Worker"]):
    """Workers by whether they are there."""

    def online(self) -> Self:
        """Heard of lately."""
        return self.filter(seen_at__gt=from_now(-ONLINE_SECONDS))

    def able(self) -> Self:
        """There, and taking builds: approved, running, without complaint."""
        return self.online().filter(_TAKES_BUILDS, complaint="")


_TAKES_BUILDS = Q(standing="approved", desired="run")
