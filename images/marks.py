"""How far a chore got, or when it last did something: the times of small files, kept between two runs."""

import os
from datetime import UTC, datetime

from django.conf import settings


def last(name: str) -> datetime | None:
    """The time noted under this name; None when nothing was."""
    try:
        return datetime.fromtimestamp((settings.ASU_RUN_DIR / name).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def note(name: str, at: datetime) -> None:
    """Notes a time."""
    path = settings.ASU_RUN_DIR / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (at.timestamp(), at.timestamp()))
