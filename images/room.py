"""Room in the store: the least recently used images go when it grows over its quota or the disk runs full.

A disk may be full for other reasons. So free space is made only if the images that may go are enough to reach the
mark, and the store yields slowly: what it took itself since the last time, and ASU_STORE_MIN_FREE_GB an hour.
"""

import logging
import shutil
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from images import marks, retention
from images.models import Image
from images.querysets import ImageQuerySet

logger = logging.getLogger(__name__)

# Whoever asked for an image lately may be about to download it.
GRACE = timedelta(hours=1)
# Where nothing else helps. Not less: see `images.retention` about hits that were not written down.
SHORTEST_GRACE = retention.STEP + timedelta(minutes=5)
_MARK = "made-room"


def keep_limits() -> int:
    """A chore: expires the least recently used images while there is too little room; how many."""
    return _keep_quota() + _keep_free()


def make_room(needed: int) -> bool:
    """For a publication that found the disk full: expires so many images that it may try again; False: it may not.

    No build begins on a full disk (ASU_MIN_FREE_MB), so this does not repeat itself in vain.
    """
    free = _free()
    # With that much free the disk is full in another way: too many files, a quota of the server's user.
    missing = needed - free if free < needed else needed
    for grace in (GRACE, SHORTEST_GRACE):
        since = _ago(grace)
        if _size(Image.objects.unasked_since(since)) >= missing:
            count = _expire(missing, since)
            logger.warning("the disk is full: %s least recently used images expired for a new one", count)
            return count > 0
    logger.error("The disk is full, and no images are left to make room with. Free some space.")
    return False


def _keep_quota() -> int:
    quota = settings.ASU_STORE_QUOTA_GB * 2**30
    # Withdrawn images stay as evidence and are not counted: otherwise they would push out all others.
    over = _size(Image.objects.served()) - quota if quota else 0
    return _expire(over, _ago(GRACE)) if over > 0 else 0


def _keep_free() -> int:
    wanted = int(settings.ASU_STORE_MIN_FREE_GB * 2**30)
    missing = wanted - _free()
    if missing <= 0:
        return 0
    since = _ago(GRACE)
    if _size(Image.objects.unasked_since(since)) < missing:
        logger.warning("%s MB of disk are missing to ASU_STORE_MIN_FREE_GB; no images would help", missing // 2**20)
        return 0
    share = min(missing, _share(wanted))
    if share < missing:
        logger.warning("the disk fills faster than the store grows: something else than images takes the space")
    marks.note(_MARK, timezone.now())
    return _expire(share, since)


def _share(wanted: int) -> int:
    """How many bytes the store may yield now."""
    last = marks.last(_MARK)
    if last is None:
        return wanted
    grown = _size(Image.objects.served().filter(published_at__gt=last))
    hours = (timezone.now() - last) / timedelta(hours=1)
    return grown + int(wanted * min(max(hours, 0), 1))


def _expire(wanted: int, since: datetime) -> int:
    """Expires images until `wanted` bytes came free, the least recently used first; how many."""
    unused = Image.objects.unasked_since(since).order_by("last_asked_at", "pk").values_list("pk")
    chosen = []
    for pk, size in unused.annotate(bytes=Sum("files__size")).iterator():
        if wanted <= 0:
            break
        chosen.append(pk)
        wanted -= size or 0
    images = Image.objects.select_related("request").only("last_asked_at", "request__request_hash").in_bulk(chosen)
    return sum(retention.expire_unasked(images[pk], since) for pk in chosen if pk in images)


def _size(images: ImageQuerySet) -> int:
    """Bytes of their files."""
    return int(images.aggregate(bytes=Sum("files__size"))["bytes"] or 0)


def _ago(grace: timedelta) -> datetime:
    # The layer before Django gives an answer again for a few seconds, and nobody hears of it.
    return timezone.now() - grace - timedelta(seconds=settings.ASU_FAST_ANSWER_SECONDS)


def _free() -> int:
    settings.ASU_STORE_DIR.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings.ASU_STORE_DIR).free
