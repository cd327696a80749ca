"""The files of images."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from images import downloads, retention
from images.api import answers
from images.models import ImageFile
from images.viewers import viewer_of_page
from packages.visibility import Viewer


@require_safe
def store(request: HttpRequest, request_hash: str, name: str, distribution: str = "") -> HttpResponseBase:
    """A file of an image. Only what a row names is served, so no path is ever made from an address."""
    file = (
        ImageFile.objects.select_related("image__request")
        .filter(image__request__request_hash=request_hash, name=name)
        .first()
    )
    if file is None or not _is_there(file, distribution, viewer_of_page(request)):
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


def _error(status: int, detail: str) -> HttpResponse:
    return HttpResponse(answers.error(status, detail).content(), status=status, content_type="application/json")
