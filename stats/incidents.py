"""Incidents as people see them: the banner on all pages, the list on the status page, a page for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from images.viewers import viewer_of_page
from packages.visibility import Viewer
from stats.memory import Kept, TooOldError
from stats.models import Incident

SECONDS = 10  # how long a process may take to notice one
HISTORY = timedelta(days=90)
MOST = 50  # in the list
_LARGEST = 2**63 - 1


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
