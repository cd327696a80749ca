"""Rows of builds as endings to be counted: the same when a build ends and when old ones are counted again."""

from builders.models import Build
from builders.states import State
from images.models import ImageRequest
from stats.reasons import UNKNOWN
from stats.tallies import Ending, asked_packages, organisation_of

GAVE_AN_IMAGE = (State.DONE, State.EXPIRED)
FAILED = (State.FAILED, State.PARKED)


def of(build: Build) -> Ending | None:
    """Of a build that ended with an image or a failure; None for one that did neither."""
    if build.finished_at is None or build.state not in (*GAVE_AN_IMAGE, *FAILED):
        return None
    if build.state in FAILED:
        return Ending(
            build.finished_at,
            build.distribution or build.spec["distribution"],
            organisation_of(build.spec),
            reason=build.reason or UNKNOWN,
        )
    return Ending(
        build.finished_at,
        build.distribution or build.spec["distribution"],
        organisation_of(build.spec),
        version=build.spec["version"],
        target=build.spec["target"],
        profile=build.spec["profile"],
        packages=asked_packages(build.spec),
        client=client_of(build),
        waited=_between(build, "queued_at", "started_at"),
        took=_between(build, "started_at", "finished_at"),
    )


def client_of(build: Build) -> str:
    """What asked for it first calls itself; "" when nobody asked."""
    try:
        return build.request.client
    except ImageRequest.DoesNotExist:
        return ""


def _between(build: Build, first: str, second: str) -> float | None:
    start, end = getattr(build, first), getattr(build, second)
    return max(0.0, (end - start).total_seconds()) if start and end else None
