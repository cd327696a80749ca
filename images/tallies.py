"""How often the files of an image were downloaded, by day and kind of client; never by whom."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from images.models import DownloadCount, Image

DAYS = 90  # that are kept; the sum of each file stays


def add(image_id: int, kind: str) -> None:
    """One more today (UTC)."""
    rows = DownloadCount.objects.filter(image=image_id, day=timezone.now().date(), kind=kind)
    if rows.update(count=F("count") + 1):
        return
    try:
        with transaction.atomic():
            DownloadCount.objects.create(image_id=image_id, day=timezone.now().date(), kind=kind, count=1)
    except IntegrityError:  # somebody else was first today
        rows.update(count=F("count") + 1)


def by_kind(image: Image) -> list[tuple[str, int]]:
    """Of the days that are kept, the most frequent first."""
    rows = DownloadCount.objects.filter(image=image).values_list("kind").annotate(total=Sum("count"))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def by_day(image: Image, days: int = 14) -> list[tuple[str, int]]:
    """Of the last days with a download, the newest first."""
    rows = DownloadCount.objects.filter(image=image).values_list("day").annotate(total=Sum("count"))
    return [(f"{day:%Y-%m-%d}", total) for day, total in rows.order_by("-day")[:days]]


def forget_old() -> int:
    """A chore: days that are kept no longer go."""
    since = timezone.now().date() - timedelta(days=DAYS)
    return DownloadCount.objects.filter(day__lt=since).delete()[0]
