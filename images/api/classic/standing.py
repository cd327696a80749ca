"""Where a request stands, in the few words that classic clients know."""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from builders import waiting
from builders.models import Build
from builders.states import Phase, Reason, State
from images import polls
from images.exceptions import RequestRefusedError
from images.models import Image, ImageRequest

TOO_BIG = frozenset({Reason.IMAGE_TOO_BIG, Reason.ROOTFS_TOO_BIG})
NO_IMAGE = Reason.NO_IMAGE
CONFLICTS = frozenset({Reason.PACKAGE_CONFLICT, Reason.FILE_CLASH})


class Word(Enum):
    """The stations; the values are those of `X-Imagebuilder-Status`."""

    INITIALIZE = "initialize"
    QUEUE = "queue"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"  # was never asked for, or nobody waits for it any more


@dataclass(frozen=True, slots=True)
class Standing:
    """A request with what there is of build and image."""

    word: Word
    request: ImageRequest
    build: Build | None = None
    image: Image | None = None
    position: int = 0  # in the queue, the first is 1

    @property
    def reason(self) -> Reason | None:
        """Why it failed."""
        return Reason(self.build.reason) if self.build is not None and self.build.reason else None

    @property
    def sentence(self) -> str:
        """Why it failed, in words."""
        said = self.build.sentence if self.build is not None else ""
        return said or (self.reason or Reason.CRASH).label


def of(request: ImageRequest) -> Standing:
    """RequestRefusedError when it was refused, or its image was withdrawn."""
    if request.status == ImageRequest.Status.PREPARING:
        # Its target's documents, and for old releases the ImageBuilder, are on their way.
        return Standing(Word.INITIALIZE, request)
    if request.refusal is not None:
        raise RequestRefusedError.from_json(request.refusal)
    final = request.resolved_to or request
    build = final.build
    if build is None:
        return Standing(Word.GONE, final)
    match State(build.state):
        case State.QUEUED:
            polls.noticed(build.pk)
            return Standing(Word.QUEUE, final, build, position=waiting.of(build).position + 1)
        case State.BUILDING:
            return Standing(_of_phase(Phase(build.phase or Phase.INIT)), final, build)
        case State.DONE:
            return _done(final, build)
        case State.FAILED | State.PARKED:
            return Standing(Word.FAILED, final, build)
        case State.DROPPED | State.EXPIRED:
            return Standing(Word.GONE, final, build)
        case other:
            assert_never(other)


def _of_phase(phase: Phase) -> Word:
    """While the worker gets the ImageBuilder: a minute or two, in which nothing is built."""
    return Word.INITIALIZE if phase in (Phase.DOWNLOAD_IMAGEBUILDER, Phase.UNPACK_IMAGEBUILDER) else Word.BUILDING


def _done(request: ImageRequest, build: Build) -> Standing:
    image = request.published_image
    if image is not None and image.withdrawn_at is not None:
        raise RequestRefusedError(400, f"This image was withdrawn. {image.withdrawn_why}".strip())
    if image is None or image.expired_at is not None:
        return Standing(Word.GONE, request, build)
    return Standing(Word.READY, request, build, image)
