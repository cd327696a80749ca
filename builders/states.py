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


def _(text: str) -> str:
    """Marks what pages show translated; as it is, as workers have no Django."""
    return text


class Reason(Word):
    """Why a build failed, in words that pages translate. The user's mistakes first, ours after: see `is_users`."""

    UNKNOWN_PACKAGE = "unknown_package", _("a package does not exist")
    MISSING_DEPENDENCY = "missing_dependency", _("a package needs one that does not exist")
    PACKAGE_CONFLICT = "package_conflict", _("packages exclude each other")
    FILE_CLASH = "file_clash", _("two packages bring the same file")
    UNKNOWN_PROFILE = "unknown_profile", _("the ImageBuilder does not know the profile")
    IMAGE_TOO_BIG = "image_too_big", _("the image does not fit the device")
    ROOTFS_TOO_BIG = "rootfs_too_big", _("the root file system is larger than its partition")
    SCRIPT_FAILED = "script_failed", _("a package's install script failed")
    WRONG_VERSION_CODE = "wrong_version_code", _("the release has another revision than asked for")
    UNSUPPORTED = "unsupported", _("this release's ImageBuilder has no such option")
    NO_IMAGE = "no_image", _("the ImageBuilder ended without an image")
    REFUSED = "refused", _("a maintainer decided that it is not built")

    MIRROR_UNREACHABLE = "mirror_unreachable", _("the mirror did not answer")
    MIRROR_MOVED = "mirror_moved", _("the mirror changed while we built")
    KERNEL_MISMATCH = "kernel_mismatch", _("kernel modules are for another kernel than the release has")
    WRONG_PACKAGES = "wrong_packages", _("the image holds other packages than those asked for")
    BAD_CHECKSUM = "bad_checksum", _("a download has the wrong checksum")
    BAD_SIGNATURE = "bad_signature", _("a signature is missing or wrong")
    BAD_ARCHIVE = "bad_archive", _("the ImageBuilder's archive is broken or unsafe")
    PREREQUISITE = "prerequisite", _("the worker lacks a program the ImageBuilder needs")
    TIMEOUT = "timeout", _("the build took too long")
    LIMIT = "limit", _("the build hit a limit of the sandbox")
    DISK_FULL = "disk_full", _("the worker's disk is full")
    SANDBOX = "sandbox", _("the sandbox could not be set up")
    INFRASTRUCTURE = "infrastructure", _("the workers vanished too often")
    BAD_RESULT = "bad_result", _("the worker delivered what was not asked for")
    CRASH = "crash", _("the build ended in an unexpected way")
    CANCELLED = "cancelled", _("the build was cancelled")

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
