"""The states of a build and the arrows between them.

::

     submit()          lease(worker)            finish(result)           expire()
     ────────► QUEUED ──────────────► BUILDING ────────────────► DONE ───────────► EXPIRED
                ▲  ▲                   │     │                                        │
                │  └─ lease ran out ───┘     └─ fail(reason) ─► FAILED                │
                │                                                │                    │
                └── retry(): asked for again, or by an admin ────┴────────────────────┘

While BUILDING a build also has a phase, in the words that clients know.
"""

from django.db import models


class State(models.TextChoices):
    """Where a build stands."""

    QUEUED = "queued"
    BUILDING = "building"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN = frozenset({State.QUEUED, State.BUILDING})
FINAL = frozenset({State.DONE, State.FAILED, State.EXPIRED})


class Phase(models.TextChoices):
    """What a worker does just now: the five words that every client of today shows."""

    INIT = "init"
    DOWNLOAD_IMAGEBUILDER = "download_imagebuilder"
    UNPACK_IMAGEBUILDER = "unpack_imagebuilder"
    CALCULATE_PACKAGES_HASH = "calculate_packages_hash"
    BUILDING_IMAGE = "building_image"


class Reason(models.TextChoices):
    """Why a build failed. The user's mistakes first, ours after; `is_users` tells them apart."""

    UNKNOWN_PACKAGE = "unknown_package", "a package does not exist"
    MISSING_DEPENDENCY = "missing_dependency", "a package needs one that does not exist"
    PACKAGE_CONFLICT = "package_conflict", "packages exclude each other"
    FILE_CLASH = "file_clash", "two packages bring the same file"
    UNKNOWN_PROFILE = "unknown_profile", "the ImageBuilder does not know the profile"
    IMAGE_TOO_BIG = "image_too_big", "the image does not fit the device"
    ROOTFS_TOO_BIG = "rootfs_too_big", "the root file system is larger than its partition"
    SCRIPT_FAILED = "script_failed", "a package's install script failed"
    WRONG_VERSION_CODE = "wrong_version_code", "the release has another revision than asked for"
    UNSUPPORTED = "unsupported", "this release's ImageBuilder has no such option"
    NO_IMAGE = "no_image", "the ImageBuilder ended without an image"

    MIRROR_UNREACHABLE = "mirror_unreachable", "the mirror did not answer"
    MIRROR_MOVED = "mirror_moved", "the mirror changed while we built"
    BAD_CHECKSUM = "bad_checksum", "a download has the wrong checksum"
    BAD_SIGNATURE = "bad_signature", "a signature is missing or wrong"
    BAD_ARCHIVE = "bad_archive", "the ImageBuilder's archive is broken or unsafe"
    PREREQUISITE = "prerequisite", "the worker lacks a program the ImageBuilder needs"
    TIMEOUT = "timeout", "the build took too long"
    LIMIT = "limit", "the build hit a limit of the sandbox"
    DISK_FULL = "disk_full", "the worker's disk is full"
    SANDBOX = "sandbox", "the sandbox could not be set up"
    WORKER_LOST = "worker_lost", "the worker vanished too often"
    CRASH = "crash", "the build ended in an unexpected way"
    CANCELLED = "cancelled", "the build was cancelled"

    @property
    def is_users(self) -> bool:
        """True: asking again unchanged cannot help. False: our fault, worth another try."""
        return self in _USERS


_USERS = frozenset(
    {
        Reason.UNKNOWN_PACKAGE,
        Reason.MISSING_DEPENDENCY,
        Reason.PACKAGE_CONFLICT,
        Reason.FILE_CLASH,
        Reason.UNKNOWN_PROFILE,
        Reason.IMAGE_TOO_BIG,
        Reason.ROOTFS_TOO_BIG,
        Reason.SCRIPT_FAILED,
        Reason.WRONG_VERSION_CODE,
        Reason.UNSUPPORTED,
        Reason.NO_IMAGE,
    }
)
