"""Upstream documents of distributions that we host: files out of their file:// folder, read only."""

import os
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, quote_etag

from packages.models import Distribution
from packages.upstream.folders import folder_of
from packages.visibility import Viewer, viewer_of

# Documents whose names begin with a dot; no other hidden file is served.
DOTTED = frozenset({".versions.json", ".targets.json", ".overview.json"})
TEXTS = frozenset({"sha256sums", "sha256sums.sig", "sha256sums.asc", "Packages", "Packages.sig", "Packages.manifest"})
TEXT_SUFFIXES = (".buildinfo", ".manifest", ".txt", ".sig", ".asc", ".pub", ".pem")


def document(request: HttpRequest, path: str, distribution: str = "") -> HttpResponseBase:
    """A file of the hosted distribution's mirror, e.g. `/demo/releases/1.0/targets/a/b/profiles.json`."""
    file = _open(distribution or settings.ASU_DEFAULT_DISTRIBUTION, path, viewer_of(request.META))
    if file is None:
        raise Http404  # made readable for whoever asked, as all errors are
    stat = os.fstat(file.fileno())
    etag = quote_etag(f"{stat.st_mtime_ns:x}-{stat.st_size:x}")
    fresh = get_conditional_response(request, etag, int(stat.st_mtime))
    # get_conditional_response answers None when the whole file is wanted.
    response: HttpResponseBase
    if isinstance(fresh, HttpResponse):
        file.close()
        response = fresh
    else:
        response = FileResponse(file, content_type=content_type(path))
        response["Content-Length"] = str(stat.st_size)
    response["ETag"] = etag
    response["Last-Modified"] = http_date(stat.st_mtime)
    response["Cache-Control"] = "no-cache"
    return response


def content_type(path: str) -> str:
    """By the name: JSON and texts to look at, everything else to download as it is."""
    name = path.rsplit("/", 1)[-1]
    if name.endswith(".json"):
        return "application/json"
    if name in TEXTS or name.endswith(TEXT_SUFFIXES):
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


def _open(distribution: str, path: str, viewer: Viewer) -> BinaryIO | None:
    row = Distribution.objects.visible_to(viewer).filter(name=distribution, is_hosted=True).first()
    return None if row is None else open_in(row.url, path)


def open_in(url: str, path: str) -> BinaryIO | None:
    """A file below a file:// address; None for what is not there, or not within."""
    if not url.startswith("file://") or not is_safe(path):
        return None
    root = folder_of(url).resolve()
    file = Path(os.path.realpath(root / path))
    # Links may lead to other places of the mirror, not out of it.
    if not file.is_relative_to(root) or not file.is_file():
        return None
    try:
        return file.open("rb")
    except OSError:
        return None


def is_safe(path: str) -> bool:
    """No way up, nothing hidden but the known documents, no odd characters."""
    if "\\" in path or any(ord(char) < 32 or ord(char) > 126 for char in path):
        return False
    return all(segment and (not segment.startswith(".") or segment in DOTTED) for segment in path.split("/"))
