"""Adds up what others tell: builds and downloads, by day and distribution."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from builders.models import Build
from builders.signals import build_finished
from images.models import ImageFile
from images.signals import image_downloaded
from stats.models import DailyCount

BUILDS = "builds"
DOWNLOADS = "downloads"


def connect() -> None:
    """Called once, when the apps are ready."""
    image_downloaded.connect(_on_downloaded, dispatch_uid="stats.downloads")
    build_finished.connect(_on_built, dispatch_uid="stats.builds")


def add(name: str, distribution: str) -> None:
    """One more today (UTC)."""
    row = DailyCount.objects.filter(day=timezone.now().date(), name=name, distribution=distribution)
    if row.update(count=F("count") + 1):
        return
    try:
        with transaction.atomic():
            DailyCount.objects.create(day=timezone.now().date(), name=name, distribution=distribution, count=1)
    except IntegrityError:  # somebody else was first today
        row.update(count=F("count") + 1)


def _on_downloaded(sender: object, *, file: ImageFile, **kwargs: Any) -> None:
    add(DOWNLOADS, file.image.request.distribution)


def _on_built(sender: object, *, build: Build, **kwargs: Any) -> None:
    add(BUILDS, build.spec["distribution"])
