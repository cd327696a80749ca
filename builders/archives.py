"""ImageBuilder archives kept for workers on other machines, so that a mirror is asked once for all of them.

::

    ASU_CACHE_DIR/archives/<sha256>            the archive, verified
    ASU_CACHE_DIR/archives/<sha256>.part       on its way
    ASU_CACHE_DIR/archives/<sha256>.state      JSON: when it was asked for, how far it is, why it failed

The cluster fetches; whoever asks meanwhile hears how far that is, and goes to the mirror itself when it fails. What the
main server fetches for itself comes through here too (`SharedSources`).
"""

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django_q.tasks import async_task

from builders.models import Worker
from builders.sources import GoOn, MirrorSources, Progress
from builders.spec import ImageBuilderSpec
from builders.transports import local
from packages import names
from packages.exceptions import DownloadStoppedError, MirrorError
from packages.upstream import Mirror
from packages.upstream.folders import folder_of

logger = logging.getLogger(__name__)

# A cluster that has not begun, or not gone on, for so long is not there; a failure is the answer for so long.
_PATIENCE = 30.0  # seconds
_ABANDONED = 86400.0  # seconds after which a half fetched archive is not gone on with


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is of an archive: a file; or `percent` of it is here (None: not known); or `failure` says why not."""

    path: Path | None = None
    percent: int | None = None
    failure: str = ""


def supply(sha256: str, url: str) -> Supply:
    """The archive if it is here; otherwise it is sent for."""
    path = _path(sha256)
    with suppress(FileNotFoundError):
        os.utime(path)
        return Supply(path)
    if url.startswith("file://") and (own := folder_of(url)).is_file():
        return Supply(own)  # of a mirror on this machine: no copy is needed
    if not settings.ASU_ARCHIVE_CACHE_GB:
        return Supply(failure="This server keeps no ImageBuilders; ask the mirror.")
    with _alone():  # of many who ask at once, one sends for it
        known = _known(sha256)
        if known is not None:
            return known
        _write(sha256, percent=None)
    async_task("builders.tasks.fetch_archive", sha256, url, task_name=f"archive {sha256[:12]}")
    return Supply()


def _known(sha256: str) -> Supply | None:
    """What was heard of it lately; None: nothing, so that it is time to send for it."""
    state = _read(sha256)
    # A clock that was set back must not make the past look fresh for long.
    age = abs(time.time() - state.get("at", 0.0))
    if age < _PATIENCE:
        return Supply(percent=state.get("percent"), failure=state.get("failure", ""))
    if state and not state.get("failure") and age < 10 * _PATIENCE:
        if _is_at_work():
            return Supply()
        return Supply(failure="The server does not get on with this ImageBuilder; ask the mirror.")
    return None


def fetch(sha256: str, url: str) -> None:
    """The cluster's side: get it from the mirror. Run twice, the second one finds it."""
    with suppress(MirrorError, OSError):  # the state tells
        bring(sha256, url)


class SharedSources(MirrorSources):
    """For a server that is not alone: each ImageBuilder that it needs itself is fetched once, for all of the farm."""

    def imagebuilder(self, wanted: ImageBuilderSpec, target: Path, progress: Progress, go_on: GoOn) -> None:
        """See Sources."""
        if not _is_shared() or wanted.url.startswith("file://"):
            super().imagebuilder(wanted, target, progress, go_on)
            return
        kept = bring(wanted.sha256, wanted.url, progress, go_on)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(kept)
        except OSError:  # on another file system, or a thing of the past already: once more, verified
            super().imagebuilder(
                ImageBuilderSpec(kept.as_uri(), wanted.file_name, wanted.sha256), target, progress, go_on
            )


def _is_shared() -> bool:
    """Whether machines other than this one build for us."""
    if not settings.ASU_ARCHIVE_CACHE_GB:
        return False
    own = [local.name_of(slot) for slot in range(settings.ASU_LOCAL_WORKERS)]
    return not own or Worker.objects.online().exclude(name__in=own).exists()


def bring(
    sha256: str,
    url: str,
    progress: Progress = lambda done, total: None,
    go_on: GoOn = lambda: True,
) -> Path:
    """Fetch it unless it is here, verified, and keep it. Raises MirrorError and OSError; whoever asks hears of it."""
    path = _path(sha256)
    if path.exists():
        os.utime(path)
        return path
    _make_room()
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        progress(done, total)
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            _write(sha256, percent=min(99, 100 * done // total) if total else None)

    try:
        mirror, name = Mirror.for_url(url)
        mirror.download(name, path, sha256=sha256, progress=report, go_on=go_on)
    except DownloadStoppedError:
        _state(sha256).unlink(missing_ok=True)
        raise
    except (MirrorError, OSError) as error:
        logger.warning("the ImageBuilder %s was not fetched for the workers: %s", sha256[:12], error)
        sentence = str(error) if isinstance(error, MirrorError) else "The server cannot store it."
        _write(sha256, percent=None, failure=sentence)
        raise
    _state(sha256).unlink(missing_ok=True)
    _make_room()
    return path


def _is_at_work() -> bool:
    """Whether another archive is on its way just now, so that this one has to wait for its turn."""
    since = time.time() - _PATIENCE
    states = [_read(path.stem) for path in _folder().glob("*.state")]
    return any(state.get("at", 0.0) > since and not state.get("failure") for state in states)


def _make_room() -> None:
    """The least recently used go, until the rest fits; and what nobody goes on with."""
    long_ago = time.time() - _ABANDONED
    for path in [*_folder().glob("*.part"), *_folder().glob("*.state*")]:
        if _age(path) < long_ago:
            path.unlink(missing_ok=True)
    files = sorted((path for path in _folder().iterdir() if names.SHA256.fullmatch(path.name)), key=_age)
    sizes = [path.stat().st_size if path.exists() else 0 for path in files]
    total = sum(sizes)
    for path, size in list(zip(files, sizes, strict=True))[:-1]:
        if total <= settings.ASU_ARCHIVE_CACHE_GB * 2**30:
            return
        total -= size
        path.unlink(missing_ok=True)  # who reads it just now has it open


@contextmanager
def _alone() -> Iterator[None]:
    with (_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # somebody else makes room too
        return 0.0


def _folder() -> Path:
    folder = Path(settings.ASU_CACHE_DIR) / "archives"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(sha256: str) -> Path:
    if not names.SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} names no archive")
    return _folder() / sha256


def _state(sha256: str) -> Path:
    return _folder() / f"{sha256}.state"


def _read(sha256: str) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(_state(sha256).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return state


def _write(sha256: str, **words: Any) -> None:
    new = _folder() / f"{sha256}.state.{os.getpid()}-{threading.get_ident()}"
    new.write_text(json.dumps({"at": time.time(), **words}))
    new.replace(_state(sha256))
