"""Fairness between clients: each waiting build has a turn, and each client gets one build a turn.

Start-time fair queueing: the first build that a client adds gets the turn that is served now, each further one the turn
after the client's last. So who asks for a thousand images waits behind its own; somebody else's first request is behind
one of them, not behind all. Builds with the same turn go in the order in which they came.

Turns are even numbers; a device that reported an outdated release goes half a turn earlier (`BONUS`). Turn 0 is for
builds that were under way before and lost their worker: they go first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db.models import Max, Min

from builders.models import Build
from builders.states import State

STEP = 2
BONUS = 1


@dataclass(slots=True)
class Turns:
    """Hands out turns, for as long as one transaction lasts."""

    served: int  # the lowest turn that waits: what is served now, or next
    last: dict[str, int] = field(default_factory=dict)  # client -> the turn of its last waiting build

    @classmethod
    def for_clients(cls, clients: Collection[str], priority: int = 0) -> "Turns":
        """As the queue stands."""
        waiting = Build.objects.filter(state=State.QUEUED).order_by()
        served = waiting.filter(priority=priority, turn__gt=0).aggregate(least=Min("turn"))["least"] or 0
        named = {client for client in clients if client}
        rows = waiting.filter(client__in=named).values_list("client").annotate(last=Max("turn")) if named else ()
        return cls(served, dict(rows))

    def next(self, client: str, *, is_outdated: bool = False) -> int:
        """The turn of one more build of this client; nobody's builds ("") come one after the other."""
        turn = following(self.served, self.last, client)
        self.last[client] = turn
        return turn - BONUS if is_outdated else turn


def following(served: int, last: Mapping[str, int], client: str) -> int:
    """The even turn that is served now, or the one after the client's own last."""
    own = last.get(client, 0)
    return max(_even(served), _even(own) + STEP if own else STEP)


def _even(turn: int) -> int:
    return turn + turn % STEP
