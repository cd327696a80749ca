"""The front page."""

from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from builders.models import Build, Worker
from builders.states import OPEN, State
from images import addresses
from images.example import example_of
from images.listing import shown_requests
from images.pages import ImagePage
from images.viewers import viewer_of_page
from packages.models import Distribution
from packages.querysets import listed
from packages.visibility import Viewer


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and how to use it."""
    viewer = viewer_of_page(request)
    distributions = _distributions(addresses.base(request), viewer)
    context = {
        "distributions": distributions,
        "example": _example(distributions),
        "latest": [ImagePage(row) for row in shown_requests(viewer)[:8]],
        "queue": _queue_state(),
        "contact": settings.ASU_CONTACT,
    }
    return render(request, "images/home.html", context)


def _distributions(base: str, viewer: Viewer) -> list[dict[str, Any]]:
    rows: Any = Distribution.objects.visible_to(viewer).annotate(
        release_count=Count("releases", filter=listed("releases"))
    )
    return [
        {
            "row": row,
            "release_count": row.release_count,
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
    return {
        "queued": counts.get(State.QUEUED, 0),
        "building": counts.get(State.BUILDING, 0),
        "workers": Worker.objects.able().count(),
        "done": Build.objects.filter(state=State.DONE).count(),
    }
