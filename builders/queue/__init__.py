"""The only code that moves a build from state to state. See `builders.states` for the arrows.

Each move is one transaction with one conditional UPDATE or one locked row. The database's clock decides about leases.
Whoever works on a build says which lease it works under: the build's epoch and the worker. A stale lease changes
nothing and raises LeaseLostError.

`asking`: who wants images. `choosing`: which build a worker gets. `working`: who builds them. `judging`: how well.
`upkeep`: what nobody asks for. `moves`: the arrows themselves.
"""

from builders.queue.asking import builds_of, cancel, expire, new_row, refuse, retry, share, submit, wake_workers
from builders.queue.moves import CRASHED, GIVEN_BACK, LOST, park_if_it_kills
from builders.queue.upkeep import drop_unwanted, reclaim_overdue
from builders.queue.working import beat, fail, finish, give_back, lease, lease_known, reclaim_from, was_finished

__all__ = [
    "CRASHED",
    "GIVEN_BACK",
    "LOST",
    "beat",
    "builds_of",
    "cancel",
    "drop_unwanted",
    "expire",
    "fail",
    "finish",
    "give_back",
    "lease",
    "lease_known",
    "new_row",
    "park_if_it_kills",
    "reclaim_from",
    "reclaim_overdue",
    "refuse",
    "retry",
    "share",
    "submit",
    "wake_workers",
    "was_finished",
]
