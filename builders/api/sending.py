"""An open file as an answer, in whole or the part that is asked for."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from packages.ranges import UnsatisfiableError, parse_range

_PIECE = 256 * 1024


def send(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    """Its bytes; the file is closed at the end."""
    size = os.fstat(file.fileno()).st_size
    try:
        part = parse_range(request.headers.get("Range", ""), size)
    except UnsatisfiableError:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Content-Length": str(part.stop - part.start), "Accept-Ranges": "bytes"}
    if not part.is_whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{part.size}"
    status = 200 if part.is_whole else 206
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers, content_type="application/octet-stream")
    body = _pieces(file, part.start, part.stop - part.start)
    return StreamingHttpResponse(body, status=status, headers=headers, content_type="application/octet-stream")


def _pieces(file: BinaryIO, start: int, left: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while left and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
