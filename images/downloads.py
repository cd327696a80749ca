"""Sends the files of the store, whole or in part, and counts each download that came to its end, once."""

from collections.abc import Iterator
from typing import BinaryIO

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe

from images import client_kinds, retention, storage, tallies
from images.models import Image, ImageFile
from images.signals import image_downloaded
from packages.ranges import Part, UnsatisfiableError, parse_range

_PIECE = 256 * 1024


def why_not(image: Image) -> str:
    """Why the files of an image are not served; "" when they are. Notes that somebody uses it."""
    # Before the looks below: should it expire at this moment, they see it.
    retention.note_use(image)
    if image.withdrawn_at is not None:
        return f"This image was withdrawn. {image.withdrawn_why}".strip()
    if image.expired_at is not None:
        return "This image was removed after a time without use. Ask for it again to have it built again."
    return ""


def send(request: HttpRequest, file: ImageFile, *, counts: bool = True, content_type: str = "") -> HttpResponseBase:
    """The answer with a file, or the part of it that was asked for. FileNotFoundError: it is gone, or not whole.

    `counts`: a download that comes to its end is counted. `content_type`: of a text to look at, not to keep.
    """
    etag = f'"{file.sha256}"'
    modified = int(file.image.published_at.timestamp())
    unchanged = get_conditional_response(request, etag=etag, last_modified=modified)
    if unchanged is not None and unchanged.status_code == 304:
        return _with_headers(unchanged, file, etag, modified)
    try:
        part = parse_range(_range_header(request, etag, modified), file.size)
    except UnsatisfiableError:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size}"})
    response = _body(request, file, part, counts=counts)
    _with_headers(response, file, etag, modified)
    if content_type:
        response["Content-Type"] = content_type
        del response["Content-Disposition"]
    return response


def _range_header(request: HttpRequest, etag: str, modified: int) -> str:
    """The range asked for, unless it is meant for another version of the file (`If-Range`)."""
    condition = request.headers.get("If-Range")
    if condition and condition != etag and parse_http_date_safe(condition) != modified:
        return ""
    return request.headers.get("Range", "")


def _body(request: HttpRequest, file: ImageFile, part: Part, *, counts: bool) -> HttpResponseBase:
    is_head = request.method == "HEAD"
    request_hash = file.image.request.request_hash
    if not storage.holds(request_hash, [(file.name, file.size)]):
        raise FileNotFoundError(file.name)
    if settings.ASU_X_ACCEL_PREFIX:
        # The web server in front sends the bytes and looks at the range itself; how it ends we never hear.
        if counts and part.is_last and not is_head:
            count(file, client_kinds.kind_of(request.META))
        prefix = settings.ASU_X_ACCEL_PREFIX.rstrip("/")
        return HttpResponse(headers={"X-Accel-Redirect": f"{prefix}/{request_hash}/{file.name}"})
    headers = {"Content-Length": str(part.stop - part.start)}
    if not part.is_whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{part.size}"
    status = 200 if part.is_whole else 206
    if is_head:
        return HttpResponse(status=status, headers=headers)
    stream = (storage.folder(request_hash) / file.name).open("rb")
    sending = Sending(stream, part, file, counts=counts, kind=client_kinds.kind_of(request.META))
    return StreamingHttpResponse(sending, status=status, headers=headers)


def _with_headers(response: HttpResponseBase, file: ImageFile, etag: str, modified: int) -> HttpResponseBase:
    if response.status_code != 304:
        response["Content-Type"] = "application/octet-stream"
        response["Accept-Ranges"] = "bytes"
        response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    response["ETag"] = etag
    response["Last-Modified"] = http_date(modified)
    # Revalidated after a minute: a withdrawn image must not live on in caches. A private one is for no cache of others.
    is_private = file.image.request.is_private
    keep = "private, no-cache" if is_private else "public, max-age=60, must-revalidate"
    response["Cache-Control"] = f"{keep}, no-transform"
    return response


class Sending(Iterator[bytes]):
    """The pieces of a part. Counts when the web server asks for more after the last one: then all of it went out."""

    def __init__(
        self, stream: BinaryIO, part: Part, file: ImageFile, *, counts: bool = True, kind: str = client_kinds.OTHER
    ) -> None:
        self._stream = stream
        self._left = part.stop - part.start
        self._counts = counts and part.is_last
        self._file, self._kind = file, kind
        stream.seek(part.start)

    def __next__(self) -> bytes:
        piece = self._stream.read(min(_PIECE, self._left))
        if piece:
            self._left -= len(piece)
            return piece
        self.close()
        if self._counts and not self._left:
            self._counts = False
            count(self._file, self._kind)
        raise StopIteration

    def close(self) -> None:
        """Called at the end, also when the client went away."""
        self._stream.close()


def count(file: ImageFile, kind: str) -> None:
    """One more complete download, by a client of this kind (`images.client_kinds`)."""
    ImageFile.objects.filter(pk=file.pk).update(downloads=F("downloads") + 1)
    tallies.add(file.image_id, kind)
    image_downloaded.send(ImageFile, file=file, kind=kind)
