"""Requests that cannot be checked yet wait under a hash of their own until they can.

What is missing: the documents of the target, or the index of a repository that the request names, or a look at the
mirror, which may have moved on since it was read (`is_refresh_due`).

::

    ask() ──► PREPARING ── images.settling: documents came ──► ACCEPTED (resolved_to the checked request)
                  ▲  └──────────── a refusal, or the mirror failed ──► REFUSED
                  └──── asked again ASU_FAILURE_TTL later ───────────────┘
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from builders.ledger import look_for
from builders.states import Phase
from images import fingerprint
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from images.validation import Asked
from packages.exceptions import NotCompleteError
from packages.models import Target
from packages.visibility import Owner

logger = logging.getLogger(__name__)

# Waiting requests hold a thread each; the others get their 202 at once.
_waiting = threading.BoundedSemaphore(2)
_LOOK_EVERY = 0.1
# Whoever asks for the documents of a target again within this time (seconds) finds it enqueued already.
_ASKED_FOR = 10.0
# A task that was lost with its cluster is enqueued again after this long.
_LOST_AFTER = timedelta(seconds=120)
# How often the mirror is asked whether it has moved on, for requests that do not fit what we have of a target.
REFRESH_EVERY = timedelta(seconds=60)
# Clients stop at a refusal; some that poll on hear of it for this long.
_KEEP_REFUSED = timedelta(hours=1)


_T = TypeVar("_T")


class NotYetError(Exception):
    """Documents are on their way; `str()` is a sentence."""


def ask(asked: Asked, target_id: int, owner: Owner | None = None) -> ImageRequest:
    """The waiting request, after up to ASU_PREPARE_WAIT seconds in which it may have been checked or refused.

    `owner`: whose members alone may know of it.
    """
    canonical = fingerprint.unchecked_canonical(asked, owner)
    request, created = ImageRequest.objects.get_or_create(
        request_hash=fingerprint.digest(canonical),
        defaults={
            "canonical": canonical,
            "status": ImageRequest.Status.PREPARING,
            "distribution": asked.distribution,
            "version": asked.version,
            "target": asked.target,
            "profile": asked.profile,
            "echo": fingerprint.echo(
                asked, profile=asked.profile, version=asked.version, version_code=asked.version_code
            ),
            "client": asked.client,
            "asker": asked.asker.key,
            "organisation_id": owner.pk if owner else None,
            "tried_at": timezone.now(),
        },
    )
    if created or _try_again(request):
        async_task("images.tasks.prepare", target_id)
    elif request.canonical != canonical:
        logger.error("Two requests have the hash %s; the second is refused.", request.request_hash)
        raise RequestRefusedError(500, "Error: this request cannot be told from another one. Please report it.")
    if request.status == ImageRequest.Status.PREPARING:
        _wait_until(lambda: not ImageRequest.objects.preparing().filter(pk=request.pk).exists())
    return ImageRequest.objects.with_outcome().get(pk=request.pk)


def _try_again(request: ImageRequest) -> bool:
    """Puts a request whose refusal is old, or whose task was lost, back to PREPARING. One of many callers gets True."""
    now = timezone.now()
    patience = {
        ImageRequest.Status.PREPARING: _LOST_AFTER,
        ImageRequest.Status.REFUSED: timedelta(seconds=settings.ASU_FAILURE_TTL),
        # Its target became unknown again; longer than a catalogue snapshot may lag behind.
        ImageRequest.Status.ACCEPTED: timedelta(seconds=10),
    }[ImageRequest.Status(request.status)]
    if request.tried_at is not None and now - request.tried_at < patience:
        return False
    rows = ImageRequest.objects.filter(pk=request.pk, tried_at=request.tried_at)
    if not rows.update(status=ImageRequest.Status.PREPARING, refusal=None, resolved_to=None, tried_at=now):
        return False
    request.status = ImageRequest.Status.PREPARING
    return True


def hash_of(asked: Asked) -> str:
    """Under which a request waits."""
    return fingerprint.digest(fingerprint.unchecked_canonical(asked))


def is_refresh_due(target_id: int) -> bool:
    """Whether the mirror was not asked about a target just now."""
    return Target.objects.filter(_not_lately(), pk=target_id).exists()


def claim_refresh(target: Target) -> bool:
    """True for one of all who want to ask, once in REFRESH_EVERY."""
    return bool(Target.objects.filter(_not_lately(), pk=target.pk).update(refreshed_at=timezone.now()))


def _not_lately() -> Q:
    since = timezone.now() - REFRESH_EVERY
    was_read = Q(synced_at__isnull=True) | Q(synced_at__lt=since)
    return was_read & (Q(refreshed_at=None) | Q(refreshed_at__lt=since))


def phase(request: ImageRequest) -> Phase:
    """What a waiting request waits for: in old releases the ImageBuilder, which has to be asked first."""
    standing = look_for(request.distribution, request.version, request.target)
    return Phase.INIT if standing is None else standing[0]


def complete(target: Target) -> bool:
    """Whether the target's documents are here; if not they are sent for, and waited for like a request waits."""
    if target.is_complete:
        return True
    now = time.monotonic()
    if now - _asked_for.get(target.pk, -_ASKED_FOR) >= _ASKED_FOR:
        _asked_for[target.pk] = now
        async_task("images.tasks.prepare", target.pk)
    _wait_until(lambda: Target.objects.filter(pk=target.pk, synced_at__isnull=False, needs_inspection=False).exists())
    target.refresh_from_db()
    return target.is_complete


