"""Requests in, builds queued, images taken out of service: the only code that changes this app's rows on purpose."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils import timezone

from builders.states import State
from images import admission, load, moved, preparing, repositories, retention, validation
from images.clients import NOBODY, Client
from images.exceptions import RequestRefusedError
from images.models import Image, ImageRequest
from images.validation import Asked
from packages import generation, names
from packages.exceptions import NotCompleteError
from packages.visibility import PUBLIC, Viewer


def request_image(
    distribution: str, raw: Mapping[str, Any], *, client: str = "", asker: Client = NOBODY
) -> ImageRequest:
    """The request that `raw` (the parsed body) comes to, and with it the build; the same one however often it is asked.

    `client` is the User-Agent, for requests that do not name theirs; `asker` is whose turn it takes. Returns a
    PREPARING request while the target's documents are not here yet. Raises RequestRefusedError with nothing stored.
    """
    return request_asked(validation.shape(distribution_of(distribution, raw), raw, client=client, asker=asker))


def request_asked(asked: Asked) -> ImageRequest:
    """The same for a request whose shape was checked."""
    try:
        snapshot = admission.find(asked)
        request = admission.admit(asked, snapshot)
    except NotCompleteError as error:
        repositories.check(asked)
        # Under the release's own name: that is what it waits under.
        return _after_a_look(replace(asked, version=error.version or asked.version), error.target_id)
    except RequestRefusedError as refusal:
        if not refusal.may_be_stale or not preparing.is_refresh_due(snapshot.target_id):
            raise
        return _after_a_look(asked, snapshot.target_id)
    # Who has had enough hears of the failure as it stands.
    if not moved.has_failed_by_it(request) or load.is_greedy(asked.asker):
        return request
    return _after_a_look(asked, snapshot.target_id) if preparing.is_refresh_due(snapshot.target_id) else request


def _after_a_look(asked: Asked, target_id: int) -> ImageRequest:
    """What it comes to once the mirror, or a repository, was asked; until then it waits."""
    if load.is_greedy(asked.asker):
        raise load.too_many_requests()
    request = preparing.ask(asked, target_id, admission.owner_of(asked))
    if request.status == ImageRequest.Status.PREPARING:
        return request
    if request.refusal:
        raise RequestRefusedError.from_json(request.refusal)
    return request.resolved_to or request


def lookup(distribution: str | None, request_hash: str, viewer: Viewer = PUBLIC) -> ImageRequest | None:
    """What is known under a hash, with build and image; None for what was never asked or is no longer served, and for
    what the viewer may not see. `distribution`: it must be of this one; None: of any.
    """
    try:
        # `first` would sort one row, and putting that into words takes a third of the time of an answer.
        request = ImageRequest.objects.with_outcome().get(request_hash=request_hash)
    except ImageRequest.DoesNotExist:
        return None
    if not _is_there(request, distribution, viewer):
        return None
    final = request.resolved_to or request
    if again := moved.successor(final):
        request, final = again, again.resolved_to or again
    if final.build is not None and final.build.state == State.EXPIRED:
        return None
    image = final.published_image
    if image is None or retention.is_at_hand(image) or image.withdrawn_at is not None:
        return request
    return None if final.build is not None and final.build.state == State.DONE else request


def known(distribution: str | None, request_hash: str, viewer: Viewer = PUBLIC) -> ImageRequest | None:
    """The same, and also what is served no longer: its build may be asked for anew."""
    request = ImageRequest.objects.with_outcome().filter(request_hash=request_hash).first()
    return request if request is not None and _is_there(request, distribution, viewer) else None


def _is_there(request: ImageRequest, distribution: str | None, viewer: Viewer) -> bool:
    """Whether the viewer finds it below this distribution (None: any), and what it has become too."""
    if distribution not in (None, request.distribution) or not request.is_visible_to(viewer):
        return False
    return request.resolved_to is None or request.resolved_to.is_visible_to(viewer)


def withdraw(image: Image, why: str) -> None:
    """Takes an image out of service for good; its page stays and says why."""
    image.withdrawn_at = timezone.now()
    image.withdrawn_why = why
    image.save(update_fields=["withdrawn_at", "withdrawn_why"])
    generation.bump()


def pin(image: Image, *, is_pinned: bool = True) -> bool:
    """Keeps its files whatever their age and however full the store, or no longer. False: it is so already."""
    changed = Image.objects.filter(pk=image.pk).exclude(is_pinned=is_pinned).update(is_pinned=is_pinned)
    image.refresh_from_db(fields=["is_pinned"])
    return bool(changed)


def expire(image: Image) -> None:
    """Takes an image out of service until somebody asks for it again; then it is built again."""
    retention.expire(image)


def distribution_at(address: str) -> str:
    """The distribution that an address stands for; `/` stands for the default one."""
    return address or settings.ASU_DEFAULT_DISTRIBUTION


def distribution_of(address: str, raw: Mapping[str, Any]) -> str:
    """Which distribution is meant: the one of the address; below `/` the body may name another (`distro`)."""
    named = raw.get("distro")
    if named is None or named == "":
        return distribution_at(address)
    is_name = isinstance(named, str) and names.DISTRIBUTION.fullmatch(named) is not None
    if not is_name or (address and named != address):
        right = f'"{address}", which this address is for' if address else "the name of a distribution"
        raise validation.wrong("distro", named, right)
    return str(named)
