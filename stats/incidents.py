"""Incidents as people see them: the banner on all pages, the list on the status page, a page for each, a feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from images import atom
from images.atom import Entry, Feed
from images.viewers import viewer_of_page
from packages.visibility import PUBLIC, Viewer
from stats.memory import Kept, TooOldError
from stats.models import Incident

SECONDS = 10  # how long a process may take to notice one
HISTORY = timedelta(days=90)
MOST = 50  # in the list
_FEED_SECONDS = 60  # that others may keep the feed
_LARGEST = 2**63 - 1
_EVER = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Banner:
    """One that is shown on all pages."""

    pk: int
    title: str
    severity: str
    organisation: int | None


def _make() -> tuple[Banner, ...]:
    rows = Incident.objects.open().exclude(severity=Incident.Severity.NOTICE)
    return tuple(
        Banner(row.pk, row.title, row.severity, row.distribution.organisation_id if row.distribution else None)
        for row in rows.select_related("distribution")[:10]
        if row.distribution is None or row.distribution.is_enabled
    )


_kept = Kept(_make, SECONDS)


def banners(request: HttpRequest) -> Sequence[Banner]:
    """Those that whoever looks may know of, from memory; none when the database does not answer."""
    try:
        found = _kept.get()
    except (Error, TooOldError):
        return ()
    if not any(banner.organisation for banner in found):
        return found
    viewer = viewer_of_page(request)
    return [banner for banner in found if viewer.sees(banner.organisation)]


def forget() -> None:
    """Look anew with the next page: one was changed here, or a test begins."""
    _kept.forget()


def lately(viewer: Viewer) -> list[Incident]:
    """Open ones first, then those of the last weeks."""
    rows = Incident.objects.visible_to(viewer).since(timezone.now() - HISTORY).select_related("distribution")
    return sorted(rows.prefetch_related("updates")[:MOST], key=lambda row: not row.is_open)


@require_safe
def incident(request: HttpRequest, number: str) -> HttpResponse:
    """`/incidents/<number>/`."""
    if not number.isdecimal() or not number.isascii() or int(number[:20]) > _LARGEST:
        raise Http404
    rows = Incident.objects.visible_to(viewer_of_page(request)).select_related("distribution")
    found = rows.filter(pk=int(number[:20]), started_at__lte=timezone.now()).first()
    if found is None:
        raise Http404
    context: dict[str, Any] = {"incident": found, "updates": list(found.updates.all())}
    return render(request, "stats/incident.html", context)


# -- the feed --------------------------------------------------------------------------------------------------


@require_safe
def incidents_feed(request: HttpRequest) -> HttpResponse:
    """`/status/incidents.atom`: an entry for each of the last weeks, the one that changed last first."""
    viewer = viewer_of_page(request)
    feed = Feed(
        "incidents/feed", gettext("Incidents"), gettext("What goes wrong with this server."), "/status/", at=_EVER
    )
    entries = sorted(map(_entry, lately(viewer)), key=lambda entry: (entry.at, entry.key), reverse=True)
    return atom.answer(request, feed, entries, is_private=viewer != PUBLIC, seconds=_FEED_SECONDS)


def _entry(row: Incident) -> Entry:
    """How it stands: what became known later changes the entry, which keeps its id."""
    now = timezone.now()
    updates = [update for update in row.updates.all() if update.at <= now]
    moments = [row.started_at, *(update.at for update in updates)]
    words = {"title": row.title, "distribution": row.distribution or ""}
    title = gettext("%(distribution)s: %(title)s") % words if row.distribution else row.title
    lines = [row.text, *(f"{update.at:%Y-%m-%d %H:%M} UTC: {update.text}" for update in updates)]
    if row.ended_at is not None and not row.is_open:
        moments.append(row.ended_at)
        title = gettext("Over: %(title)s") % {"title": title}
        lines.append(gettext("Over since %(when)s UTC.") % {"when": f"{row.ended_at:%Y-%m-%d %H:%M}"})
    else:
        title = f"{row.get_severity_display().capitalize()}: {title}"
    text = "\n".join(filter(None, lines))
    return Entry(f"incident/{row.pk}", title, text, reverse("stats:incident", args=[row.pk]), max(moments))
