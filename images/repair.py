"""Finds and mends what a crash left in the store: files without rows, rows without files, half-done uploads."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from images import retention
from images.models import Image

# A publication under way has files, but no rows yet that others could see.
_YOUNG_SECONDS = 3600


@dataclass(slots=True)
class Findings:
    """What does not fit together."""

    orphans: list[Path] = field(default_factory=list)  # folders that no row names, drafts, old uploads
    incomplete: list[Image] = field(default_factory=list)  # images with files missing or of another size

    def __bool__(self) -> bool:
        return bool(self.orphans or self.incomplete)


def inspect(*, is_idle: bool) -> Findings:
    """Looks, and changes nothing. `is_idle`: nothing is being built or published, so young leftovers count as well."""
    return Findings(
        orphans=list(_orphans(is_idle)), incomplete=[image for image in _served() if not retention.is_whole(image)]
    )


def mend(findings: Findings) -> None:
    """Removes orphans; incomplete images expire, so that the next request builds them again."""
    for path in findings.orphans:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for image in findings.incomplete:
        retention.expire_broken(image)


def _served() -> Iterator[Image]:
    return Image.objects.served().select_related("request__build").prefetch_related("files").iterator(chunk_size=500)


def _orphans(is_idle: bool) -> Iterator[Path]:
    # Withdrawn images keep their files as evidence.
    known = set(Image.objects.filter(expired_at=None).values_list("request__request_hash", flat=True))
    limit = time.time() - (0 if is_idle else _YOUNG_SECONDS + settings.ASU_BUILD_TIMEOUT)
    for place in (settings.ASU_STORE_DIR, settings.ASU_UPLOAD_DIR):
        if not place.is_dir():
            continue
        for path in place.iterdir():
            if place == settings.ASU_STORE_DIR and path.name in known:
                continue
            with suppress(FileNotFoundError):  # drafts and uploads come and go while we look
                if path.lstat().st_mtime <= limit:
                    yield path
