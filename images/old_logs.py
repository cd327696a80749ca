"""The logs of failures that nobody is interested in any more: what clients are told stays, the rest goes."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from builders.models import Build
from images import marks
from images.api import answers

_MARK = "logs-shortened"
_MOST = 200  # at a time: the chore has others after it


def shorten() -> int:
    """Cuts the logs of builds that failed before ASU_IMAGE_TTL_DAYS and were not repeated since; how many.

    Asked for again, a failed build starts anew and fails at a later time; so those it looks at come once each, in the
    order of that time, and a mark tells how far it got.
    """
    done_until = marks.last(_MARK)
    until = timezone.now() - timedelta(days=settings.ASU_IMAGE_TTL_DAYS)
    old = Build.objects.failed().filter(finished_at__lt=until).order_by("finished_at")
    if done_until is not None:
        old = old.filter(finished_at__gte=done_until)
    count, seen = 0, until
    for build in old.only("stdout", "stderr", "finished_at", "epoch")[:_MOST]:
        count += _cut(build)
        seen = build.finished_at or seen
    marks.note(_MARK, seen)
    return count


def _cut(build: Build) -> bool:
    short = {"stdout": answers.tail(build.stdout), "stderr": answers.tail(build.stderr)}
    if short == {"stdout": build.stdout, "stderr": build.stderr}:
        return False
    # Not if it was started anew meanwhile: the log would be that of another attempt.
    return bool(Build.objects.failed().filter(pk=build.pk, epoch=build.epoch).update(**short))
