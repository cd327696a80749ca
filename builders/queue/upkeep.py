"""What nobody asks for: builds come back from workers that fell silent, and go when nobody waits for them any more."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from builders.models import Build
from builders.querysets import from_now
from builders.queue import moves
from builders.states import State
from packages import generation

logger = logging.getLogger(__name__)


def reclaim_overdue() -> int:
    """Builds whose worker said nothing until its lease ran out wait again. Within the caller's transaction."""
    count = 0
    for build in Build.objects.overdue().select_for_update(of=("self",), skip_locked=True):
        moves.take_back(build, moves.LOST, settings.ASU_MAX_ATTEMPTS)
        logger.warning("build %s: lost by its worker in attempt %s", build.spec_hash[:12], build.attempts)
        count += 1
    return count


def drop_unwanted() -> int:
    """QUEUED -> DROPPED for builds that nobody has asked for in ASU_DROP_MINUTES. They come back when asked for."""
    minutes = settings.ASU_DROP_MINUTES
    if not minutes:
        return 0
    unwanted = Build.objects.filter(state=State.QUEUED, polled_at__lt=from_now(-60 * minutes))
    count = unwanted.order_by().update(
        state=State.DROPPED,
        finished_at=Now(),
        sentence=f"Nobody asked for this image for {minutes} minutes, so it left the queue. Ask for it again.",
    )
    if count:
        logger.info("%s builds dropped: nobody waits for them any more", count)
        transaction.on_commit(generation.bump)
    return count
