"""A well-shaped request against the present catalogue: refused, or found or queued as a build."""

import logging

from builders import queue
from builders.exceptions import HashCollisionError
from builders.states import OPEN, State
from images import fingerprint, intake, load, normalise, polls, retention
from images.exceptions import RequestRefusedError, TooManyRequestsError
from images.fingerprint import Fingerprint
from images.models import ImageRequest
from images.signals import image_requested
from images.validation import Asked, shown, unsupported
from packages import catalogue
from packages.exceptions import UnknownDistributionError, UnknownTargetError, UnknownVersionError
from packages.models import Distribution
from packages.target_catalogue import TargetCatalogue
from packages.visibility import Owner

logger = logging.getLogger(__name__)

NOT_OFFERED = "This server does not offer it."
SEE_OVERVIEW = "The overview lists the versions on offer."


def find(asked: Asked) -> TargetCatalogue:
    """The snapshot that the request is checked against; RequestRefusedError for what we do not offer."""
    try:
        return catalogue.find(asked.distribution, asked.version, asked.target, asked.asker.viewer)
    except UnknownDistributionError as error:
        raise unsupported("distro", shown(asked.distribution), NOT_OFFERED) from error
    except UnknownVersionError as error:
        raise unsupported("version", asked.version, SEE_OVERVIEW) from error
    except UnknownTargetError as error:
        raise unsupported("target", asked.target, f"{asked.version} has no such target.") from error


def owner_of(asked: Asked) -> Owner | None:
    """Whose members alone may know of a request that cannot be checked yet. RequestRefusedError for what is certain."""
    chosen = normalise.network_profile(asked)
    rows = Distribution.objects.visible_to(asked.asker.viewer).filter(name=asked.distribution)
    owner = Owner.of(rows.values_list("organisation_id", flat=True).first())
    return owner or (chosen.owner if chosen else None)


def admit(asked: Asked, snapshot: TargetCatalogue) -> ImageRequest:
    """Checks against the snapshot and finds or queues the build."""
    wanted = normalise.resolve(asked, snapshot)
    identity = fingerprint.fingerprint(asked, wanted, snapshot)
    echo = fingerprint.echo(
        asked, profile=identity.profile, version=snapshot.version, version_code=identity.version_code
    )
    if (refusal := load.refusal(identity, asked.asker)) and not _costs_nothing(identity):
        raise refusal
    try:
        request, created = intake.store(identity, echo, asked, organisation=wanted.owner.pk if wanted.owner else None)
        if not created:
            _answer_again(request, identity, asked)
    except TooManyRequestsError as error:
        raise load.too_many_requests() from error
    except HashCollisionError as error:
        raise _collision(error.spec_hash) from error
    image_requested.send(ImageRequest, request=request, created=created)
    return request


def _costs_nothing(identity: Fingerprint) -> bool:
    """Whether it is built, or waits already: then it is answered however long the queue is."""
    states = (State.QUEUED, State.BUILDING, State.DONE, State.PARKED)
    return ImageRequest.objects.filter(request_hash=identity.hash, build__state__in=states).exists()


def _answer_again(request: ImageRequest, identity: Fingerprint, asked: Asked) -> None:
    """A known request: refuses a collision, queues the build again where its outcome no longer stands."""
    build = request.build
    assert build is not None  # only unchecked requests have none, and their hashes are of another kind
    if build.canonical != identity.canonical:
        raise _collision(request.request_hash)
    image = request.published_image
    is_there = image is not None and retention.is_at_hand(image)
    if image is not None and image.withdrawn_at is not None:
        return
    if build.state == State.DONE and not is_there:
        # It expired, just now or by another process; here is where `build` hears of it.
        queue.expire(build)
    if build.state in (State.FAILED, State.EXPIRED, State.DROPPED):
        if build.state != State.FAILED and intake.has_had_enough(asked.asker, build):
            raise TooManyRequestsError
        # The queue knows how long a failure is the answer.
        request.build, _ = queue.submit(
            identity.spec, client=asked.asker.key, is_outdated=intake.is_outdated(asked), is_watched=True
        )
    elif build.state in OPEN:
        polls.noticed(build.pk)
        queue.share(build, asked.asker.key)


def _collision(request_hash: str) -> RequestRefusedError:
    logger.error("Two requests have the hash %s; the second is refused.", request_hash)
    return RequestRefusedError(500, "Error: this request cannot be told from another one. Please report it.")
