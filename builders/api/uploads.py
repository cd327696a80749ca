"""PUT and GET uploads/<build>/<epoch>/<number>: one file at a time, in pieces."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from builders import queue
from builders.api import calls
from builders.api.building import is_leased, offset_in
from builders.models import Worker
from builders.receiving import Declared, Inbox
from builders.transports.base import LeaseLostError


@calls.for_worker("PUT", "GET")
def upload(request: HttpRequest, worker: Worker, build: int, epoch: int, number: int) -> HttpResponseBase:
    """PUT `?name=&size=&sha256=&offset=` with the bytes from there on; GET tells where to go on after a cut.

    The declaration comes with each piece and has to stay the same. Both answer `offset` and whether it is `complete`:
    its sum was right then. The same piece again changes nothing once the file is complete, or the build published.
    """
    inbox = Inbox(build, epoch)
    if not is_leased(worker, build, epoch):
        if request.method == "GET" or not queue.was_finished(build, epoch, worker):
            raise LeaseLostError(build)
        # It is published; whoever sends a piece again has not heard of that.
        offset, complete = _declared(request).size, True
    elif request.method == "GET":
        offset, complete = inbox.offset(number)
    else:
        offset, complete = inbox.put(number, _declared(request), offset_in(request), request.read())
    return calls.answer(offset=offset, complete=complete)


def _declared(request: HttpRequest) -> Declared:
    size = request.GET.get("size", "")
    if not (size.isascii() and size.isdecimal() and len(size) < 16):
        raise calls.RefusedCallError(400, "bad_request", "size: send the number of bytes.")
    return Declared(request.GET.get("name", ""), int(size), request.GET.get("sha256", ""))
