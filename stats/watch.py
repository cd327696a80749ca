"""Looks each minute how things stand: notes how long the queue was, opens and closes incidents of the server's own.

They are stored, with begin and end, so that people can look up afterwards what happened.

Only about what everybody may know: the status document leaves out what is private. Where no chores run nothing is
noted; the status page still tells what is amiss.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from packages.models import Distribution
from stats import ledger, status, troubles
from stats.models import Incident
from stats.tallies import QUEUE_HOUR, Tally
from stats.troubles import Trouble, Weight

_NOT_AGAIN = timedelta(hours=1)  # what comes and goes is one incident; so is one that a maintainer closed
_SEVERITY = {Weight.WAIT: Incident.Severity.NOTICE, Weight.BAD: Incident.Severity.DISTURBANCE}
_TEXT = {
    "mirror": "Images are built from what was read before. Releases and packages that came later are missing.",
    "unserved": "Requests are kept and built as soon as a worker is there. Images that were built before are served.",
}


def look() -> None:
    """One look."""
    found, now = status.document(), timezone.now()
    if queued := found["queue"]["queued"]:
        ledger.raise_to(now.date(), {Tally(QUEUE_HOUR, key=f"{now:%H}"): queued})
    with translation.override("en"):  # it is stored
        lasting = {trouble.cause: trouble for trouble in troubles.of(found, None) if trouble.lasts(now)}
    open_ones = Incident.objects.filter(ended_at__isnull=True).exclude(cause="")
    open_ones.exclude(cause__in=lasting).update(ended_at=now)
    known = set(open_ones.values_list("cause", flat=True))
    for cause, trouble in lasting.items():
        if cause not in known:
            _open(trouble, now)


def _open(trouble: Trouble, now: datetime) -> None:
    if Incident.objects.filter(cause=trouble.cause, ended_at__gt=now - _NOT_AGAIN).exists():
        return
    where: dict[str, Any] = {}
    if trouble.distribution:
        where["distribution"] = Distribution.objects.filter(name=trouble.distribution).first()
    try:
        with transaction.atomic():
            Incident.objects.create(
                title=trouble.words[:120],
                text=_TEXT.get(trouble.kind, ""),
                severity=_SEVERITY[trouble.weight],
                cause=trouble.cause,
                started_at=trouble.since,
                **where,
            )
    except IntegrityError:  # another machine looked at the same moment
        return
