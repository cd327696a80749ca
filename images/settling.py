"""The cluster's side of `images.preparing`: gets a target's documents and settles the requests that wait for them."""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from builders.archives import SharedSources
from builders.imagebuilder import ImageBuilders
from builders.inspection import inspect
from builders.ledger import DatabaseLedger
from builders.runners.sandbox import best_runner
from builders.spec import BuildFailedError, BuildSpec, ImageBuilderSpec, KeySpec
from builders.states import Phase
from images import admission, fingerprint, preparing, repositories
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from images.querysets import ImageRequestQuerySet
from packages import sync
from packages.exceptions import BadDocumentError, MirrorError, UnknownError
from packages.models import Target
from packages.visibility import Viewer

logger = logging.getLogger(__name__)


def prepare(target_id: int) -> None:
    """Gets a target's documents and checks every request that waits for them. Safe to run twice or at once.

    Those that name repositories come last and in a turn of their own: what strangers run may be slow.
    """
    target = Target.objects.select_related("release__distribution", "release__channel").get(pk=target_id)
    requests = ImageRequest.objects.at(target.release.distribution.name, target.release.version, target.name)
    _in_turn(f"{target_id}", requests, False, lambda: _get(target, requests))
    _in_turn(f"{target_id}-repositories", requests, True, lambda: _get(target, requests))


def _in_turn(
    name: str,
    requests: ImageRequestQuerySet,
    with_repositories: bool,
    get: Callable[[], dict[str, Any] | None],
) -> None:
    """Settles those that wait, with repositories or without, one process at a time."""

    def waiting() -> list[ImageRequest]:
        return [row for row in requests.preparing() if bool(row.echo.get("repositories")) == with_repositories]

    while True:
        with _only_one(name) as is_mine:
            if not is_mine:
                return
            if with_repositories and not waiting():
                return
            failure = get()
            for request in waiting():
                _settle(request, failure)
        # The lock is free again before we look for late-comers: whoever came while it was held is seen by us, and
        # whoever comes later finds it free.
        if not waiting():
            return


def _get(target: Target, requests: ImageRequestQuerySet) -> dict[str, Any] | None:
    """What those who wait need of the target; the refusal for all of them when it cannot be had."""
    target.refresh_from_db()
    if not target.is_complete:
        return _recent_failure(requests) or _complete(target)
    if requests.preparing().exists() and preparing.claim_refresh(target):
        _refresh(target)
    return None


def _refresh(target: Target) -> None:
    """Some request did not fit what we have: the mirror may have moved on. Where it fails, we have what we have."""
    try:
        sync.complete_target(target)
        target.refresh_from_db()
        if target.needs_inspection:
            _inspect(target)
    except (MirrorError, BuildFailedError, OSError) as error:
        logger.warning("%s cannot be read again: %s", target, error)


def _recent_failure(requests: ImageRequestQuerySet) -> dict[str, Any] | None:
    """What was said to those who asked for the same target: a mirror is not asked again for everybody who comes."""
    patience = timedelta(seconds=settings.ASU_FAILURE_TTL)
    # Both times: a refusal passed on is younger than the failure that it tells of.
    since = timezone.now() - patience
    refused = requests.refused().filter(tried_at__gt=since, refusal__failed_at__gt=since.timestamp())
    refusal: dict[str, Any] | None = refused.values_list("refusal", flat=True).first()
    return refusal


def _complete(target: Target) -> dict[str, Any] | None:
    """None when the target can be checked against now, else the refusal, with the time of the failure."""
    failure = _try_to_complete(target)
    return failure and {**failure, "failed_at": timezone.now().timestamp()}


def _try_to_complete(target: Target) -> dict[str, Any] | None:
    try:
        sync.complete_target(target)
        target.refresh_from_db()
        if target.needs_inspection:
            _inspect(target)
            target.refresh_from_db()
        if not target.is_complete:
            raise BadDocumentError("they do not tell what can be built")
    except (MirrorError, UnknownError) as error:
        logger.warning("%s cannot be prepared: %s", target, error)
        return RequestRefusedError(500, f"Error: the mirror does not give what {target} needs: {error}").to_json()
    except OSError as error:
        logger.exception("%s cannot be prepared", target)
        sentence = f"Error: the server cannot store what {target} needs: {error.strerror}."
        return RequestRefusedError(500, sentence).to_json()
    except BuildFailedError as error:
        logger.warning("%s cannot be prepared: %s", target, error)
        return RequestRefusedError(500, f"Error: {error.sentence}").to_json()
    return None


def _inspect(target: Target) -> None:
    """Releases without JSON documents: their ImageBuilder itself says what it knows."""
    imagebuilders = ImageBuilders(DatabaseLedger(), SharedSources())
    sync.store_inspection(target, inspect(inspection_spec(target), imagebuilders, best_runner(), _report))


def _report(phase: Phase, percent: int | None) -> None:
    logger.info("inspection: %s %s", phase.value, "" if percent is None else f"{percent} %")


def inspection_spec(target: Target) -> BuildSpec:
    """What is needed to run the ImageBuilder, before anything is known of what it can build."""
    distribution = target.release.distribution
    keys = distribution.base.keys.filter(is_enabled=True)
    return BuildSpec(
        distribution=distribution.name,
        version=target.release.version,
        target=target.name,
        profile="",
        packages=(),
        imagebuilder=ImageBuilderSpec(target.imagebuilder_url, target.imagebuilder_file, target.imagebuilder_sha256),
        keys=tuple(KeySpec(key.kind, key.text) for key in keys),
        package_manager=target.package_manager,
        arch_packages=target.arch_packages,
    )


def _settle(request: ImageRequest, failure: dict[str, Any] | None) -> None:
    """A waiting request becomes the checked one, or carries its refusal."""
    checked, refusal = None, failure
    if failure is None:
        asked = fingerprint.from_unchecked(request.canonical, request.echo)
        # Limits were looked at when it came; now it has its turn like everybody's.
        asked = replace(asked, asker=Client(request.asker, is_trusted=True, viewer=Viewer(request.organisation_id)))
        try:
            snapshot = admission.find(asked)
            repositories.read(asked, snapshot)
            checked = admission.admit(asked, snapshot)
        except RequestRefusedError as error:
            refusal = error.to_json()
        except UnknownError as error:
            refusal = RequestRefusedError(500, f"Error: {error}").to_json()
    status = ImageRequest.Status.REFUSED if refusal else ImageRequest.Status.ACCEPTED
    ImageRequest.objects.preparing().filter(pk=request.pk).update(
        status=status, resolved_to=checked, refusal=refusal, tried_at=timezone.now()
    )


@contextmanager
def _only_one(name: str) -> Iterator[bool]:
    """True for one process at a time; the kernel lets go when that one dies."""
    settings.ASU_RUN_DIR.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.ASU_RUN_DIR / f"prepare-{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)
