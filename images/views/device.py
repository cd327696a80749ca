"""The page of one device."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from images import addresses
from images.device_page import DevicePage
from images.viewers import viewer_of_page
from images.views.devices import plain_text
from packages import device_index, device_search
from packages.boards import plain
from packages.device_index import Section

_SUGGESTED = 5


@require_safe
def device(request: HttpRequest, distribution: str, target: str, subtarget: str, profile: str) -> HttpResponse:
    """All about it, and what to do next."""
    viewer = viewer_of_page(request)
    sections = device_index.sections(viewer)
    section = next((each for each in sections if each.name == distribution), None)
    found = section.shelf.by_key.get((f"{target}/{subtarget}", profile)) if section else None
    if section is None or found is None:
        return _not_found(request, sections, profile)
    page = DevicePage(section, found, sections, viewer)
    if request.method == "GET":
        page.look()
    return render(
        request,
        "images/device.html",
        {"page": page, "device": found, "section": section, "base": addresses.base(request)},
    )


def _not_found(request: HttpRequest, sections: list[Section], profile: str) -> HttpResponse:
    """It may be called otherwise, or live elsewhere by now: its name is searched for."""
    text = plain_text(plain(profile).replace("_", " "))
    context: dict[str, Any] = {"q": text, "found": device_search.search(text, sections, 0, _SUGGESTED)}
    return render(request, "images/no_device.html", context, status=404)
