"""Has the ImageBuilder that a build needs: downloads, verifies, unpacks and sets it up once, keeps it pristine."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from django.utils import timezone

from builders import shelf
from builders.archive import ArchiveError, UnpackStoppedError, unpack
from builders.failures import cancelled, from_os
from builders.inside import read_inside
from builders.models import ImageBuilder
from builders.runners.base import Runner
from builders.runners.walls import build_user
from builders.runners.workdir import disk_usage, remove_tree
from builders.spec import BuildFailedError, BuildSpec
from builders.states import Phase, Reason
from builders.warmup import warm_up
from packages.conf import settings
from packages.exceptions import (
    ChecksumError,
    DownloadStoppedError,
    MirrorError,
    NotOnMirrorError,
    TooLargeError,
)
from packages.upstream import Mirror

Report = Callable[[Phase, int | None], None]
GoOn = Callable[[], bool]

_UNPACKED_PER_PACKED = 8  # how much room to make before anything is known


@dataclass(slots=True)
class Tree:
    """A pristine ImageBuilder, ours to use until `close()`: while it is open it is not removed."""

    path: Path
    sha256: str
    _lock: shelf.Lock | None = field(default=None, repr=False, compare=False)

    def read(self, name: str) -> bytes | None:
        """A small file in it, by relative name; None if there is none. Links are not followed."""
        return read_inside(self.path, name)

    def close(self) -> None:
        """Let others remove it."""
        if self._lock:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ensure(spec: BuildSpec, runner: Runner, report: Report, go_on: GoOn = lambda: True) -> Tree:
    """The ImageBuilder of `spec`, set up and held; close it (or use `with`) when done.

    Whoever comes while it is being set up waits. Raises BuildFailedError only.
    """
    sha256 = spec.imagebuilder.sha256
    go_on = _once_a_second(go_on)
    while True:
        lock = shelf.Lock.hold(sha256, exclusive=False, while_waiting=lambda: _wait(sha256, report, go_on))
        try:
            if shelf.read_marker(sha256) is not None:
                return _take(spec, lock)
        except BaseException:
            lock.close()
            raise
        lock.close()
        with shelf.Lock.hold(sha256, exclusive=True, while_waiting=lambda: _wait(sha256, report, go_on)):
            if shelf.read_marker(sha256) is None:
                _set_up_or_say_why(spec, runner, report, go_on)


def _take(spec: BuildSpec, lock: shelf.Lock) -> Tree:
    sha256 = spec.imagebuilder.sha256
    shelf.touch(sha256)
    _note(spec, status=ImageBuilder.Status.READY, error="", last_used_at=timezone.now())
    return Tree(shelf.tree_path(sha256), sha256, lock)


def repair() -> None:
    """Clear away what a crash left half done, and make the rows say so. Call at start; safe at any time."""
    for sha256 in shelf.left_behind():
        if (lock := shelf.Lock.try_hold(sha256, exclusive=True)) is not None:
            with lock:
                if shelf.read_marker(sha256) is None:
                    shelf.drop(sha256)
    busy = (ImageBuilder.Status.DOWNLOADING, ImageBuilder.Status.UNPACKING, ImageBuilder.Status.READY)
    for row in ImageBuilder.objects.filter(status__in=busy):
        lock = shelf.Lock.try_hold(row.sha256, exclusive=True)
        if lock is not None:
            with lock:
                if shelf.read_marker(row.sha256) is None:
                    _gone(row.sha256)


def remove(sha256: str) -> bool:
    """Remove one ImageBuilder from the disk; False when a build is using it."""
    lock = shelf.Lock.try_hold(sha256, exclusive=True)
    if lock is None:
        return False
    with lock:
        shelf.drop(sha256)
        for path in _downloads(sha256):
            path.unlink(missing_ok=True)
    _gone(sha256)
    return True


# -- rows --------------------------------------------------------------------------------------------------


def _note(spec: BuildSpec, **values: Any) -> None:
    """Write down where this ImageBuilder stands."""
    about = {
        "distribution": spec.distribution,
        "version": spec.version,
        "target": spec.target,
        "url": spec.imagebuilder.url,
    }
    sha256 = spec.imagebuilder.sha256
    if not ImageBuilder.objects.filter(sha256=sha256).update(**values):
        ImageBuilder.objects.update_or_create(sha256=sha256, defaults={**about, **values})


def _gone(sha256: str) -> None:
    ImageBuilder.objects.filter(sha256=sha256).update(
        status=ImageBuilder.Status.ABSENT, disk_bytes=0, ready_at=None, downloaded_bytes=0
    )


def _wait(sha256: str, report: Report, go_on: GoOn) -> None:
    """Somebody else sets it up: show how far that is."""
    if not go_on():
        raise cancelled()
    row = ImageBuilder.objects.filter(sha256=sha256).first()
    if row and row.status == ImageBuilder.Status.DOWNLOADING:
        percent = 100 * row.downloaded_bytes // row.total_bytes if row.total_bytes else None
        report(Phase.DOWNLOAD_IMAGEBUILDER, percent)
    elif row and row.status == ImageBuilder.Status.UNPACKING:
        report(Phase.UNPACK_IMAGEBUILDER, None)


# -- setting up --------------------------------------------------------------------------------------------


def _set_up_or_say_why(spec: BuildSpec, runner: Runner, report: Report, go_on: GoOn) -> None:
    try:
        _set_up(spec, runner, report, go_on)
    except BuildFailedError as error:
        broken = error.reason in (Reason.BAD_ARCHIVE, Reason.BAD_CHECKSUM, Reason.PREREQUISITE)
        status = ImageBuilder.Status.BROKEN if broken else ImageBuilder.Status.ABSENT
        _note(spec, status=status, error=error.sentence, disk_bytes=0, ready_at=None)
        raise
    except OSError as error:
        failure = from_os(error)
        _note(spec, status=ImageBuilder.Status.ABSENT, error=failure.sentence, disk_bytes=0, ready_at=None)
        raise failure from error


def _set_up(spec: BuildSpec, runner: Runner, report: Report, go_on: GoOn) -> None:
    sha256 = spec.imagebuilder.sha256
    shelf.drop(sha256)
    archive = _download(spec, report, go_on)
    fresh = shelf.folder("new") / sha256
    try:
        packed = archive.stat().st_size
        shelf.make_room(packed * _UNPACKED_PER_PACKED, gone=_gone)
        _note(spec, status=ImageBuilder.Status.UNPACKING, error="", downloaded_bytes=packed, total_bytes=packed)
        tree = _unpack(archive, fresh, report, go_on)
        archive.unlink()
        report(Phase.UNPACK_IMAGEBUILDER, 100)
        warm_up(tree, runner, go_on)
        disk_bytes = disk_usage([tree])
        shelf.put(sha256, tree, disk_bytes)
    finally:
        remove_tree(fresh)
    now = timezone.now()
    _note(spec, status=ImageBuilder.Status.READY, error="", disk_bytes=disk_bytes, ready_at=now, last_used_at=now)
    shelf.make_room(keep=sha256, gone=_gone)


def _downloads(sha256: str) -> tuple[Path, Path]:
    folder = shelf.folder("downloads")
    return folder / sha256, folder / f"{sha256}.part"


def _download(spec: BuildSpec, report: Report, go_on: GoOn) -> Path:
    sha256 = spec.imagebuilder.sha256
    target = _downloads(sha256)[0]
    report(Phase.DOWNLOAD_IMAGEBUILDER, 0)
    _note(spec, status=ImageBuilder.Status.DOWNLOADING, error="", downloaded_bytes=0)
    shelf.make_room(gone=_gone)
    progress = _Progress(lambda done, total: _downloaded(spec, report, done, total))
    name = spec.imagebuilder.file_name
    try:
        mirror, path = Mirror.for_url(spec.imagebuilder.url)
        mirror.download(path, target, sha256=sha256, progress=progress, go_on=go_on)
    except DownloadStoppedError as error:
        raise cancelled() from error
    except ChecksumError as error:
        sentence = f"The ImageBuilder {name} has another checksum than its distribution published."
        raise BuildFailedError(Reason.BAD_CHECKSUM, sentence) from error
    except NotOnMirrorError as error:
        sentence = f"The ImageBuilder {name} is no longer on the mirror. Ask again after the next synchronisation."
        raise BuildFailedError(Reason.MIRROR_MOVED, sentence) from error
    except TooLargeError as error:
        raise BuildFailedError(Reason.BAD_ARCHIVE, f"The ImageBuilder {name} is too large.") from error
    except MirrorError as error:
        sentence = f"The mirror did not deliver the ImageBuilder {name}: {error} Ask again later."
        raise BuildFailedError(Reason.MIRROR_UNREACHABLE, sentence) from error
    return target


def _downloaded(spec: BuildSpec, report: Report, done: int, total: int) -> None:
    report(Phase.DOWNLOAD_IMAGEBUILDER, min(100, 100 * done // total) if total else None)
    _note(spec, downloaded_bytes=done, total_bytes=total)


def _unpack(archive: Path, fresh: Path, report: Report, go_on: GoOn) -> Path:
    # Entered on the way to the tree by the build user when there are no walls.
    fresh.parent.chmod(0o711)
    fresh.mkdir()
    fresh.chmod(0o711)
    owner = build_user(settings.ASU_BUILD_UID) if build_user(0)[0] == 0 else None
    report(Phase.UNPACK_IMAGEBUILDER, 0)
    try:
        return unpack(
            archive,
            fresh,
            owner=owner,
            progress=lambda percent: report(Phase.UNPACK_IMAGEBUILDER, percent),
            go_on=go_on,
        )
    except UnpackStoppedError as error:
        raise cancelled() from error
    except ArchiveError as error:
        # The sum was right, so another download would bring the same.
        archive.unlink()
        sentence = f"The ImageBuilder's archive cannot be used. {error}"
        raise BuildFailedError(Reason.BAD_ARCHIVE, sentence) from error


class _Progress:
    """Passes on at most one report a second, and the last one."""

    def __init__(self, pass_on: Callable[[int, int], None]) -> None:
        self._pass_on = pass_on
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + 1
            self._pass_on(done, total)


def _once_a_second(go_on: GoOn) -> GoOn:
    """`go_on` may ask a database or a server; unpacking asks it for every few files."""
    state = {"next": 0.0, "answer": True}

    def ask() -> bool:
        if state["answer"] and time.monotonic() >= state["next"]:
            state["answer"] = go_on()
            state["next"] = time.monotonic() + 1
        return bool(state["answer"])

    return ask
