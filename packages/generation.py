"""One number that changes whenever something that answers are made of changes.

Every process keeps answers and catalogue snapshots in memory. They are good as long as the generation is the one they
were made under: the modification time of one file, so that a check costs a `stat` and no query. Processes on other
machines notice after the time limit that each cache has besides.
"""

import os
import time

from django.conf import settings


def current() -> int:
    """The present generation, nanoseconds; 0 when nothing was ever changed."""
    try:
        # Text, not a Path: this runs on every request.
        return os.stat(f"{settings.ASU_RUN_DIR}/generation").st_mtime_ns  # noqa: PTH116
    except FileNotFoundError:
        return 0


def bump() -> None:
    """Something changed: a release, a feed, an image that is no longer served. Call it after the commit."""
    path = settings.ASU_RUN_DIR / "generation"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    now = time.time_ns()
    os.utime(path, ns=(now, now))
