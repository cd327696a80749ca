"""Has the ImageBuilder that a build needs: downloads, verifies, unpacks and sets it up once, keeps it pristine."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from builders import shelf
from builders.archive import ArchiveError, UnpackStoppedError, unpack
from builders.failures import cancelled, from_os
from builders.inside import read_inside
from builders.notes import Ledger, percent
from builders.runners.base import Runner
from builders.runners.walls import build_user
from builders.runners.workdir import disk_usage, remove_tree
from builders.sources import MirrorSources, Sources
from builders.spec import BuildFailedError, BuildSpec
from builders.states import Phase, Reason
from builders.warmup import warm_up
from packages.conf import settings
from packages.exceptions import ChecksumError, DownloadStoppedError, MirrorError, NotOnMirrorError, TooLargeError

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


@dataclass(frozen=True, slots=True)
class ImageBuilders:
    """Those of this machine. `ledger` is told where each stands, `sources` is where archives come from."""

    ledger: Ledger
    sources: Sources = field(default_factory=MirrorSources)

    def ensure(self, spec: BuildSpec, runner: Runner, report: Report, go_on: GoOn = lambda: True) -> Tree:
        """The ImageBuilder of `spec`, set up and held; close it (or use `with`) when done.

        Whoever comes while it is being set up waits. Raises BuildFailedError only.
        """
        sha256 = spec.imagebuilder.sha256
        go_on = _once_a_second(go_on)

        def wait() -> None:
            """Somebody else sets it up: show how far that is."""
            if not go_on():
                raise cancelled()
            if (standing := self.ledger.look(sha256)) is not None:
                report(*standing)

        while True:
            lock = shelf.Lock.hold(sha256, exclusive=False, while_waiting=wait)
            try:
                if shelf.read_marker(sha256) is not None:
                    shelf.touch(sha256)
                    self.ledger.used(spec)
                    return Tree(shelf.tree_path(sha256), sha256, lock)
            except BaseException:
                lock.close()
                raise
            lock.close()
            with shelf.Lock.hold(sha256, exclusive=True, while_waiting=wait):
                if shelf.read_marker(sha256) is None:
                    _SetUp(spec, runner, report, go_on, self.ledger, self.sources).do_or_say_why()

    def repair(self) -> None:
        """Clear away what a crash left half done, and make the ledger say so. Call at start; safe at any time."""
        for sha256 in shelf.left_behind():
            if (lock := shelf.Lock.try_hold(sha256, exclusive=True)) is not None:
                with lock:
                    if shelf.read_marker(sha256) is None:
                        shelf.drop(sha256)
        for sha256 in self.ledger.there():
            if (lock := shelf.Lock.try_hold(sha256, exclusive=True)) is not None:
                with lock:
                    if shelf.read_marker(sha256) is None:
                        self.ledger.gone(sha256)

    def held(self) -> list[str]:
        """The SHA-256 of each that is set up, the longest unused first."""
        return shelf.ready()

    def remove(self, sha256: str) -> bool:
        """Remove one ImageBuilder from the disk; False when a build is using it."""
        lock = shelf.Lock.try_hold(sha256, exclusive=True)
        if lock is None:
            return False
        with lock:
            shelf.drop(sha256)
            for path in _downloads(sha256):
                path.unlink(missing_ok=True)
        self.ledger.gone(sha256)
        return True


# -- setting up --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SetUp:
    """One ImageBuilder being set up. Needs the exclusive lock."""

    spec: BuildSpec
    runner: Runner
    report: Report
    go_on: GoOn
    ledger: Ledger
    sources: Sources

    def do_or_say_why(self) -> None:
        try:
            self._do()
        except BuildFailedError as error:
            is_broken = error.reason in (Reason.BAD_ARCHIVE, Reason.BAD_CHECKSUM, Reason.PREREQUISITE)
            self.ledger.failed(self.spec, error.sentence, is_broken=is_broken)
            raise
        except OSError as error:
            failure = from_os(error)
            self.ledger.failed(self.spec, failure.sentence, is_broken=False)
            raise failure from error

    def _do(self) -> None:
        sha256 = self.spec.imagebuilder.sha256
        shelf.drop(sha256)
        archive = self._download()
        fresh = shelf.folder("new") / sha256
        try:
            packed = archive.stat().st_size
            shelf.make_room(packed * _UNPACKED_PER_PACKED, gone=self.ledger.gone)
            self.ledger.unpacking(self.spec, packed)
            tree = self._unpack(archive, fresh)
            archive.unlink()
            self.report(Phase.UNPACK_IMAGEBUILDER, 100)
            warm_up(tree, self.runner, self.go_on)
            disk_bytes = disk_usage([tree])
            shelf.put(sha256, tree, disk_bytes)
        finally:
            remove_tree(fresh)
        self.ledger.ready(self.spec, disk_bytes)
        shelf.make_room(keep=sha256, gone=self.ledger.gone)

    def _download(self) -> Path:
        wanted = self.spec.imagebuilder
        target = _downloads(wanted.sha256)[0]
        self.report(Phase.DOWNLOAD_IMAGEBUILDER, 0)
        self.ledger.downloading(self.spec, 0, 0)
        shelf.make_room(gone=self.ledger.gone)
        name = wanted.file_name
        try:
            self.sources.imagebuilder(wanted, target, _Progress(self._downloaded), self.go_on)
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

    def _downloaded(self, done: int, total: int) -> None:
        self.report(Phase.DOWNLOAD_IMAGEBUILDER, percent(done, total))
        self.ledger.downloading(self.spec, done, total)

    def _unpack(self, archive: Path, fresh: Path) -> Path:
        # Entered on the way to the tree by the build user when there are no walls.
        fresh.parent.chmod(0o711)
        fresh.mkdir()
        fresh.chmod(0o711)
        owner = build_user(settings.ASU_BUILD_UID) if build_user(0)[0] == 0 else None
        self.report(Phase.UNPACK_IMAGEBUILDER, 0)
        try:
            return unpack(
                archive,
                fresh,
                owner=owner,
                progress=lambda part: self.report(Phase.UNPACK_IMAGEBUILDER, part),
                go_on=self.go_on,
            )
        except UnpackStoppedError as error:
            raise cancelled() from error
        except ArchiveError as error:
            # The sum was right, so another download would bring the same.
            archive.unlink()
            sentence = f"The ImageBuilder's archive cannot be used. {error}"
            raise BuildFailedError(Reason.BAD_ARCHIVE, sentence) from error


def _downloads(sha256: str) -> tuple[Path, Path]:
    folder = shelf.folder("downloads")
    return folder / sha256, folder / f"{sha256}.part"


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
