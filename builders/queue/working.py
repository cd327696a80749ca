"""Who builds: leases are given out, kept, and ended by what came of them."""

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from builders import pace
from builders.models import Attempt, Build, Worker
from builders.outcome import size_limit
from builders.querysets import from_now
from builders.queue import glance, moves
from builders.queue.asking import wake_workers
from builders.queue.choosing import another_may_do_better, next_for
from builders.queue.judging import has_packages_of_strangers, judge
from builders.queue.upkeep import reclaim_overdue
from builders.signals import build_finished
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason, State
from builders.transports.base import Call, Lease, LeaseLostError
from packages import flash_limits
from packages.models import FlashLimit


def lease(worker: Worker, call: Call | None = None, *, takes_new: bool = True) -> Lease | None:
    """The next build, for this worker alone until the lease runs out; None when nothing waits that it may have.

    `call` tells one question of an agent from the next, so that an answer which got lost on the way is given again and
    a question that comes late changes nothing. With `takes_new` False that is all it does.
    """
    # A cheap question first: an idle poll takes no lock, however much waits for others.
    seen = glance.at(worker)
    if not seen.has_overdue and not (seen.has_fitting and takes_new) and not (seen.has_own and call):
        return None
    if seen.has_overdue:
        # By itself: of two workers that come back, each could hold the other's lost build and wait for its own.
        with transaction.atomic():
            reclaim_overdue()
    with transaction.atomic():
        if call:
            again, is_over = _asked_before(worker, call)
            if is_over:
                return again
        if not takes_new or not Build.objects.queued().exists():
            return None
        row = Worker.objects.select_for_update().get(pk=worker.pk)
        # Asked under the lock: the same question may come twice at once.
        if not row.may_lease or (call and (row.builds.building().count() >= row.jobs or _is_late(row, call))):
            return None
        build = next_for(row)
        return None if build is None else _hand_out(build, row, call)


def _asked_before(worker: Worker, call: Call) -> tuple[Lease | None, bool]:
    """What the same slot of the same agent leased and knows nothing of: who asks for a build has none.

    The answer to an equal call is given again. One to an earlier call never arrived: that build waits again. After a
    later call this one is late, and gets nothing.
    """
    # Only this slot's: a build of another one may be locked for as long as its image is being published.
    own = worker.builds.building().filter(attempt_set__slot=call.slot, attempt_set__epoch=F("epoch"))
    for build in own.select_for_update(of=("self",)):
        attempt = Attempt.objects.get(build=build, epoch=build.epoch)
        if attempt.call is None:
            continue
        if attempt.call == call.number:
            _mine(_lease_of(build), worker).update(lease_until=from_now(settings.ASU_LEASE_SECONDS))
            return _lease_of(build), True
        if attempt.call > call.number:
            return None, True
        _put_back(build)
    return None, False


def _is_late(worker: Worker, call: Call) -> bool:
    """Whether this question, or a later one of the slot, got a build already. Each life of an agent counts anew."""
    asked = Attempt.objects.filter(worker=worker, slot=call.slot)
    if worker.started_at is not None:
        asked = asked.filter(started_at__gte=worker.started_at)
    last = asked.order_by("-id").values_list("call", flat=True).first()
    return last is not None and last >= call.number


def _hand_out(build: Build, worker: Worker, call: Call | None) -> Lease:
    build.epoch += 1
    Build.objects.filter(pk=build.pk).update(
        state=State.BUILDING,
        epoch=build.epoch,
        attempts=F("attempts") + 1,
        worker=worker,
        lease_until=from_now(settings.ASU_LEASE_SECONDS),
        started_at=Now(),
        phase=Phase.INIT,
        progress=None,
    )
    Attempt.objects.create(
        build=build,
        epoch=build.epoch,
        worker=worker,
        worker_name=worker.name,
        started_at=Now(),
        slot=call.slot if call else None,
        call=call.number if call else None,
    )
    return _lease_of(build)


def _lease_of(build: Build) -> Lease:
    return Lease(build.pk, build.epoch, build.spec_hash, BuildSpec.from_json(build.spec), settings.ASU_LEASE_SECONDS)


def lease_known(worker: Worker, build_id: int, epoch: int) -> Lease:
    """The lease of these numbers that this worker has or had; LeaseLostError when it never did."""
    attempt = Attempt.objects.filter(build=build_id, epoch=epoch, worker=worker).select_related("build").first()
    if attempt is None:
        raise LeaseLostError(build_id)
    build = attempt.build
    spec = BuildSpec.from_json(build.spec)
    return Lease(build.pk, epoch, build.spec_hash, spec, settings.ASU_LEASE_SECONDS)


