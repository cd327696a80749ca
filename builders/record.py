"""How workers did lately: their attempts by how these ended."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Count

from builders.models import Attempt
from builders.querysets import from_now
from builders.states import State

DAYS = 7


@dataclass(frozen=True, slots=True)
class Record:
    """The attempts of one worker that ended in the last days."""

    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def ended(self) -> int:
        return self.outcomes.total()

    @property
    def done(self) -> int:
        return self.outcomes[State.DONE.value]

    @property
    def percent(self) -> int | None:
        """Done of all that ended; None when nothing did. Only what is without a fault is 100."""
        return self.done * 100 // self.ended if self.ended else None

    @property
    def others(self) -> list[tuple[str, int]]:
        """How often those ended that gave no image, most often first."""
        rows = [(outcome, count) for outcome, count in self.outcomes.items() if outcome != State.DONE]
        return sorted(rows, key=lambda row: (-row[1], row[0]))


def lately(workers: Collection[int], days: float = DAYS) -> dict[int, Record]:
    """Of each of these workers, in one question."""
    found = {pk: Record() for pk in workers}
    ended = Attempt.objects.filter(worker__in=workers, ended_at__gt=from_now(-days * 24 * 3600)).exclude(outcome="")
    for pk, outcome, count in ended.order_by().values_list("worker_id", "outcome").annotate(Count("id")):
        found[pk].outcomes[outcome] = count
    return found
