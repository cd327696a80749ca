"""The list of all images."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from builders.states import State
from images.listing import shown_requests
from images.pages import ImagePage
from images.viewers import viewer_of_page

PER_PAGE = 25


@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    """All images, newest first, found by words in device, target, version, distribution or the start of the hash."""
    words = request.GET.get("q", "")[:200].replace("\0", "").split()[:8]
    rows = shown_requests(viewer_of_page(request))
    state = "failed" if request.GET.get("state") == "failed" else ""
    if state:
        rows = rows.filter(build__state__in=(State.FAILED, State.PARKED))
    for word in words:
        rows = rows.filter(
            Q(profile__icontains=word)
            | Q(target__icontains=word)
            | Q(version__istartswith=word)
            | Q(distribution=word.lower())
            | Q(request_hash__startswith=word.lower())
        )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "pages": [ImagePage(row) for row in page], "q": " ".join(words), "state": state}
    return render(request, "images/image_list.html", context)
