"""The addresses of `folders`, served."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from images import addresses, client_kinds, downloads, retention
from images.api.classic import calls, folders
from images.api.classic.folders import Found
from images.models import Image
from packages.visibility import viewer_of

_TEXT = "text/plain; charset=utf-8"


class _GoneError(Exception):
    """The image is served no longer; the sentence says why."""


@require_safe
def download(request: HttpRequest, request_hash: str, name: str, distribution: str = "") -> HttpResponseBase:
    """Counts a download of an image, and leads to the file."""
    try:
        _, found = _look(request, request_hash, name, distribution)
    except _GoneError as gone:
        return _gone(gone)
    if request.method == "GET" and found.file is not None and found.file.type:
        downloads.count(found.file, client_kinds.kind_of(request.META))
    # Absolute: the clients' library of 2017 follows no other.
    return HttpResponseRedirect(folders.static(addresses.base(request), request_hash, name))


@require_safe
def static(request: HttpRequest, request_hash: str, name: str, distribution: str = "") -> HttpResponseBase:
    """The file to which a download leads."""
    return _file(request, request_hash, name, distribution, counts=False)


@require_safe
def listed_file(request: HttpRequest, request_hash: str, name: str, distribution: str = "") -> HttpResponseBase:
    """A file by the address of the list; that is a download too."""
    return _file(request, request_hash, name, distribution, counts=True)


@require_safe
def listing(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponseBase:
    """The files of an image, as web servers list a folder in JSON."""
    image = _image(request, request_hash, distribution)
    if gone := downloads.why_not(image):
        return _gone(_GoneError(gone))
    modified = http_date(image.published_at.timestamp())
    entries = [
        {"name": file.name, "type": "file", "mtime": modified, "size": file.size} for file in folders.listed(image)
    ]
    return JsonResponse(entries, safe=False)


@require_safe
def fail_log(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponseBase:
    """What a build that failed said, as text."""
    pieces = [piece for piece in folders.failure_of(request_hash, distribution, viewer_of(request.META)) if piece]
    if not pieces:
        raise Http404
    return _as_data(HttpResponse("\n\n".join(pieces).encode("utf-8", "replace"), content_type=_TEXT))


def _file(request: HttpRequest, request_hash: str, name: str, distribution: str, *, counts: bool) -> HttpResponseBase:
    try:
        image, found = _look(request, request_hash, name, distribution)
    except _GoneError as gone:
        return _gone(gone)
    if found.file is None:
        return _as_data(HttpResponse(found.text, content_type=_TEXT))
    try:
        content_type = _TEXT if found.is_log else ""
        return _as_data(downloads.send(request, found.file, counts=counts, content_type=content_type))
    except FileNotFoundError:
        retention.expire_broken(image)
        return _gone(_GoneError("The file is gone. Ask for the image again to have it built again."))


def _look(request: HttpRequest, request_hash: str, name: str, distribution: str) -> tuple[Image, Found]:
    image = _image(request, request_hash, distribution)
    found = folders.find(image, name)
    if found is None:
        raise Http404
    if gone := downloads.why_not(image):
        raise _GoneError(gone)
    return image, found


def _image(request: HttpRequest, request_hash: str, distribution: str) -> Image:
    image = folders.image_of(request_hash, distribution, viewer_of(request.META))
    if image is None:
        raise Http404
    return image


def _gone(gone: _GoneError) -> HttpResponse:
    return calls.respond(calls.error(410, str(gone)))


def _as_data(response: HttpResponseBase) -> HttpResponseBase:
    """A log may hold anything: it is shown, never run, whatever it looks like."""
    response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response
