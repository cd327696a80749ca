"""Whether one more build can be taken on: decided by how long it would wait, not by how many wait."""

from django.conf import settings

from builders import queue, waiting
from builders.labels import Place
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.fingerprint import Fingerprint
from images.models import ImageRequest

_MOST_RETRY = 1800  # seconds: whoever is refused may well come back earlier than the whole queue is done


def refusal(identity: Fingerprint, asker: Client) -> RequestRefusedError | None:
    """503 when a new build of this client would wait longer than ASU_MAX_WAIT_MINUTES."""
    return refusal_at(identity.distribution, identity.target, identity.arch, asker)


def refusal_at(distribution: str, target: str, arch: str, asker: Client) -> RequestRefusedError | None:
    """The same by where it would be built."""
    most = settings.ASU_MAX_WAIT_MINUTES * 60
    if not most:
        return None
    seconds = waiting.of_new(Place(distribution, target, arch), asker.key).seconds
    begins = f"a new build would begin in {minutes(seconds)}" if seconds is not None else ""
    if seconds is None:
        # Nobody is there to build it. Such requests wait for a worker to come, but not more than it could do in time.
        seconds = round(waiting.outlook().unserved_seconds)
        begins = f"no worker for {target} is there, and one would need {minutes(seconds)} for what waits already"
    if seconds <= most:
        return None
    retry = max(60, min(seconds - most, _MOST_RETRY))
    return RequestRefusedError(
        503,
        f"server overload: {begins}; this server takes on what begins within {minutes(most)}. Images that are built "
        f"already are still served. Please try again in {minutes(retry)}.",
        headers={"Retry-After": str(retry)},
    )


def is_greedy(asker: Client) -> bool:
    """Whether the client has had all builds that it may have for now."""
    most = settings.ASU_CLIENT_BUILDS_PER_HOUR
    if not most or asker.is_trusted:
        return False
    had = queue.builds_of([asker.key], seconds=3600).get(asker.key, 0)
    return had + ImageRequest.objects.preparing().filter(asker=asker.key).count() >= most


def too_many_requests() -> RequestRefusedError:
    """429 for a client that asks for more builds than it may have."""
    return RequestRefusedError(
        429,
        f"Too many requests: this client has asked for {settings.ASU_CLIENT_BUILDS_PER_HOUR} new images within an "
        "hour, which is the limit. Images that are built already are still served. Please try again later.",
        headers={"Retry-After": "600"},
    )


def minutes(seconds: float) -> str:
    """In words."""
    if seconds < 90:
        return f"{round(seconds)} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"
