"""What whoever asked for an image may do about its build: cancel it, or have it tried once more."""

from builders import queue
from builders.states import State
from images import load
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.models import ImageRequest

_RESTS = frozenset({State.FAILED, State.EXPIRED, State.DROPPED})


def may_cancel(request: ImageRequest, asker: Client) -> bool:
    """Whether it is this client's alone and not over yet."""
    build = request.build
    is_open = build is not None and build.state in (State.QUEUED, State.BUILDING)
    return bool(is_open and build and asker.key and build.client == asker.key and not build.is_shared)


def may_retry(request: ImageRequest) -> bool:
    """Whether it rests without an image, and nobody has to look at it first."""
    return request.build is not None and request.build.state in _RESTS and not _is_withdrawn(request)


def cancel(request: ImageRequest, asker: Client) -> None:
    """The requester does not want it any more. RequestRefusedError: 403, 409 or 404."""
    build = request.build
    if build is None:
        raise RequestRefusedError(409, "This request is still being checked; there is no build to cancel yet.")
    if build.state not in (State.QUEUED, State.BUILDING):
        raise RequestRefusedError(409, f"There is nothing to cancel: the build is {build.state}.")
    if not asker.key or build.client != asker.key:
        raise RequestRefusedError(403, "Only who asked first for this image may cancel it.")
    if build.is_shared:
        raise RequestRefusedError(409, "Others asked for the same image and wait for it, so it is built all the same.")
    if not queue.cancel(build, "The build was cancelled by who asked for it. Ask again to have it built."):
        raise RequestRefusedError(409, "It is too late to cancel: the build has just ended, or others asked for it.")


def retry(request: ImageRequest, asker: Client) -> None:
    """A failed, expired or dropped build is tried once more at once, however long its failure would be the answer.

    Does nothing for one that waits, runs or is done. RequestRefusedError: 409 for a parked one, 429 or 503 under load.
    """
    build = request.build
    if build is None or _is_withdrawn(request):
        raise RequestRefusedError(409, "There is no build to try again.")
    if build.state == State.PARKED:
        raise RequestRefusedError(409, build.sentence)
    if build.state not in _RESTS:
        return
    if load.is_greedy(asker):
        raise load.too_many_requests()
    if refusal := load.refusal_at(build.distribution, build.target, build.arch, asker):
        raise refusal
    queue.retry(build, client=asker.key or "-")


def _is_withdrawn(request: ImageRequest) -> bool:
    image = request.published_image
    return image is not None and image.withdrawn_at is not None
