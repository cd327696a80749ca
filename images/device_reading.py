"""Has a target's documents read because somebody looks at one of its devices: seldom enough that nobody can misuse it.

Whoever asks for an image is served by `images.preparing`; a page only looks, and so do robots. So a page has nothing
read but lists of a few MB (never an ImageBuilder), a target once in a while, and few targets in an hour.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from packages.models import Target

MOST_AN_HOUR = 60  # targets of which the mirror was asked, whoever wanted it
_TAKES_AT_MOST = timedelta(minutes=2)


def send_for(target: Target) -> None:
    """Has an unread target read, unless the mirror was asked of it lately or of many others."""
    if target.synced_at is not None or not _is_due(target) or _is_busy():
        return
    now = timezone.now()
    if Target.objects.filter(pk=target.pk, synced_at=None, refreshed_at=target.refreshed_at).update(refreshed_at=now):
        target.refreshed_at = now
        async_task("packages.tasks.complete", target.pk)


def is_being_read(target: Target) -> bool:
    """Whether its documents should be here in a moment."""
    if target.synced_at is not None or target.refreshed_at is None:
        return False
    has_failed = target.stale_since is not None and bool(target.sync_error)
    return not has_failed and timezone.now() - target.refreshed_at < _TAKES_AT_MOST


def _is_due(target: Target) -> bool:
    pause = max(_TAKES_AT_MOST, timedelta(seconds=settings.ASU_FAILURE_TTL))
    return target.refreshed_at is None or timezone.now() - target.refreshed_at >= pause


def _is_busy() -> bool:
    since = timezone.now() - timedelta(hours=1)
    return Target.objects.filter(Q(refreshed_at__gte=since)).count() >= MOST_AN_HOUR
