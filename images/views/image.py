"""The page of one image: how it comes to be, how it came to be, or why it did not."""

import io

import segno
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from images import addresses, clients, listing, other_releases, publishing, watching, wishes
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from images.pages import ImagePage, uses
from images.pages.remedies import Remedies
from images.viewers import viewer_of_page

_COMPARED = 5  # others of the same device


@require_safe
def image_detail(request: HttpRequest, request_hash: str) -> HttpResponse:
    """How an image came to be, or why it did not."""
    return _detail(request, request_hash)


def _detail(request: HttpRequest, request_hash: str, refusal: str = "", status: int = 200) -> HttpResponse:
    row = _request_or_404(request, request_hash)
    if row.resolved_to is not None:
        return redirect("images:detail", row.resolved_to.request_hash)
    asker = clients.of(request.META)
    page = ImagePage(row)
    context = {
        "page": page,
        "title": watching.title(page),
        "base": addresses.base(request),
        "may_cancel": wishes.may_cancel(row, asker),
        "may_retry": wishes.may_retry(row),
        "refusal": refusal,
        "poll_seconds": watching.POLL_SECONDS,
        "device": addresses.device(row.distribution, row.target, row.profile),
        **(_ready(request, page) if page.image is not None and page.image.is_served else {}),
        **(_to_compare(request, page) if page.image is not None else {}),
        "sought": request.GET.get("package", "")[:100].strip().lower(),
    }
    if page.state in ("failed", "parked", "refused"):
        context["remedies"] = Remedies(row)
    return render(request, "images/image_detail.html", context, status=status)


def _ready(request: HttpRequest, page: ImagePage) -> dict[str, object]:
    """What to do with the files."""
    base = addresses.base(request)
    key = f"{base}/api/v1/signing-key" if publishing.signing_key() is not None else ""
    upgrade = page.sorted_files.upgrade
    folder = f"{base}/store/{page.request.request_hash}"
    own = base + reverse("images:detail", args=[page.request.request_hash])
    return {
        "commands": uses.commands(upgrade, folder, key, is_private=page.request.is_private) if upgrade else None,
        "own_address": own,
        "qr_code": _qr_code(own),
    }


def _qr_code(text: str) -> SafeString:
    """Black on white in any theme, as cameras want it; without size and style, which the style sheet has."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=3, svgclass="qr-code", lineclass=None
    )
    return mark_safe(out.getvalue().decode("ascii").strip())


def _to_compare(request: HttpRequest, page: ImagePage) -> dict[str, object]:
    """What the image may be compared with: others of the same device, and releases that have it."""
    rows = listing.of_device(page.request, viewer_of_page(request))[:_COMPARED]
    return {
        "other_images": [ImagePage(row) for row in rows],
        "other_releases": other_releases.of_device(page.request)[:_COMPARED],
    }


# -- while it is being made ----------------------------------------------------------------------------------


@require_safe
def image_live(request: HttpRequest, request_hash: str) -> HttpResponse:
    """What the page of a pending image shows anew, for those whose browser has no stream."""
    found = watching.look(_request_or_404(request, request_hash).request_hash)
    return HttpResponse(found.body, content_type="application/json", headers={"Cache-Control": "no-store"})


@require_safe
def image_events(request: HttpRequest, request_hash: str) -> HttpResponseBase:
    """The same as server-sent events. 204 tells a browser not to come back: there is no place for it, it has to ask."""
    row = _request_or_404(request, request_hash)
    if request.method == "HEAD":
        return HttpResponse(content_type="text/event-stream")
    stream = watching.opened(row.request_hash, clients.of(request.META))
    if stream is None:
        return HttpResponse(status=204)
    # Not kept, and not gathered by nginx until there is more of it.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(stream, content_type="text/event-stream", headers=headers)


# -- buttons -------------------------------------------------------------------------------------------------

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


def _request_or_404(request: HttpRequest, request_hash: str) -> ImageRequest:
    row = get_object_or_404(ImageRequest.objects.with_outcome(), request_hash=request_hash)
    if not row.is_visible_to(viewer_of_page(request)):
        raise Http404
    return row
