"""The front page."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from builders import clock
from builders.models import Build, Worker
from builders.states import OPEN, State
from images import addresses
from images.example import example_of
from images.listing import shown_requests
from images.pages.named import named_pages
from images.viewers import viewer_of_page
from packages import device_index
from packages.device_index import Section
from packages.models import Distribution
from packages.querysets import listed
from packages.visibility import Viewer

_LATEST = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and the way to one's device."""
    viewer = viewer_of_page(request)
    sections = device_index.sections(viewer)
    distributions = _distributions(addresses.base(request), viewer, sections)
    context = {
        "distributions": distributions,
        "device_count": len(set().union(*(section.shelf.by_key for section in sections))),
        "example": _example(distributions),
        "latest": named_pages(shown_requests(viewer)[:_LATEST], sections),
        "queue": _queue_state(),
    }
    return render(request, "images/home.html", context)


def _distributions(base: str, viewer: Viewer, sections: Iterable[Section]) -> list[dict[str, Any]]:
    counts = {section.name: len(section.shelf.devices) for section in sections}
    rows: Any = Distribution.objects.visible_to(viewer).annotate(
        release_count=Count("releases", filter=listed("releases"), distinct=True)
    )
    return [
        {
            "row": row,
            "release_count": row.release_count,
            "device_count": counts.get(row.name, 0),
            "address": base if row.name == settings.ASU_DEFAULT_DISTRIBUTION else f"{base}/{row.name}",
        }
        for row in rows
    ]


def _example(distributions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of a hosted distribution if there is one: that needs no network."""
    for entry in sorted(distributions, key=lambda entry: not entry["row"].is_hosted):
        if found := example_of(entry["row"]):
            return {"address": entry["address"], "profile": found[0], "packages": found[1]}
    return None


def _queue_state() -> dict[str, Any]:
    counts = dict(Build.objects.filter(state__in=OPEN).values_list("state").annotate(Count("id")).order_by())
    since = clock.now() - timedelta(days=1)
    return {
        "queued": counts.get(State.QUEUED, 0),
        "building": counts.get(State.BUILDING, 0),
        "workers": Worker.objects.able().count(),
        "done": Build.objects.filter(state=State.DONE, finished_at__gte=since).count(),
    }
