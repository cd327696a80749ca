"""Counts what others tell: builds that ended, and downloads.

A build is counted within the transaction that ends it (`stats.ledger`). Should counting fail, the build ends all the
same, and the nightly recount finds what is missing. Downloads are in no row but `ImageFile.downloads`, which knows no
days: one that ends while its process is killed may be missing for good, and so are those of before counters were kept.
"""

import logging
from datetime import UTC
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from builders.models import Build
from builders.signals import build_failed, build_finished
from images.models import ImageFile
from images.signals import image_downloaded
from stats import endings, ledger
from stats.tallies import BUILDS, DOWNLOADS, Tally

__all__ = ["BUILDS", "DOWNLOADS", "add", "connect"]

logger = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when the apps are ready."""
    image_downloaded.connect(_on_downloaded, dispatch_uid="stats.downloads")
    build_finished.connect(_on_ended, dispatch_uid="stats.builds")
    build_failed.connect(_on_ended, dispatch_uid="stats.failures")


def add(name: str, distribution: str, organisation: int = 0) -> None:
    """One more today (UTC)."""
    ledger.add(timezone.now().date(), {Tally(name, distribution, organisation): 1})


def _on_downloaded(sender: object, *, file: ImageFile, **kwargs: Any) -> None:
    request = file.image.request
    add(DOWNLOADS, request.distribution, request.organisation_id or 0)


def _on_ended(sender: object, *, build: Build, **kwargs: Any) -> None:
    try:
        with transaction.atomic():
            ending = endings.of(build)
            if ending is not None:
                ledger.add(ending.at.astimezone(UTC).date(), ending.tallies())
    except DatabaseError:
        logger.exception("build %s is not counted; the next recount does", build.spec_hash[:12])
