"""What the name of a version says: its order among others, and its channel."""

import re
from collections.abc import Iterable

SNAPSHOT = "SNAPSHOT"

VersionKey = tuple[tuple[int, ...], tuple[int, ...], str]

_CHANNEL = re.compile(r"[0-9]+\.[0-9]+")
_PRE_RELEASE = re.compile(r"(?:rc|beta|alpha|pre)\.?([0-9]*)", re.IGNORECASE)
_REVISION = re.compile(r"r([0-9]{1,9})(?![0-9])")


def version_key(version: str) -> VersionKey:
    """Sorts versions from old to new, by numbers: 24.10-SNAPSHOT < 24.10.0-rc9 < 24.10.0-rc10 < 24.10.0 < SNAPSHOT.

    A suffix that is no pre-release (`2024.1-ow23.05.5` of LibreMesh) sorts above the bare version, by its numbers.
    """
    if version.upper() == SNAPSHOT:
        return (10**9,), (), ""
    main, _, suffix = version.partition("-")
    numbers = _numbers(main)
    if not suffix:
        return numbers, (1,), ""
    if suffix.upper() == SNAPSHOT:
        return numbers, (-1,), ""
    if match := _PRE_RELEASE.fullmatch(suffix):
        return numbers, (0, int(match[1] or 0)), suffix
    return numbers, (2, *_numbers(suffix)), suffix


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sorted for people and clients."""
    return sorted(versions, key=version_key, reverse=True)


def is_snapshot(version: str) -> bool:
    """Whether a mirror rebuilds it under the same name: SNAPSHOT, 24.10-SNAPSHOT."""
    return version.upper().endswith(SNAPSHOT)


def is_pre_release(version: str) -> bool:
    """Release candidates and branch snapshots: offered, but never the stable version."""
    return version_key(version)[1][:1] in ((0,), (-1,)) or version.upper() == SNAPSHOT


def channel_of(version: str) -> str:
    """The branch that a version belongs to: `24.10` for 24.10.2, 24.10.0-rc1 and 24.10-SNAPSHOT; else `SNAPSHOT`.

    A name without NN.NN in front is a channel of its own, since a channel's name begins all its versions.
    """
    if version.upper() == SNAPSHOT:
        return SNAPSHOT
    match = _CHANNEL.match(version)
    return match[0] if match else version


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"[0-9]{1,9}", text))


def revision_number(revision: str) -> int | None:
    """The count in a revision: 28739 of `r28739-d9340319c6` and of `r28739+3-...`; None for other texts."""
    match = _REVISION.match(revision)
    return int(match[1]) if match else None
