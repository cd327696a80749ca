"""What states, phases and outcomes mean, in the words of maintainers."""

from builders.models import Worker
from builders.queue.moves import CRASHED, GIVEN_BACK, LOST, NOT_TAKEN
from builders.states import Phase, Reason, State

STATES = {
    State.QUEUED: "waits for a worker",
    State.BUILDING: "a worker builds it",
    State.DONE: "the image was built",
    State.FAILED: "no image came of it; the reason says why",
    State.EXPIRED: "it was built, and the files were removed since; asked for again it is built anew",
    State.DROPPED: "nobody asked for it any more while it waited; asked for again it waits anew",
    State.PARKED: "it took down two workers and was put aside; only a maintainer can start it again",
}
PHASES = {
    "": "",
    Phase.INIT: "begins",
    Phase.DOWNLOAD_IMAGEBUILDER: "downloads the ImageBuilder",
    Phase.UNPACK_IMAGEBUILDER: "unpacks the ImageBuilder",
    Phase.CALCULATE_PACKAGES_HASH: "resolves the packages",
    Phase.BUILDING_IMAGE: "builds the image",
}
STANDINGS = {
    Worker.Standing.PENDING: "waits for approval",
    Worker.Standing.APPROVED: "approved",
    Worker.Standing.SUSPENDED: "suspended",
    Worker.Standing.REVOKED: "revoked",
}
# How a badge looks: `good`, `busy`, `wait`, `bad` or `quiet` in static/admin-farm.css.
LOOKS: dict[str, str] = {
    State.QUEUED: "wait",
    State.BUILDING: "busy",
    State.DONE: "good",
    State.FAILED: "bad",
    State.EXPIRED: "quiet",
    State.DROPPED: "quiet",
    State.PARKED: "bad",
    Worker.Standing.PENDING: "wait",
    Worker.Standing.APPROVED: "good",
    Worker.Standing.SUSPENDED: "bad",
    Worker.Standing.REVOKED: "quiet",
}
_OUTCOMES = {
    "": "under way",
    State.DONE.value: "done",
    LOST: "lost: the worker fell silent",
    CRASHED: "crashed: the worker came back anew",
    GIVEN_BACK: "given back",
    NOT_TAKEN: "not taken: the server had no room",
}


def outcome(word: str) -> str:
    """How an attempt ended."""
    if word in Reason.values():
        return Reason(word).label
    return _OUTCOMES.get(word, word)


def look_of_outcome(word: str) -> str:
    """`bad` for what says something against the worker."""
    if word in ("", State.DONE):
        return "busy" if not word else "good"
    is_innocent = word in (GIVEN_BACK, NOT_TAKEN, Reason.CANCELLED) or (
        word in Reason.values() and Reason(word).is_users
    )
    return "quiet" if is_innocent else "bad"
