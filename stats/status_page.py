"""`/status/`: how the server is doing, in words for people. The page is the same for everybody but for incidents."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from builders.shown import length, visible
from images.viewers import viewer_of_page
from packages.visibility import PUBLIC, Viewer
from stats import hours, incidents, status, troubles
from stats.hours import Hour
from stats.memory import Kept, TooOldError
from stats.models import Incident
from stats.reasons import UNKNOWN, reason_words
from stats.troubles import Trouble, Weight

RELOAD_SECONDS = 10
MOST_TARGETS = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lately:
    """What the counters say, and the incidents that everybody may know of."""

    hours: list[Hour]
    usual_wait: float | None
    incidents: list[Incident]


def make() -> Lately:
    """As things stand."""
    return Lately(hours.last_day(timezone.now()), hours.usual_wait(), incidents.lately(PUBLIC))


kept = Kept(make, RELOAD_SECONDS)


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """`/status/`."""
    try:
        context, code = _for_people(status.kept.get().document, kept.get(), viewer_of_page(request)), 200
    except (Error, TooOldError) as error:
        logger.warning("no status: %s", error)
        context, code = {"unavailable": gettext("The database does not answer. Please ask again in a moment.")}, 503
    return render(request, "stats/status.html", {"reload_seconds": RELOAD_SECONDS, **context}, status=code)


def _for_people(found: dict[str, Any], lately: Lately, viewer: Viewer) -> dict[str, Any]:
    """The document with words in place of codes, and no longer than one wants to read."""
    workers, targets = found["workers"], found["targets"]
    shown = lately.incidents if viewer == PUBLIC else incidents.lately(viewer)
    amiss = troubles.of(found, lately.usual_wait)
    return {
        **found,
        "at": _moment(found["at"]),
        "amiss": amiss,
        **_headline(amiss, [row for row in shown if row.is_open]),
        "longest_wait": length(found["queue"]["oldest_seconds"]),
        "usual_wait": length(lately.usual_wait) if lately.usual_wait else "",
        "workers": {**workers, "named": [_worker(worker) for worker in workers["named"]]},
        "unnamed": workers["approved"] + workers["suspended"] - len(workers["named"]),
        "targets": [{**entry, "wait": length(entry["oldest_seconds"])} for entry in targets[:MOST_TARGETS]],
        "more_targets": max(0, len(targets) - MOST_TARGETS),
        "unserved": [entry for entry in targets if entry["is_unserved"]][:MOST_TARGETS],
        "mirrors": [_mirror(row) for row in found["mirrors"]],
        "reasons": [(reason_words(reason or UNKNOWN), n) for reason, n in found["last_day"]["reasons"].items()],
        "incidents": shown,
        **_pictures(lately.hours),
    }


def _headline(amiss: list[Trouble], open_ones: list[Incident]) -> dict[str, Any]:
    """One sentence, and its LED. What a maintainer says comes first."""
    told = [row for row in open_ones if not row.cause and row.severity != Incident.Severity.NOTICE]
    if told:
        weight = Weight.BAD if any(row.severity == Incident.Severity.OUTAGE for row in told) else Weight.WAIT
        return {"headline": told[0].title, "led": weight.badge, "headline_incident": told[0]}
    if amiss:
        return {"headline": amiss[0].words, "led": amiss[0].weight.badge, "amiss": amiss[1:], "first_trouble": amiss[0]}
    return {"headline": gettext("All is well"), "led": "good"}


def _pictures(last_day: list[Hour]) -> dict[str, Any]:
    return {
        "hours": last_day,
        "builds_picture": hours.draw_builds(last_day) if any(hour.built or hour.failed for hour in last_day) else "",
        "queue_picture": hours.draw_queue(last_day) if any(hour.most_waiting for hour in last_day) else "",
    }


def _worker(worker: dict[str, Any]) -> dict[str, Any]:
    """Workers choose their names and labels."""
    words = {
        "running": gettext("running"),
        "draining": gettext("finishes what it builds"),
        "stopping": gettext("stopping"),
        "complaining": gettext("takes no builds just now"),
        "suspended": gettext("suspended"),
    }
    badge = {"running": "ready", "draining": "queued", "stopping": "queued"}.get(worker["state"], "failed")
    return {
        **worker,
        "name": visible(worker["name"]),
        "labels": [visible(label) for label in worker["labels"]],
        "badge": badge,
        "words": words.get(worker["state"], worker["state"]),
    }


def _mirror(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "synced_at": _moment(row["synced_at"]),
        "stale_since": _moment(row["stale_since"]),
        "error": visible(row["error"]),
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
