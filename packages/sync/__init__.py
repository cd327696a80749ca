"""Mirrors into rows: names of everything, documents of what somebody asked for. Safe to repeat.

::

    sync_distribution ─► versions ─► names of targets ─► complete_target for the targets that are complete already
    complete_target   ─► sums (signature) ─► profiles.json ─► feeds ─► one transaction ─► state_hash
    read_repository   ─► the index of a repository that a request names, within bounds ─► its own transaction
    store_inspection  ─► the same for releases without JSON documents, from `make info`

One transaction a unit. When the mirror fails a unit, its rows stay as they were and say since when they are stale.
"""

from packages.sync.distributions import sync_distribution
from packages.sync.extra import read_repository
from packages.sync.inspections import store_inspection
from packages.sync.report import Progress, SyncReport
from packages.sync.targets import complete_target

__all__ = [
    "Progress",
    "SyncReport",
    "complete_target",
    "read_repository",
    "store_inspection",
    "sync_distribution",
]
