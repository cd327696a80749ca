"""The list of all images."""

import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from images import listing
from images.pages.named import named_pages
from images.viewers import viewer_of_page
from packages import device_index

PER_PAGE = 25
_NUMBER = re.compile(r"[0-9]{1,18}")

_TABS: dict[str, Promise] = {
    "": gettext_lazy("All"),
    "ready": gettext_lazy("Ready"),
    "waiting": gettext_lazy("Waiting or being built"),
    "failed": gettext_lazy("Failed"),
}


@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    """All images, newest first, found by words in device, target, version, distribution or the start of the hash."""
    words = _words(request.GET.get("q", ""))
    state = request.GET.get("state", "")
    state = state if state in listing.STATES else ""
    before = request.GET.get("before", "")
    viewer = viewer_of_page(request)
    part = listing.part(
        viewer,
        words,
        state,
        before=int(before) if _NUMBER.fullmatch(before) else None,
        most=PER_PAGE,
    )
    q = " ".join(words)
    context = {
        "part": part,
        "pages": named_pages(part.rows, device_index.sections(viewer)),
        "q": q,
        "state": state,
        "tabs": [(words, _address(q, name), name == state) for name, words in _TABS.items()],
        "first": _address(q, state),
        "further": _address(q, state, part.further) if part.further else "",
    }
    return render(request, "images/image_list.html", context)


def _words(text: str) -> list[str]:
    """At most eight, of characters that any database takes."""
    plain = text[:200].replace("\0", "").encode("utf-8", "ignore").decode()
    return plain.split()[:8]


def _address(q: str, state: str, before: int | None = None) -> str:
    values = {"q": q, "state": state, "before": before or ""}
    return "?" + urlencode({name: value for name, value in values.items() if value})
