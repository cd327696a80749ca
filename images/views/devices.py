"""Finding a device: a page, and the same list alone for a page that searches while somebody types."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_safe

from images.viewers import viewer_of_page
from packages import device_index, device_search

PER_PAGE, PER_PART = 25, 8
_MOST_PAGES = 10_000


@require_safe
def devices(request: HttpRequest) -> HttpResponse:
    """`?q=&distribution=&page=`. `part=list` or `part=short` gives the hits alone: all of a page, or a few."""
    part = request.GET.get("part", "")
    context = listing(request, PER_PART if part == "short" else PER_PAGE)
    return render(request, "images/_devices.html" if part in ("list", "short") else "images/devices.html", context)


def listing(request: HttpRequest, most: int) -> dict[str, Any]:
    """What the list is made of."""
    sections = device_index.sections(viewer_of_page(request))
    text = plain_text(request.GET.get("q", ""))
    chosen = next((each for each in sections if each.name == request.GET.get("distribution", "")), None)
    searched = [chosen] if chosen else sections
    number = _page_number(request.GET.get("page", ""))
    found = device_search.search(text, searched, (number - 1) * most, most)
    last = max(1, -(-found.total // most))
    if number > last:
        number = last
        found = device_search.search(text, searched, (number - 1) * most, most)
    return {
        "q": text,
        "sections": sections,
        "chosen": chosen,
        "found": found,
        "status": status(found),
        "number": number,
        "last": last,
        "is_short": most == PER_PART,
    }


def plain_text(text: str) -> str:
    """What was typed without what cannot be seen."""
    seen = "".join(char if char.isprintable() else " " for char in text[: device_search.MAX_TEXT])
    return " ".join(seen.split())


def status(found: device_search.Found) -> str:
    """How many there are, in words."""
    if not found.total:
        return gettext("No device found")
    return ngettext("%(count)s device", "%(count)s devices", found.total) % {"count": found.total}


def _page_number(text: str) -> int:
    return min(max(int(text), 1), _MOST_PAGES) if text.isascii() and text.isdigit() and len(text) < 9 else 1
