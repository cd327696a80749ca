"""What is amiss just now, worst first, out of the status document. Pure but for the reader's language.

Found anew from how things stand, so the page is right at once and also when nothing else runs. Those that last are kept
as incidents with begin and end by `stats.watch`, because a mirror that answers again leaves no trace in its row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from django.utils.translation import gettext, ngettext

from builders.shown import length

LONG_WAIT = 120.0  # seconds; no wait is called long below
_TIMES_USUAL = 2
# What lasts so long becomes an incident.
MIRROR_PATIENCE = timedelta(hours=3)
UNSERVED_PATIENCE = timedelta(minutes=10)


class Weight(IntEnum):
    """How bad it is; also the order on the page."""

    QUIET = 0
    WAIT = 1
    BAD = 2

    @property
    def badge(self) -> str:
        """The class of its LED."""
        return ("quiet", "wait", "bad")[self]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is amiss."""

    kind: str  # mirror, unserved, workers, queue
    weight: Weight
    words: str
    since: datetime
    distribution: str = ""

    @property
    def cause(self) -> str:
        """What it is known by while it lasts."""
        return f"{self.kind}:{self.distribution}" if self.distribution else self.kind

    def lasts(self, now: datetime) -> bool:
        """Whether it lasts long enough to be told as an incident."""
        patience = {"mirror": MIRROR_PATIENCE, "unserved": UNSERVED_PATIENCE}.get(self.kind)
        return patience is not None and now - self.since >= patience


def of(document: Mapping[str, Any], usual_wait: float | None) -> list[Trouble]:
    """`usual_wait`: seconds that nearly nobody waited longer than lately."""
    now = datetime.fromisoformat(document["at"])
    found = [*_of_queue(document, now, usual_wait), *_of_mirrors(document)]
    return sorted(found, key=lambda trouble: -trouble.weight)


def _of_queue(document: Mapping[str, Any], now: datetime, usual_wait: float | None) -> list[Trouble]:
    unserved = [entry for entry in document["targets"] if entry["is_unserved"]]
    has_workers = document["workers"]["running"] > 0
    if unserved:
        since = now - timedelta(seconds=max(entry["oldest_seconds"] for entry in unserved))
        return [Trouble("unserved", Weight.BAD, _unserved(unserved, has_workers), since)]
    if not has_workers:
        words = gettext("No worker is there just now: new images have to wait for one")
        return [Trouble("workers", Weight.WAIT, words, now)]
    oldest = document["queue"]["oldest_seconds"]
    if oldest > max(LONG_WAIT, _TIMES_USUAL * (usual_wait or 0)):
        words = gettext("Builds wait longer than usual: %(time)s") % {"time": length(oldest)}
        return [Trouble("queue", Weight.WAIT, words, now - timedelta(seconds=oldest))]
    return []


def _unserved(entries: list[Mapping[str, Any]], has_workers: bool) -> str:
    if not has_workers:
        return gettext("No worker is there: images have to wait")
    count = sum(entry["queued"] for entry in entries)
    if len(entries) == 1:
        where = f"{entries[0]['distribution']} {entries[0]['target']}"
    else:
        where = ngettext("%(n)s target", "%(n)s targets", len(entries)) % {"n": len(entries)}
    one, many = (
        gettext("An image for %(where)s waits: no worker that may build it is there"),
        gettext("%(n)s images for %(where)s wait: no worker that may build them is there"),
    )
    return (one if count == 1 else many) % {"n": count, "where": where}


def _of_mirrors(document: Mapping[str, Any]) -> list[Trouble]:
    words = gettext("The mirror of %(name)s cannot be read: the last good state is offered")
    return [
        Trouble(
            "mirror",
            Weight.WAIT,
            words % {"name": row["title"]},
            datetime.fromisoformat(row["stale_since"]),
            row["distribution"],
        )
        for row in document["mirrors"]
        if row["stale_since"]
    ]
