"""How long builds take, by target: measured from lease to end, averaged so that the last dozen count most."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F, FloatField, Value

from builders.models import Build, Pace

WEIGHT = 0.15  # of the newest build in the average
UNKNOWN_SECONDS = 30.0  # until anything was measured


@dataclass(frozen=True, slots=True)
class Paces:
    """The averages as they stand."""

    by_target: dict[tuple[str, str], float]

    @classmethod
    def read(cls) -> "Paces":
        """From the database."""
        rows = Pace.objects.values_list("distribution", "target", "seconds")
        return cls({(distribution, target): seconds for distribution, target, seconds in rows})

    @property
    def usual(self) -> float:
        """For a target that was never built for: as long as the others take on the whole."""
        return sum(self.by_target.values()) / len(self.by_target) if self.by_target else UNKNOWN_SECONDS

    def of(self, distribution: str, target: str) -> float:
        """Seconds of one build for this target."""
        found = self.by_target.get((distribution, target))
        return self.usual if found is None else found


def learn(build: Build) -> None:
    """A build was finished: its time, by the database's clock, goes into the average of its target."""
    if build.started_at is None or build.finished_at is None or not build.target:
        return
    seconds = max(0.0, (build.finished_at - build.started_at).total_seconds())
    row = Pace.objects.filter(distribution=build.distribution, target=build.target)
    newer = F("seconds") * (1 - WEIGHT) + Value(seconds * WEIGHT, output_field=FloatField())
    if row.update(seconds=newer, builds=F("builds") + 1):
        return
    try:
        with transaction.atomic():
            Pace.objects.create(distribution=build.distribution, target=build.target, seconds=seconds)
    except IntegrityError:  # somebody else built the first one at the same moment
        row.update(seconds=newer, builds=F("builds") + 1)
