"""Pages for people, and the store. They work without JavaScript."""

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from builders.models import Build, Worker
from builders.states import OPEN, State
from images import addresses, clients, downloads, retention, wishes
from images.api import answers
from images.example import example_of
from images.exceptions import RequestRefusedError
from images.models import ImageFile, ImageRequest
from images.pages import ImagePage
from packages import network_profiles
from packages.models import Distribution
from packages.visibility import MAINTAINER, Viewer, viewer_of

PER_PAGE = 25


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and how to use it."""
    viewer = _viewer(request)
    distributions = _distributions(addresses.base(request), viewer)
    context = {
        "distributions": distributions,
        "example": _example(distributions),
        "latest": [ImagePage(row) for row in _requests(viewer)[:8]],
        "queue": _queue_state(),
        "contact": settings.ASU_CONTACT,
    }
    return render(request, "images/home.html", context)


@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    """All images, newest first, found by words in device, target, version, distribution or the start of the hash."""
    words = request.GET.get("q", "")[:200].replace("\0", "").split()[:8]
    rows = _requests(_viewer(request))
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


@require_safe
def image_detail(request: HttpRequest, request_hash: str) -> HttpResponse:
    """How an image came to be, or why it did not."""
    return _detail(request, request_hash)


def _detail(request: HttpRequest, request_hash: str, refusal: str = "", status: int = 200) -> HttpResponse:
    row = _request_or_404(request, request_hash)
    if row.resolved_to is not None:
        return redirect("images:detail", row.resolved_to.request_hash)
    asker = clients.of(request.META)
    context = {
        "page": ImagePage(row),
        "base": addresses.base(request),
        "may_cancel": wishes.may_cancel(row, asker),
        "may_retry": wishes.may_retry(row),
        "refusal": refusal,
    }
    return render(request, "images/image_detail.html", context, status=status)


_ACTS = {"cancel": wishes.cancel, "retry": wishes.retry}


@require_POST
def image_act(request: HttpRequest, request_hash: str, act: str) -> HttpResponse:
    """A button of that page: `cancel` or `retry`."""
    if act not in _ACTS:
        raise Http404
    row = _request_or_404(request, request_hash)
    try:
        _ACTS[act](row, clients.of(request.META))
    except RequestRefusedError as refused:
        return _detail(request, request_hash, refused.detail, refused.status)
    return redirect("images:detail", request_hash)


@require_safe
def network_profile_list(request: HttpRequest) -> HttpResponse:
    """The network profiles that a request may name, for people; for programs: /api/v1/network-profiles."""
    offers = network_profiles.offered(viewer=_viewer(request))
    return render(request, "images/network_profiles.html", {"offers": offers})


@require_safe
def store(request: HttpRequest, request_hash: str, name: str, distribution: str = "") -> HttpResponseBase:
    """A file of an image. Only what a row names is served, so no path is ever made from an address."""
    file = (
        ImageFile.objects.select_related("image__request")
        .filter(image__request__request_hash=request_hash, name=name)
        .first()
    )
    if file is None or not _is_there(file, distribution, _viewer(request)):
        return _error(404, "There is no such file.")
    if gone := downloads.why_not(file.image):
        return _error(410, gone)
    try:
        return downloads.send(request, file)
    except FileNotFoundError:
        retention.expire_broken(file.image)
        return _error(410, "The file is gone. Ask for the image again to have it built again.")


def _is_there(file: ImageFile, distribution: str, viewer: Viewer) -> bool:
    found = file.image.request
    return found.is_visible_to(viewer) and distribution in ("", found.distribution)


def _viewer(request: HttpRequest) -> Viewer:
    """What whoever looks may see: by a token; and all of it, for maintainers signed in to the admin."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        user = request.user
        if user.is_active and user.is_staff and user.has_perm("images.view_imagerequest"):
            return MAINTAINER
    return viewer_of(request.META)


def _request_or_404(request: HttpRequest, request_hash: str) -> ImageRequest:
    row = get_object_or_404(ImageRequest.objects.with_outcome(), request_hash=request_hash)
    if not row.is_visible_to(_viewer(request)):
        raise Http404
    return row


def _error(status: int, detail: str) -> HttpResponse:
    return HttpResponse(answers.error(status, detail).content(), status=status, content_type="application/json")


def _requests(viewer: Viewer) -> Any:
    """Requests with a page worth showing in a list, newest first; without what is long and not shown there."""
    return (
        ImageRequest.objects.visible_to(viewer)
        .select_related("build", "image")
        .filter(build__isnull=False)
        .defer("canonical", "build__stdout", "build__stderr", "build__canonical", "build__spec")
        .order_by("-id")
    )


def _distributions(base: str, viewer: Viewer) -> list[dict[str, Any]]:
    rows: Any = Distribution.objects.visible_to(viewer).annotate(
        release_count=Count("releases", filter=Q(releases__is_enabled=True))
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
