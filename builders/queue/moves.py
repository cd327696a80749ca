"""The arrows between the states, each under a lock or a condition that the caller brings."""

from typing import Any

from django.db.models import Case, Count, When
from django.db.models.functions import Now

from builders.failures import cancelled
from builders.models import Attempt, Build
from builders.signals import build_failed
from builders.spec import BuildFailedError, BuildResult
from builders.states import Reason, State

# How an attempt can end, besides "done" and the reasons for a failure.
LOST = "lost"  # its worker was silent for too long
CRASHED = "crashed"  # its worker came back as one that knows nothing of it
GIVEN_BACK = "given back"
NOT_TAKEN = "not taken"  # the server had no room for its image

_HOW_MANY_CRASH = 2  # different workers that a build may take down before it is put aside

# What a build forgets when it starts anew.
BLANK: dict[str, Any] = {
    "phase": "",
    "progress": None,
    "worker": None,
    "lease_until": None,
    "cancel_requested": False,
    "started_at": None,
    "finished_at": None,
    "reason": "",
    "sentence": "",
    "stdout": "",
    "stderr": "",
    "build_cmd": [],
    "seconds": None,
}


def set_waiting(build: Build, **changes: Any) -> None:
    """Goes first (turn 0), and keeps `epoch`, so that the former lease is stale with the next one.

    Who asked while it was under way was not noted, so whoever waits has the whole time to ask again.
    """
    asked = Case(When(polled_at__isnull=False, then=Now()))
    Build.objects.filter(pk=build.pk).update(**BLANK, state=State.QUEUED, turn=0, polled_at=asked, **changes)


def set_done(build: Build, result: BuildResult) -> None:
    """BUILDING -> DONE."""
    Build.objects.filter(pk=build.pk).update(
        state=State.DONE,
        phase="",
        progress=None,
        lease_until=None,
        finished_at=Now(),
        stdout=storable(result.stdout),
        stderr=storable(result.stderr),
        build_cmd=[storable(word) for word in result.build_cmd],
        seconds=result.seconds,
    )
    end_attempt(build, State.DONE.value)
    build.refresh_from_db()


def set_failed(build: Build, failure: BuildFailedError, state: State = State.FAILED) -> None:
    """To FAILED, PARKED or DROPPED. Keeps the phase: it tells where it failed."""
    Build.objects.filter(pk=build.pk).update(
        state=state,
        finished_at=Now(),
        lease_until=None,
        progress=None,
        reason=failure.reason,
        sentence=storable(failure.sentence),
        stdout=storable(failure.stdout),
        stderr=storable(failure.stderr),
        build_cmd=[storable(word) for word in failure.build_cmd],
    )
    if state != State.DROPPED:
        build_failed.send(sender=Build, build=Build.objects.defer("stdout", "stderr", "build_cmd").get(pk=build.pk))


def set_cancelled(build: Build, end: BuildFailedError | None = None) -> None:
    """To FAILED, or to DROPPED where its requester did not want it any more: then `build.sentence` says so already."""
    state = State.DROPPED if build.sentence else State.FAILED
    set_failed(build, cancelled(end, why=build.sentence), state)


def end_attempt(build: Build, outcome: str) -> None:
    """The present lease of the build is over."""
    Attempt.objects.filter(build=build, epoch=build.epoch).update(ended_at=Now(), outcome=outcome)


def take_back(build: Build, outcome: str, most_attempts: int) -> None:
    """A locked build that lost its worker waits again; one that lost too many fails, or it would go on for ever."""
    end_attempt(build, outcome)
    if build.cancel_requested:
        set_cancelled(build)
    elif kills_workers(build):
        set_failed(build, _parked(), State.PARKED)
    elif build.attempts >= most_attempts:
        set_failed(build, _workers_vanished(build))
    else:
        set_waiting(build)


def park_if_it_kills(build: Build) -> None:
    """QUEUED -> PARKED for a locked build of which became known, too late, that it took down its workers."""
    if build.state == State.QUEUED and kills_workers(build):
        set_failed(build, _parked(), State.PARKED)


def kills_workers(build: Build) -> bool:
    """Whether different workers came back from this build as if from the dead, since it was queued."""
    fallen = Attempt.objects.filter(build=build, outcome=CRASHED, started_at__gte=build.queued_at)
    count: int = fallen.aggregate(count=Count("worker_name", distinct=True))["count"]
    return count >= _HOW_MANY_CRASH


def storable(text: str) -> str:
    """Logs may hold anything; PostgreSQL takes no NUL and UTF-8 no lone surrogate."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _workers_vanished(build: Build) -> BuildFailedError:
    return BuildFailedError(
        Reason.INFRASTRUCTURE,
        f"The worker vanished {build.attempts} times while it built this image: the infrastructure of this server has "
        "a problem, not your request. Try again later; if it happens again, tell the maintainers of this server.",
    )


def _parked() -> BuildFailedError:
    return BuildFailedError(
        Reason.INFRASTRUCTURE,
        "The build took down two workers and was put aside. A maintainer of this server has to look at it; "
        "another release or fewer packages may work meanwhile.",
    )
