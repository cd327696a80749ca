"""The page of one image: how it came to be, or why it did not."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from images import addresses, clients, wishes
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from images.pages import ImagePage
from images.viewers import viewer_of_page


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


def _request_or_404(request: HttpRequest, request_hash: str) -> ImageRequest:
    row = get_object_or_404(ImageRequest.objects.with_outcome(), request_hash=request_hash)
    if not row.is_visible_to(viewer_of_page(request)):
        raise Http404
    return row
