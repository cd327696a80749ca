"""What takes the room on this machine's disks: measured now and then by a chore, for it may take seconds."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from builders.models import ImageBuilder
from images.models import ImageFile
from stats import readiness

_GB = 2**30
_FILE = "room.json"


class Use(NamedTuple):
    """One of the folders."""

    name: str
    used: int | None  # bytes; None: not measured yet
    quota: int  # bytes; 0 = as the disk allows


class Room(NamedTuple):
    """All of it."""

    uses: list[Use]
    free: int
    whole: int
    measured_at: datetime | None
    trouble: str  # a sentence, when the disk is too full to work


def measure() -> None:
    """A chore: looks at rows and folders, and writes down what it found."""
    served = ImageFile.objects.filter(image__expired_at=None, image__withdrawn_at=None)
    cache = Path(settings.ASU_CACHE_DIR)
    found = {
        "at": timezone.now().isoformat(),
        "images": int(served.aggregate(bytes=Sum("size"))["bytes"] or 0),
        "packages": _size_below(cache, but="archives"),
        "archives": _size_below(cache / "archives"),
    }
    path = Path(settings.ASU_RUN_DIR) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{_FILE}.{os.getpid()}")
    new.write_text(json.dumps(found))
    new.replace(path)


def look() -> Room:
    """As it was when it was last measured; the disk itself as it is now."""
    known = _measured()
    imagebuilders = ImageBuilder.objects.order_by().aggregate(bytes=Sum("disk_bytes"))["bytes"] or 0
    uses = [
        Use("images", known.get("images"), settings.ASU_STORE_QUOTA_GB * _GB),
        Use("ImageBuilders", int(imagebuilders), settings.ASU_IMAGEBUILDER_QUOTA_GB * _GB),
        Use("packages and indexes", known.get("packages"), settings.ASU_CACHE_QUOTA_GB * _GB),
        Use("archives for workers", known.get("archives"), settings.ASU_ARCHIVE_CACHE_GB * _GB),
    ]
    free, whole = _disk()
    said = readiness.disk()
    measured_at = datetime.fromisoformat(known["at"]) if "at" in known else None
    return Room(uses, free, whole, measured_at, "" if said == readiness.OK else said)


def _measured() -> dict[str, Any]:
    try:
        found = json.loads((Path(settings.ASU_RUN_DIR) / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _disk() -> tuple[int, int]:
    """Bytes free and in all; nothing where there is no store, which the sentence of `readiness` then tells."""
    try:
        return readiness.free_bytes(), shutil.disk_usage(settings.ASU_STORE_DIR).total
    except OSError:
        return 0, 0


def _size_below(folder: Path, *, but: str = "") -> int:
    """Bytes on disk; a file with several names counts once."""
    seen: set[int] = set()
    total = 0
    for stat in _files(folder, but):
        if stat.st_nlink > 1 and stat.st_ino in seen:
            continue
        seen.add(stat.st_ino)
        total += stat.st_blocks * 512
    return total


def _files(folder: Path, but: str) -> Iterator[os.stat_result]:
    for root, folders, names in os.walk(folder):
        if but in folders and Path(root) == folder:
            folders.remove(but)
        for name in names:
            with suppress(FileNotFoundError):  # others tidy up at the same time
                yield (Path(root) / name).lstat()
