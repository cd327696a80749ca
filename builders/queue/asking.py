"""Who wants images: builds are queued, queued anew, cancelled and expired."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, QuerySet
from django.db.models.functions import Now

from builders import clock, wake
from builders.exceptions import HashCollisionError
from builders.models import Build, failure_ttl
from builders.querysets import from_now
from builders.queue import moves
from builders.spec import BuildSpec
from builders.states import Reason, State
from builders.turns import Turns
from packages import generation


def submit(
    spec: BuildSpec, *, priority: int = 0, client: str = "", is_outdated: bool = False, is_watched: bool = False
) -> tuple[Build, bool]:
    """The one build for this spec, and whether this call queued it (new, or anew).

    A build that failed is the answer until its time is up (`Build.may_retry_at`), then it is queued again, and so is an
    expired or dropped one at once. A parked one waits for a maintainer. `client` wants it (its turn comes by that);
    `is_watched`: it is dropped when nobody asks for it any more. Raises HashCollisionError when the hash stands for
    another spec.
    """
    row = new_row(spec, clock.now(), priority=priority, client=client, is_watched=is_watched)
    build = _known(row)
    if build is None:
        row.turn = Turns.for_clients([client], priority).next(client, is_outdated=is_outdated)
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
    return build, _requeue_if_due(build, row, is_outdated)


def new_row(spec: BuildSpec, now: datetime, *, priority: int = 0, client: str = "", is_watched: bool = False) -> Build:
    """An unsaved QUEUED build for the spec, without its turn."""
    return Build(
        spec_hash=spec.hash(),
        spec=spec.to_json(),
        canonical=spec.canonical_json(),
        state=State.QUEUED,
        priority=priority,
        client=client,
        polled_at=now if is_watched else None,
        distribution=spec.distribution,
        version=spec.version,
        target=spec.target,
        profile=spec.profile,
        arch=spec.arch_packages,
        imagebuilder=spec.imagebuilder.sha256,
        created_at=now,
        queued_at=now,
    )


def wake_workers() -> None:
    """After the commit of what was queued. A queue that cannot be told costs time, never the request."""
    transaction.on_commit(wake.workers, robust=True)


def retry(build: Build, *, client: str = "") -> bool:
    """Into the queue at once, with all attempts, from where a build rests without an image. False: it does not rest.

    A maintainer's (`client` empty) also takes it out of PARKED, and nobody has to watch it.
    """
    states = [State.FAILED, State.EXPIRED, State.DROPPED]
    if not client:
        states.append(State.PARKED)
    return _start_anew(
        Build.objects.filter(state__in=states),
        build,
        client=client or F("client"),
        turn=Turns.for_clients([client], build.priority).next(client),
        polled_at=Now() if client else None,
    )


def share(build: Build, client: str) -> None:
    """Another client wants it too, so the first one alone can no longer cancel it, nor has done so."""
    if client != build.client and not build.is_shared:
        rows = Build.objects.filter(pk=build.pk)
        rows.update(is_shared=True)
        withdrawn = rows.filter(state=State.BUILDING, cancel_requested=True).exclude(sentence="")
        withdrawn.update(cancel_requested=False, sentence="")


def builds_of(clients: Collection[str], *, seconds: float) -> dict[str, int]:
    """How many builds were queued lately for each of these clients."""
    rows = Build.objects.filter(client__in=clients, queued_at__gt=from_now(-seconds)).order_by()
    return dict(rows.values_list("client").annotate(count=Count("id")))


def cancel(build: Build, why: str = "") -> bool:
    """A waiting build fails at once, a running one as soon as its worker hears of it. False: it is over already.

    `why`: the requester's own wish, in words; then it is dropped instead, and queued again as soon as it is asked for.
    """
    with transaction.atomic():
        row = Build.objects.select_for_update().get(pk=build.pk)
        if why and row.is_shared:  # somebody else asked for it just now
            return False
        row.sentence = why
        if row.state == State.QUEUED:
            moves.set_cancelled(row)
        elif row.state == State.BUILDING:
            Build.objects.filter(pk=row.pk).update(cancel_requested=True, sentence=why)
        else:
            return False
    build.refresh_from_db()
    return True


def refuse(build: Build, why: str) -> bool:
    """PARKED -> FAILED for good, with a maintainer's sentence for whoever asks. False: it is not parked."""
    changed = Build.objects.filter(pk=build.pk, epoch=build.epoch, state=State.PARKED).update(
        state=State.FAILED, reason=Reason.REFUSED, sentence=moves.storable(why), finished_at=Now()
    )
    build.refresh_from_db()
    if changed:
        transaction.on_commit(generation.bump)
    return bool(changed)


def expire(build: Build) -> bool:
    """DONE -> EXPIRED: its files are gone. False: it is in another state by now."""
    changed = Build.objects.filter(pk=build.pk, epoch=build.epoch, state=State.DONE).update(state=State.EXPIRED)
    build.refresh_from_db()
    if changed:
        transaction.on_commit(generation.bump)
    return bool(changed)


def _known(row: Build) -> Build | None:
    build = Build.objects.light().filter(spec_hash=row.spec_hash).first()
    if build is not None and build.canonical != row.canonical:
        raise HashCollisionError(row.spec_hash)
    return build


def _requeue_if_due(build: Build, row: Build, is_outdated: bool) -> bool:
    if build.state in (State.EXPIRED, State.DROPPED):
        due = Build.objects.filter(state__in=(State.EXPIRED, State.DROPPED))
    elif build.may_retry_at is not None and build.may_retry_at <= clock.now():
        long_ago = from_now(-failure_ttl(build.reason).total_seconds())
        due = Build.objects.filter(state=State.FAILED, finished_at__lte=long_ago)
    else:
        return False
    # Addresses and keys are no part of the identity and may have changed meanwhile: the new spec counts.
    return _start_anew(
        due,
        build,
        priority=row.priority,
        spec=row.spec,
        distribution=row.distribution,
        version=row.version,
        target=row.target,
        profile=row.profile,
        arch=row.arch,
        imagebuilder=row.imagebuilder,
        client=row.client,
        polled_at=row.polled_at,
        turn=Turns.for_clients([row.client], row.priority).next(row.client, is_outdated=is_outdated),
    )


def _start_anew(allowed: QuerySet[Build], build: Build, **changes: Any) -> bool:
    """The arrow back into the queue, for one of many who may ask at once: the epoch lets only the first through."""
    changed = allowed.filter(pk=build.pk, epoch=build.epoch).update(
        **moves.BLANK, state=State.QUEUED, attempts=0, is_shared=False, queued_at=Now(), **changes
    )
    build.refresh_from_db()
    if changed:
        transaction.on_commit(generation.bump)  # the old answer is kept in memories
        wake_workers()
    return bool(changed)
