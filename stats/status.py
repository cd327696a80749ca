"""How the server is doing, for everybody: `/status.json`; `stats.status_page` is the same for people.

Made at most once in two seconds a process, so that many may poll. Nothing here is secret, whoever asks: private
distributions are left out (their builds count in the sums), workers that are approved are
named, those that wait for approval only counted (anybody can send a name), and no addresses, sandboxes, complaints or
folders are told. The shape, all of it always there::

    {
      "version": "0.1.0",
      "at": "2026-05-01T12:00:00Z",             when this was found out
      "queue": {"queued": 3, "building": 1, "oldest_seconds": 12.5},        oldest_seconds: 0 when nothing waits
      "targets": [                              those with builds under way, the longest wait first
        {"distribution": "openwrt", "target": "ath79/generic", "arch": "mips_24kc",
         "queued": 3, "building": 1, "oldest_seconds": 12.5,
         "workers": 2,                          those that are there and may build it
         "is_unserved": false}                  true: builds wait and no worker may build them
      ],
      "workers": {
        "alive": 3, "approved": 2, "pending": 1, "suspended": 0,            by standing; alive: heard of lately
        "running": 2, "draining": 0, "stopping": 0, "complaining": 0,       the approved ones; only running take builds
        "by_label": [{"label": "arch:mips_24kc", "alive": 1, ...}],         the same counts; label "": builds everything
        "named": [{"name": "local-0", "state": "running", "labels": [], "building": 1}]
      },
      "mirrors": [                              of each distribution: when its lists were read last
        {"distribution": "openwrt", "title": "OpenWrt", "synced_at": "2026-05-01T11:30:00Z",
         "stale_since": null,                   since when the mirror has failed
         "error": ""}                           with what
      ],
      "last_day": {"images": 40, "failed": 2, "reasons": {"image_too_big": 2}}       of the last 24 hours
    }

Times are ISO 8601 in UTC, or null. When the database does not answer: 503 with `status` and `detail`.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from builders.labels import Place
from images.api import answers
from images.api.build import respond
from packages.models import Distribution
from packages.visibility import PUBLIC, owners
from stats import situation
from stats.memory import Kept, TooOldError
from stats.situation import Presence, Waiting

SECONDS = 2
MOST_NAMED = 200

# Local workers start with the first request for a while: until then nobody is missing.
_STARTING_SECONDS = 10

_STATES = ("running", "draining", "stopping", "complaining")
UNAVAILABLE = "The database does not answer. Please ask again in a moment."
# A folder of this machine; the path of a document on a mirror has no slash before it.
_PATH = re.compile(r"(?<![\w.:/~-])~?/[\w.-]|:/(?!/)|file:", re.IGNORECASE)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """The document, and the same as it is sent."""

    document: dict[str, Any]
    body: bytes


def make() -> Status:
    """As things stand."""
    found = document()
    return Status(found, json.dumps(found).encode())


kept = Kept(make, SECONDS)


@require_safe
def status_json(request: HttpRequest) -> HttpResponse:
    """`/status.json`."""
    try:
        body = kept.get().body
    except (Error, TooOldError) as error:
        logger.warning("no status: %s", error)
        return respond(request, answers.error(503, UNAVAILABLE, {"Cache-Control": "no-store", "Retry-After": "5"}))
    return HttpResponse(body, content_type="application/json", headers={"Cache-Control": f"max-age={SECONDS}"})


def document() -> dict[str, Any]:
    """See the module."""
    waiting = situation.waiting()
    by_place, by_worker = situation.building()
    workers = situation.presences(by_worker)
    shown = [_without_private(worker) for worker in workers]
    return {
        "version": settings.VERSION,
        "at": _iso(timezone.now()),
        "queue": {
            "queued": sum(queue.builds for queue in waiting.values()),
            "building": by_place.total(),
            "oldest_seconds": _seconds(max((queue.oldest_seconds for queue in waiting.values()), default=0)),
        },
        "targets": _targets(waiting, by_place, workers),
        "workers": {**_counts(workers), "by_label": _by_label(shown), "named": _named(shown)},
        "mirrors": [_mirror(row) for row in Distribution.objects.visible_to(PUBLIC)],
        "last_day": _last_day(),
    }


def _targets(waiting: dict[Place, Waiting], under_way: Counter[Place], workers: list[Presence]) -> list[dict[str, Any]]:
    private = owners()
    places = {place for place in waiting.keys() | under_way.keys() if place.distribution not in private}
    able = situation.able_by_place(workers, places)
    entries = []
    for place in places:
        queue = waiting.get(place, Waiting(0, 0))
        entries.append(
            {
                **place._asdict(),
                "queued": queue.builds,
                "building": under_way[place],
                "oldest_seconds": _seconds(queue.oldest_seconds),
                "workers": able[place],
                "is_unserved": not able[place] and queue.oldest_seconds > _STARTING_SECONDS,
            }
        )
    return sorted(entries, key=lambda entry: (-entry["oldest_seconds"], entry["distribution"], entry["target"]))


def _counts(workers: Collection[Presence]) -> dict[str, int]:
    standings = Counter(worker.standing for worker in workers)
    states = Counter(worker.state for worker in workers)
    return {
        "alive": len(workers),
        **{standing: standings[standing] for standing in ("approved", "pending", "suspended")},
        **{state: states[state] for state in _STATES},
    }


def _without_private(worker: Presence) -> Presence:
    """No label names a private distribution."""
    private = {f"distribution:{name}" for name in owners()}
    if private.isdisjoint(worker.labels):
        return worker
    shown = tuple(label for label in worker.labels if label not in private)
    # Without the label it would seem to build what it does not.
    has_others = any(label.startswith("distribution:") for label in shown)
    return replace(worker, labels=shown, is_named=has_others)


def _by_label(workers: list[Presence]) -> list[dict[str, Any]]:
    """Of workers that were let in: anybody can send labels too."""
    known = [worker for worker in workers if worker.standing != "pending" and worker.is_named]
    found: dict[str, list[Presence]] = {}
    for worker in known:
        for label in worker.labels or ("",):
            found.setdefault(label, []).append(worker)
    return [{"label": label, **_counts(some)} for label, some in sorted(found.items())]


def _named(workers: list[Presence]) -> list[dict[str, Any]]:
    return [
        {"name": worker.name, "state": worker.state, "labels": list(worker.labels), "building": worker.building}
        for worker in workers
        if worker.standing != "pending" and worker.is_named
    ][:MOST_NAMED]


def _mirror(row: Distribution) -> dict[str, Any]:
    return {
        "distribution": row.name,
        "title": str(row),
        "synced_at": _iso(row.synced_at),
        "stale_since": _iso(row.stale_since),
        "error": public_error(row.sync_error),
    }


def public_error(text: str) -> str:
    """What a mirror failed with, unless it names a folder of this machine."""
    if _PATH.search(text):
        return "The mirror could not be read; the admin says why."
    return text[:300]


def _last_day() -> dict[str, Any]:
    images, reasons = situation.finished_lately()
    return {"images": images, "failed": sum(reasons.values()), "reasons": reasons}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _seconds(seconds: float) -> float:
    return round(seconds, 1)
