"""The states of a build and the arrows between them. Pure: workers without Django know the same words.

::

     submit()          lease(worker)            finish(result)           expire()
     ────────► QUEUED ──────────────► BUILDING ────────────────► DONE ───────────► EXPIRED
               ▲ ▲ │ ◄── lease ran out, ──┘ │ │                                       │
               │ │ │     given back,        │ ├── fail(reason) ────► FAILED           │
               │ │ │     another worker     │ │                        │              │
               │ │ │     may do better      │ └── two workers ─────► PARKED           │
               │ │ │                        │     went down with it    │              │
               │ │ └── nobody asked for a   └──── cancel() ──► FAILED, │              │
               │ │     while ──► DROPPED ◄─ or by its requester ───────┤              │
               │ └── asked for again ─┘                                │              │
               └──── retry(): asked for again, or by a maintainer ─────┴──────────────┘

Only a maintainer takes a build out of PARKED: `retry`, or `refuse` to FAILED. While BUILDING a build also has a phase,
in the words that clients know.
"""

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word with a label for people."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        word = str.__new__(cls, value)
        word._value_ = value
        word.label = label or value.replace("_", " ").title()
        return word

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """For fields of models: (value, label)."""
        return [(word.value, word.label) for word in cls]

    @classmethod
    def values(cls) -> list[str]:
        """All the words."""
        return [word.value for word in cls]


class State(Word):
    """Where a build stands."""

    QUEUED = "queued"
    BUILDING = "building"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    DROPPED = "dropped"
    PARKED = "parked"


OPEN = frozenset({State.QUEUED, State.BUILDING})
FINAL = frozenset(State) - OPEN


class Phase(Word):
    """What a worker does just now: the five words that every client of today shows."""

    INIT = "init"
    DOWNLOAD_IMAGEBUILDER = "download_imagebuilder"
    UNPACK_IMAGEBUILDER = "unpack_imagebuilder"
    CALCULATE_PACKAGES_HASH = "calculate_packages_hash"
    BUILDING_IMAGE = "building_image"


class Reason(Word):
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
    REFUSED = "refused", "a maintainer decided that it is not built"

    MIRROR_UNREACHABLE = "mirror_unreachable", "the mirror did not answer"
    MIRROR_MOVED = "mirror_moved", "the mirror changed while we built"
    KERNEL_MISMATCH = "kernel_mismatch", "kernel modules are for another kernel than the release has"
    WRONG_PACKAGES = "wrong_packages", "the image holds other packages than those asked for"
    BAD_CHECKSUM = "bad_checksum", "a download has the wrong checksum"
    BAD_SIGNATURE = "bad_signature", "a signature is missing or wrong"
    BAD_ARCHIVE = "bad_archive", "the ImageBuilder's archive is broken or unsafe"
    PREREQUISITE = "prerequisite", "the worker lacks a program the ImageBuilder needs"
    TIMEOUT = "timeout", "the build took too long"
    LIMIT = "limit", "the build hit a limit of the sandbox"
    DISK_FULL = "disk_full", "the worker's disk is full"
    SANDBOX = "sandbox", "the sandbox could not be set up"
    INFRASTRUCTURE = "infrastructure", "the workers vanished too often"
    BAD_RESULT = "bad_result", "the worker delivered what was not asked for"
    CRASH = "crash", "the build ended in an unexpected way"
    CANCELLED = "cancelled", "the build was cancelled"

    @property
    def is_users(self) -> bool:
        """True: asking again unchanged cannot help. False: our fault, worth another try."""
        return self in _USERS

    @property
    def is_workers(self) -> bool:
        """Whether it may well be the worker's own trouble: another worker, if there is one, gets the build."""
        return self in _WORKERS


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
        Reason.REFUSED,
    }
)
_WORKERS = frozenset(
    {
        Reason.MIRROR_UNREACHABLE,
        Reason.BAD_CHECKSUM,
        Reason.PREREQUISITE,
        Reason.DISK_FULL,
        Reason.SANDBOX,
        Reason.BAD_RESULT,
        Reason.CRASH,
    }
)
