"""Whether one more build can be taken on: decided by how long it would wait, not by how many wait."""

from django.conf import settings

from builders import queue, waiting
from builders.labels import Place
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.fingerprint import Fingerprint

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
    if seconds is None or seconds <= most:
        return None
    retry = max(60, min(seconds - most, _MOST_RETRY))
    return RequestRefusedError(
        503,
        f"server overload: a new build would begin in {minutes(seconds)}; this server takes on what begins within "
        f"{minutes(most)}. Images that are built already are still served. Please try again in {minutes(retry)}.",
        headers={"Retry-After": str(retry)},
    )


def is_greedy(asker: Client) -> bool:
    """Whether the client has had all builds that it may have for now."""
    most = settings.ASU_CLIENT_BUILDS_PER_HOUR
    return bool(most) and not asker.is_trusted and queue.builds_of([asker.key], seconds=3600).get(asker.key, 0) >= most


def too_many_requests() -> RequestRefusedError:
    """429 for a client that asks for more builds than it may have."""
    return RequestRefusedError(
        429,
        f"Too many requests: this address has asked for {settings.ASU_CLIENT_BUILDS_PER_HOUR} new images within an "
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
