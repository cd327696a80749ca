"""When an image goes: it is asked for and its files are looked at, or it is let go of, and never both.

::

    a hit        files whole? ── no ──► expire_broken()     a look and one UPDATE under the lock of the build
                 note_use()                                 UPDATE ... WHERE it is still served
    the chores   expire_unasked()                           UPDATE ... WHERE nobody has asked for it meanwhile

Both UPDATEs are for the same row, so whoever comes first wins and the other one sees it. Hits write only every `STEP`;
that is safe because what is let go of was left alone for longer than that (`images.room`, ASU_IMAGE_TTL_DAYS): a hit on
such an image always writes.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from builders import queue
from builders.models import Build
from builders.states import State
from images import storage
from images.models import Image
from images.querysets import ImageQuerySet
from packages import generation
from packages.models import Release

logger = logging.getLogger(__name__)

# How exact `last_asked_at` is: not every hit on a popular image writes.
STEP = timedelta(minutes=10)


# -- hits --------------------------------------------------------------------------------------------------


def is_at_hand(image: Image) -> bool:
    """Whether an image can be had. Somebody asks for it, so it stays for a while; with files missing it expires."""
    if not image.is_served or (not is_whole(image) and expire_broken(image)):
        return False
    return note_use(image)


def note_use(image: Image) -> bool:
    """Somebody asked for it or downloads it. False, and the image as it is now, when it is no longer served."""
    now = timezone.now()
    if not image.is_served or now - image.last_asked_at <= STEP:
        return image.is_served
    if Image.objects.served().filter(pk=image.pk).update(last_asked_at=now):
        return True
    image.refresh_from_db(fields=["expired_at", "withdrawn_at", "withdrawn_why"])
    return False


def is_whole(image: Image) -> bool:
    """Whether each file that its rows name is in the store, with that size."""
    return storage.holds(image.request.request_hash, ((file.name, file.size) for file in image.file_list))


# -- letting go --------------------------------------------------------------------------------------------


def expire(image: Image) -> bool:
    """Lets go of an image's files; asked for again, it is built again. False: somebody else did so before."""
    return _let_go(image, Image.objects.filter(expired_at=None))


def expire_unused() -> int:
    """Expires what nobody asked for within ASU_IMAGE_TTL_DAYS; how many."""
    since = timezone.now() - timedelta(days=settings.ASU_IMAGE_TTL_DAYS)
    unused = Image.objects.unasked_since(since).select_related("request")
    return sum(expire_unasked(image, since) for image in list(unused.only("last_asked_at", "request__request_hash")))


def expire_replaced() -> int:
    """Expires what was built of a snapshot that the mirror has replaced, once nobody asks for it; how many.

    Who asks again gets the present snapshot: ASU_SNAPSHOT_TTL_HOURS is for those who still download.
    """
    since = timezone.now() - timedelta(hours=settings.ASU_SNAPSHOT_TTL_HOURS)
    snapshots = [row for row in Release.objects.select_related("distribution", "channel") if row.is_snapshot]
    return sum(expire_unasked(image, since) for row in snapshots for image in _replaced(row, since))


def _replaced(release: Release, since: datetime) -> list[Image]:
    """Images of a snapshot whose ImageBuilder is no longer the one of their target."""
    current = dict(release.targets.exclude(imagebuilder_sha256="").values_list("name", "imagebuilder_sha256"))
    unused = Image.objects.unasked_since(since).filter(
        request__distribution=release.distribution.name, request__version=release.version
    )
    rows = unused.select_related("request").values_list("pk", "request__target", "request__build__imagebuilder")
    old = [pk for pk, target, made_by in rows if current.get(target, made_by) != made_by]
    return list(Image.objects.filter(pk__in=old).select_related("request"))


def expire_unasked(image: Image, since: datetime) -> bool:
    """Expires it unless somebody asked for it after `since`: also just now, while others were removed."""
    return _let_go(image, Image.objects.unasked_since(since))


def expire_broken(image: Image) -> bool:
    """Expires an image whose files are gone or cut. False, and the image as it is now, when that is no longer so."""

    def is_broken() -> bool:
        # Published anew since it was read, its files would not fit the rows that we have.
        now = Image.objects.served().select_related("request").filter(pk=image.pk).first()
        return now is not None and not is_whole(now)

    if _let_go(image, Image.objects.served(), is_broken):
        logger.warning("image %s: files are missing; it expires, the next request builds it", image.request)
    image.refresh_from_db()
    vars(image).pop("file_list", None)
    return not image.is_served


def _let_go(image: Image, rows: ImageQuerySet, is_due: Callable[[], bool] = lambda: True) -> bool:
    """Expires `image` if it is still one of `rows` and `is_due`; whether it did."""
    aside = None
    try:
        with transaction.atomic():
            # First the build, as a publication does: in another order the two could wait for each other. As long as
            # it is locked nobody publishes, so the files set aside are those of the rows.
            build = Build.objects.light().select_for_update(of=("self",)).filter(request__image=image.pk).first()
            if not is_due() or not rows.filter(pk=image.pk).update(expired_at=timezone.now()):
                return False
            if build is not None and build.state == State.DONE:
                queue.expire(build)
            aside = storage.set_aside(image.request.request_hash)
    finally:
        # Also when the database failed at last: the files are out of the way, and the next hit finds them gone.
        if aside is not None:
            storage.discard(aside)
    generation.bump()
    return True