def was_finished(build_id: int, epoch: int, worker: Worker) -> bool:
    """Whether the build became DONE under this very lease."""
    attempts = Attempt.objects.filter(build=build_id, epoch=epoch, worker=worker)
    return attempts.filter(outcome=State.DONE).exists()


def reclaim_from(worker: Worker, how: str = moves.CRASHED) -> int:
    """Take back what this worker leased in a former life. Only for who can prove that the former life is over."""
    if not worker.builds.building().exists():
        return 0
    with transaction.atomic():
        builds = list(worker.builds.building().select_for_update(of=("self",)))
        for build in builds:
            moves.take_back(build, how, settings.ASU_MAX_ATTEMPTS)
    wake_workers()
    return len(builds)


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
    Said again under the same lease, because the answer got lost, it changes nothing; so do `fail` and `give_back`.
    """
    try:
        with transaction.atomic():
            build = _locked(lease, worker, unless=State.DONE.value)
            if build is None:
                return
            moves.set_done(build, result)
            build_finished.send(sender=Build, build=build, result=result, folder=folder)
            # Only now: others share these rows, and would wait for as long as it takes to publish the image.
            pace.learn(build)
            judge(build, worker)
    except BuildFailedError as failure:
        failure.stdout = failure.stdout or result.stdout
        failure.stderr = failure.stderr or result.stderr
        failure.build_cmd = failure.build_cmd or result.build_cmd
        # Where there is no room for the image here, no other worker's image will find some.
        fail(lease, worker, failure, is_final=failure.reason == Reason.DISK_FULL)


def fail(lease: Lease, worker: Worker, failure: BuildFailedError, *, is_final: bool = False) -> None:
    """BUILDING -> FAILED; or QUEUED, where it may be the worker's own trouble and another one is there to try.

    `is_final`: it is the server's trouble, so no worker is blamed and none could do better.
    """
    outcome = moves.NOT_TAKEN if is_final else failure.reason.value
    with transaction.atomic():
        build = _locked(lease, worker, unless=outcome)
        if build is None:
            return
        moves.end_attempt(build, outcome)
        if build.cancel_requested:
            moves.set_cancelled(build, failure)
        elif failure.reason == Reason.CANCELLED and build.attempts < settings.ASU_MAX_ATTEMPTS:
            # Nobody wants that, or nobody any more: somebody else asked for the image meanwhile.
            moves.set_waiting(build)
            wake_workers()
        elif (
            failure.reason.is_workers
            and not is_final
            and build.attempts < settings.ASU_MAX_ATTEMPTS
            and another_may_do_better(build, worker)
        ):
            moves.set_waiting(build)
            wake_workers()
        else:
            moves.set_failed(build, failure)
            _learn_limit(build, failure)


def _learn_limit(build: Build, failure: BuildFailedError) -> None:
    """Whoever asks for this device next can be told beforehand what fits. Scripts of strangers' packages do not count:
    they write into the same log."""
    if failure.reason != Reason.IMAGE_TOO_BIG or has_packages_of_strangers(build):
        return
    size = size_limit(failure.stdout, failure.stderr)
    if size is not None:
        source = FlashLimit.Source.BUILD
        flash_limits.learn(build.distribution, build.target, {str(build.spec["profile"]): size}, source)


def give_back(lease: Lease, worker: Worker) -> None:
    """BUILDING -> QUEUED, as if it had not been leased: the worker was told to stop."""
    with transaction.atomic():
        build = _locked(lease, worker, unless=moves.GIVEN_BACK)
        if build is None:
            return
        _put_back(build)


def _put_back(build: Build) -> None:
    """A locked build waits again, as if it had not been leased."""
    moves.end_attempt(build, moves.GIVEN_BACK)
    if build.cancel_requested:
        moves.set_cancelled(build)
    else:
        moves.set_waiting(build, attempts=Greatest(F("attempts") - 1, 0))
        wake_workers()


def _mine(lease: Lease, worker: Worker) -> QuerySet[Build]:
    return Build.objects.building().filter(pk=lease.build_id, epoch=lease.epoch, worker=worker)


def _locked(lease: Lease, worker: Worker, *, unless: str) -> Build | None:
    """The build, to be moved; None when this very lease ended `unless` before: the answer got lost on its way."""
    build = _mine(lease, worker).select_for_update(of=("self",)).first()
    if build is None:
        told = Attempt.objects.filter(build=lease.build_id, epoch=lease.epoch, worker=worker, outcome=unless)
        if not told.exists():
            raise LeaseLostError(lease.spec_hash)
    return build
