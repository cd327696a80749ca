"""Trouble with mirrors, disks and people who change their minds, in the words of a failed build."""

import errno

from builders.spec import BuildFailedError
from builders.states import Reason
from packages.exceptions import (
    ChecksumError,
    DownloadStoppedError,
    MirrorError,
    MirrorUnreachableError,
    NotOnMirrorError,
    SignatureError,
)

# The first that fits.
_MIRROR: tuple[tuple[type[MirrorError], Reason, str], ...] = (
    (DownloadStoppedError, Reason.CANCELLED, ""),
    (MirrorUnreachableError, Reason.MIRROR_UNREACHABLE, "Try again later."),
    (NotOnMirrorError, Reason.MIRROR_MOVED, "The mirror has changed since the request was checked. Ask again."),
    (ChecksumError, Reason.BAD_CHECKSUM, "The mirror may be in the middle of an update. Try again later."),
    (SignatureError, Reason.BAD_SIGNATURE, "Nothing unsigned is built. Tell the operator of this server."),
    (MirrorError, Reason.MIRROR_MOVED, "Try again later."),
)


def from_mirror(error: MirrorError) -> BuildFailedError:
    """A failure of a mirror as the failure of a build. Its sentence names documents, never a path of this machine."""
    for kind, reason, advice in _MIRROR:
        if isinstance(error, kind):
            return BuildFailedError(reason, f"{error} {advice}".strip())
    raise AssertionError("MirrorError is the last kind")


def from_os(error: OSError) -> BuildFailedError:
    """A failure of this machine's files: a full disk, or something nobody foresaw."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full()
    return BuildFailedError(Reason.CRASH, f"The worker could not use its files ({error.strerror or error}).")


def disk_full() -> BuildFailedError:
    """There is no room, for the ImageBuilder, the build or its images."""
    return BuildFailedError(
        Reason.DISK_FULL, "The disk of this server is full. Its maintainers have to free some space; ask again later."
    )


def cancelled(end: BuildFailedError | None = None, *, why: str = "") -> BuildFailedError:
    """Somebody asked for it; `end` is how the build died of that, for its log."""
    sentence = why or "The build was cancelled by a maintainer. Ask again later."
    if end is None:
        return BuildFailedError(Reason.CANCELLED, sentence)
    return BuildFailedError(Reason.CANCELLED, sentence, stdout=end.stdout, stderr=end.stderr, build_cmd=end.build_cmd)