_asked_for: dict[int, float] = {}


def with_documents(question: Callable[[], _T], most: int) -> _T:
    """The answer to a question to the catalogue, as soon as the documents that it needs are here.

    They may be those of several targets, one after the other, of `most` in one go. NotYetError while they are on their
    way.
    """
    for _ in range(most):
        try:
            return question()
        except NotCompleteError as error:
            target = Target.objects.select_related("release").get(pk=error.target_id)
            if not complete(target):
                raise NotYetError(why_not_yet(target)) from error
    raise NotYetError(
        "The documents of several releases are being fetched from the mirror. Please ask again in a moment."
    )


def why_not_yet(target: Target) -> str:
    """Why a target's documents are not here, for whoever asks for them."""
    if target.sync_error:
        return f"The mirror does not give what {target.name} needs: {target.sync_error}"
    return (
        f"The documents of {target.name} of {target.release.version} are being fetched from the mirror. Please ask "
        "again in a moment."
    )


def _wait_until(is_over: Callable[[], bool]) -> None:
    """Up to ASU_PREPARE_WAIT seconds, and not at all when two others wait in this process."""
    if not _waiting.acquire(blocking=False):
        return
    try:
        deadline = time.monotonic() + settings.ASU_PREPARE_WAIT
        while time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
            if is_over():
                return
    finally:
        _waiting.release()


def resume_lost() -> int:
    """Enqueues again what waits longer than any prepare takes to begin; how many targets."""
    lost = ImageRequest.objects.preparing().filter(tried_at__lt=timezone.now() - _LOST_AFTER)
    found = 0
    for distribution, version, name in set(lost.values_list("distribution", "version", "target")):
        targets = Target.objects.filter(
            release__distribution__name=distribution, release__version__iexact=version, name=name
        )
        for target_id in targets.values_list("pk", flat=True):
            async_task("images.tasks.prepare", target_id)
            found += 1
    return found


def forget_refused() -> int:
    """Removes waiting requests that were refused long ago; how many. Who asks again is answered anew."""
    limit = timezone.now() - max(_KEEP_REFUSED, timedelta(seconds=settings.ASU_FAILURE_TTL))
    return ImageRequest.objects.refused().filter(tried_at__lt=limit).delete()[0]


def forget() -> None:
    """Drops what this process remembers of whom it asked. For tests, whose targets come and go."""
    _asked_for.clear()
