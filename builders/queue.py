"""The only code that moves a build from state to state. See `builders.states` for the arrows.

Each move is one transaction with one conditional UPDATE or one locked row. The database's clock decides about leases.
Whoever works on a build says which lease it works under: the build's epoch and the worker. A stale lease changes
nothing and raises LeaseLostError.
"""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from builders import wake
from builders.exceptions import HashCollisionError
from builders.failures import cancelled
from builders.models import Attempt, Build, Worker, failure_ttl
from builders.querysets import from_now
from builders.signals import build_finished
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason, State
from builders.transports.base import Lease, LeaseLostError
from packages import generation

logger = logging.getLogger(__name__)

# How an attempt can end, besides "done" and the reasons for a failure.
LOST = "lost"
GIVEN_BACK = "given back"

# What a build forgets when it starts anew.
_BLANK: dict[str, Any] = {
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


# -- asking for a build ------------------------------------------------------------------------------------


def submit(spec: BuildSpec, *, priority: int = 0) -> tuple[Build, bool]:
    """The one build for this spec, and whether this call queued it (new, or anew).

    A build that failed is the answer until its time is up (`Build.may_retry_at`), then it is queued again, and so is an
    expired one. Raises HashCollisionError when the hash stands for another spec.
    """
    row = new_row(spec, timezone.now(), priority=priority)
    build = _known(row)
    if build is None:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:  # somebody else was faster
            build = _known(row)
            if build is None:
                raise
        else:
            wake_workers()
            return row, True
    return build, _requeue_if_due(build, row)


def new_row(spec: BuildSpec, now: datetime, *, priority: int = 0) -> Build:
    """An unsaved QUEUED build for the spec, for whoever inserts many at once (then call `wake_workers`)."""
    return Build(
        spec_hash=spec.hash(),
        spec=spec.to_json(),
        canonical=spec.canonical_json(),
        state=State.QUEUED,
        priority=priority,
        created_at=now,
        queued_at=now,
    )


def wake_workers() -> None:
    """After the commit of what was queued. A queue that cannot be told costs time, never the request."""
    transaction.on_commit(wake.workers, robust=True)


def position(build: Build) -> int:
    """How many builds go before this one; 0 when it is next or does not wait."""
    return Build.objects.ahead_of(build).count() if build.state == State.QUEUED else 0


def _known(row: Build) -> Build | None:
    build = Build.objects.light().filter(spec_hash=row.spec_hash).first()
    if build is not None and build.canonical != row.canonical:
        raise HashCollisionError(row.spec_hash)
    return build


def _requeue_if_due(build: Build, row: Build) -> bool:
    if build.state == State.EXPIRED:
        due = Build.objects.filter(state=State.EXPIRED)
    elif build.may_retry_at is not None and build.may_retry_at <= timezone.now():
        long_ago = from_now(-failure_ttl(build.reason).total_seconds())
        due = Build.objects.filter(state=State.FAILED, finished_at__lte=long_ago)
    else:
        return False
    # Addresses and keys are no part of the identity and may have changed meanwhile: the new spec counts.
    return _start_anew(due, build, priority=row.priority, spec=row.spec)


def _start_anew(allowed: QuerySet[Build], build: Build, **changes: Any) -> bool:
    """The arrow back into the queue, for one of many who may ask at once: the epoch lets only the first through."""
    changed = allowed.filter(pk=build.pk, epoch=build.epoch).update(
        **_BLANK, state=State.QUEUED, attempts=0, queued_at=Now(), **changes
    )
    build.refresh_from_db()
    if changed:
        transaction.on_commit(generation.bump)  # the old answer is kept in memories
        wake_workers()
    return bool(changed)


# -- working on a build ------------------------------------------------------------------------------------


def lease(worker: Worker) -> Lease | None:
    """The next build, for this worker alone until the lease runs out; None when nothing waits."""
    # Two cheap questions first: an idle poll takes no lock.
    if not Build.objects.overdue().exists() and not Build.objects.queued().exists():
        return None
    with transaction.atomic():
        _reclaim(Build.objects.overdue())
        build = Build.objects.queued().select_for_update(skip_locked=True).first()
        return None if build is None else _hand_out(build, worker)


def _hand_out(build: Build, worker: Worker) -> Lease:
    epoch = build.epoch + 1
    Build.objects.filter(pk=build.pk).update(
        state=State.BUILDING,
        epoch=epoch,
        attempts=F("attempts") + 1,
        worker=worker,
        lease_until=from_now(settings.ASU_LEASE_SECONDS),
        started_at=Now(),
        phase=Phase.INIT,
        progress=None,
    )
    Attempt.objects.create(build=build, epoch=epoch, worker_name=worker.name, started_at=timezone.now())
    return Lease(build.pk, epoch, build.spec_hash, BuildSpec.from_json(build.spec), settings.ASU_LEASE_SECONDS)


def reclaim_from(worker: Worker) -> int:
    """Take back what this worker leased in a former life. Only for who can prove that the former life is over."""
    if not worker.builds.building().exists():
        return 0
    with transaction.atomic():
        return _reclaim(Build.objects.building().filter(worker=worker))


def _reclaim(builds: QuerySet[Build]) -> int:
    """Builds that lost their worker wait again; one that lost too many fails, or it would go on for ever."""
    count = 0
    for build in builds.select_for_update(skip_locked=True):
        _end_attempt(build, LOST)
        if build.cancel_requested:
            _set_failed(build, cancelled())
        elif build.attempts >= settings.ASU_MAX_ATTEMPTS:
            _set_failed(build, _worker_lost(build))
        else:
            _set_waiting(build)
        count += 1
        logger.warning("build %s: lost by its worker in attempt %s", build.spec_hash[:12], build.attempts)
    return count


def beat(lease: Lease, worker: Worker, phase: Phase, progress: int | None = None) -> bool:
    """Keep the lease and tell the phase. False: the build was cancelled."""
    if not _mine(lease, worker).update(
        lease_until=from_now(settings.ASU_LEASE_SECONDS), phase=phase, progress=progress
    ):
        raise LeaseLostError(lease.spec_hash)
    return not _mine(lease, worker).filter(cancel_requested=True).exists()


def finish(lease: Lease, worker: Worker, result: BuildResult, folder: Path) -> None:
    """BUILDING -> DONE, together with what the receivers of `build_finished` make of it, or not at all.

    A receiver's BuildFailedError makes the build fail; another exception is raised to the caller and changes nothing.
    """
    try:
        with transaction.atomic():
            build = _locked(lease, worker)
            _set_done(build, result)
            build_finished.send(sender=Build, build=build, result=result, folder=folder)
    except BuildFailedError as failure:
        failure.stdout = failure.stdout or result.stdout
        failure.stderr = failure.stderr or result.stderr
        failure.build_cmd = failure.build_cmd or result.build_cmd
        fail(lease, worker, failure)


def fail(lease: Lease, worker: Worker, failure: BuildFailedError) -> None:
    """BUILDING -> FAILED."""
    with transaction.atomic():
        build = _locked(lease, worker)
        _end_attempt(build, failure.reason.value)
        _set_failed(build, failure)


def give_back(lease: Lease, worker: Worker) -> None:
    """BUILDING -> QUEUED, as if it had not been leased: the worker was told to stop."""
    with transaction.atomic():
        build = _locked(lease, worker)
        _end_attempt(build, GIVEN_BACK)
        if build.cancel_requested:
            _set_failed(build, cancelled())
        else:
            _set_waiting(build, attempts=Greatest(F("attempts") - 1, 0))
    wake_workers()


# -- what a maintainer may do ------------------------------------------------------------------------------


def retry(build: Build) -> bool:
    """FAILED or EXPIRED -> QUEUED at once, with all attempts. False: it is in another state by now."""
    return _start_anew(Build.objects.filter(state__in=(State.FAILED, State.EXPIRED)), build)


def cancel(build: Build) -> bool:
    """A waiting build fails at once, a running one as soon as its worker hears of it. False: it is over already."""
    with transaction.atomic():
        row = Build.objects.select_for_update().get(pk=build.pk)
        if row.state == State.QUEUED:
            _set_failed(row, cancelled())
        elif row.state == State.BUILDING:
            Build.objects.filter(pk=row.pk).update(cancel_requested=True)
        else:
            return False
    build.refresh_from_db()
    return True


def expire(build: Build) -> bool:
    """DONE -> EXPIRED: its files are gone. False: it is in another state by now."""
    changed = Build.objects.filter(pk=build.pk, epoch=build.epoch, state=State.DONE).update(state=State.EXPIRED)
    build.refresh_from_db()
    if changed:
        transaction.on_commit(generation.bump)
    return bool(changed)


# -- the moves themselves ----------------------------------------------------------------------------------


def _mine(lease: Lease, worker: Worker) -> QuerySet[Build]:
    return Build.objects.building().filter(pk=lease.build_id, epoch=lease.epoch, worker=worker)


def _locked(lease: Lease, worker: Worker) -> Build:
    build = _mine(lease, worker).select_for_update(of=("self",)).first()
    if build is None:
        raise LeaseLostError(lease.spec_hash)
    return build


def _set_waiting(build: Build, **changes: Any) -> None:
    """Keeps `queued_at`, so that it goes first, and `epoch`, so that the former lease is stale with the next one."""
    Build.objects.filter(pk=build.pk).update(**_BLANK, state=State.QUEUED, **changes)


def _set_done(build: Build, result: BuildResult) -> None:
    build.state = State.DONE
    build.phase, build.progress, build.lease_until = "", None, None
    build.finished_at = timezone.now()
    build.stdout, build.stderr = _storable(result.stdout), _storable(result.stderr)
    build.build_cmd, build.seconds = result.build_cmd, result.seconds
    build.save(
        update_fields=[
            *("state", "phase", "progress", "lease_until", "finished_at"),
            *("stdout", "stderr", "build_cmd", "seconds"),
        ]
    )
    _end_attempt(build, State.DONE.value)


def _set_failed(build: Build, failure: BuildFailedError) -> None:
    """Keeps the phase: it tells where it failed."""
    Build.objects.filter(pk=build.pk).update(
        state=State.FAILED,
        finished_at=Now(),
        lease_until=None,
        progress=None,
        reason=failure.reason,
        sentence=_storable(failure.sentence),
        stdout=_storable(failure.stdout),
        stderr=_storable(failure.stderr),
        build_cmd=failure.build_cmd,
    )


def _end_attempt(build: Build, outcome: str) -> None:
    Attempt.objects.filter(build=build, epoch=build.epoch).update(ended_at=Now(), outcome=outcome)


def _storable(text: str) -> str:
    """Logs may hold anything; PostgreSQL takes no NUL and UTF-8 no lone surrogate."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _worker_lost(build: Build) -> BuildFailedError:
    return BuildFailedError(
        Reason.INFRASTRUCTURE,
        f"The worker vanished {build.attempts} times while it built this image. Try again later with fewer packages; "
        "if it happens again, tell the maintainers of this server.",
    )
