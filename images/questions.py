"""What is newer for a device? The question in its shape, asked of the catalogue with the documents that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings

from images import preparing, services, validation
from images.admission import NOT_OFFERED, SEE_OVERVIEW
from images.exceptions import RequestRefusedError
from images.validation import A_PACKAGE, needed_word, optional_word, shown, too_many, unsupported, wrong
from packages import names
from packages.exceptions import (
    UnknownDistributionError,
    UnknownProfileError,
    UnknownTargetError,
    UnknownVersionError,
)
from packages.upgrades import Device, Reach, Verdict, look
from packages.visibility import PUBLIC, Viewer

# Not `overlay` or `tmpfs`, on which a router may run just now.
_ROOT_FILESYSTEMS = ("squashfs", "ext4", "ubifs", "jffs2", "f2fs", "erofs")
# A verdict may depend on several releases, whose documents come one after the other.
_MOST_TARGETS = 4


@dataclass(frozen=True, slots=True)
class Question:
    """A question whose shape is right."""

    device: Device
    reach: Reach = Reach.CHANNEL
    wants_packages: bool = True
    # What a request for an image would say too.
    filesystem: str = ""
    network_profile: str = ""
    client: str = ""


def shape(address: str, raw: Mapping[str, Any], *, client: str = "") -> Question:
    """Checks each field that we read and ignores the others; RequestRefusedError names the first that is wrong.

    `board` may be the board's name, or all that `ubus call system board` prints: then it fills in what is not there.
    """
    told = {**_of_board(address, raw), **{name: value for name, value in raw.items() if value not in (None, "")}}
    device = Device(
        distribution=services.distribution_of(address, told),
        version=needed_word(told, "version", names.VERSION, 'the release that it runs, e.g. "24.10.2"'),
        target=needed_word(told, "target", names.TARGET, '"<target>/<subtarget>", e.g. "ath79/generic"'),
        profile=optional_word(told, "profile", names.BOARD, 'a device, e.g. "tplink_archer-c7-v2"'),
        revision=optional_word(told, "revision", names.REVISION, 'a revision, e.g. "r28739-d9340319c6"')
        or optional_word(told, "version_code", names.REVISION, 'a revision, e.g. "r28739-d9340319c6"'),
        packages=_packages(told),
    )
    return Question(
        device=device,
        reach=_reach(told),
        wants_packages=_flag(told, "package_updates"),
        filesystem=optional_word(told, "filesystem", validation.FILESYSTEM, 'a root file system, e.g. "squashfs"'),
        network_profile=optional_word(told, "network_profile", names.NETWORK_PROFILE, "the name of a network profile"),
        client=validation.clean(told.get("client") or client),
    )


def answer(question: Question, viewer: Viewer = PUBLIC) -> Verdict:
    """The verdict. RequestRefusedError for what is not offered; `preparing.NotYetError` while documents are missing."""
    device = question.device
    verdict = partial(look, device, want_package_updates=question.wants_packages, reach=question.reach, viewer=viewer)
    try:
        return preparing.with_documents(verdict, _MOST_TARGETS)
    except UnknownDistributionError as error:
        raise unsupported("distro", shown(device.distribution), NOT_OFFERED) from error
    except UnknownVersionError as error:
        raise unsupported("version", device.version, SEE_OVERVIEW) from error
    except UnknownTargetError as error:
        why = f"Neither {device.version} nor a newer release has it."
        raise unsupported("target", device.target, why) from error
    except UnknownProfileError as error:
        why = f"Neither {device.version} nor a newer release has it for {device.target}."
        raise unsupported("profile", shown(device.profile)[1:-1], why) from error


# -- fields --------------------------------------------------------------------------------------------------


def _of_board(address: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """`board` in the words of the other fields."""
    board = raw.get("board")
    if board is None or isinstance(board, str):
        return {"profile": board} if board else {}
    if not isinstance(board, dict):
        raise wrong("board", board, "a board's name, or what `ubus call system board` prints")
    release = board.get("release")
    if not isinstance(release, dict):
        raise RequestRefusedError(
            400, "board.release: missing; send what `ubus call system board` prints.", field="board"
        )
    found = {name: release.get(name) for name in ("version", "revision", "target")}
    found["profile"] = board.get("board_name")
    if board.get("rootfs_type") in _ROOT_FILESYSTEMS:
        found["filesystem"] = board["rootfs_type"]
    distribution = release.get("distribution")
    # Below a distribution's own address that is meant, whatever the image calls itself.
    if not address and isinstance(distribution, str):
        found["distro"] = distribution.lower()
    return {name: value for name, value in found.items() if value not in (None, "")}


def _flag(raw: Mapping[str, Any], name: str) -> bool:
    """True unless it says false."""
    value = raw.get(name, True)
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def _reach(raw: Mapping[str, Any]) -> Reach:
    value = raw.get("reach", Reach.CHANNEL)
    if value not in tuple(Reach):
        raise wrong("reach", value, f"one of {', '.join(Reach)}")
    return Reach(value)


def _packages(raw: Mapping[str, Any]) -> dict[str, str] | None:
    """What is installed: names with versions, or names alone; None when it was not told."""
    value = raw.get("packages_versions") or raw.get("packages")
    if value is None:
        return None
    if isinstance(value, list):
        entries: list[tuple[Any, Any]] = [(name, "") for name in value]
    elif isinstance(value, dict):
        entries = list(value.items())
    else:
        raise wrong("packages", value, "an object of package names and versions, or a list of names")
    if len(entries) > settings.ASU_MAX_PACKAGES:
        raise too_many("packages")
    for number, (name, version) in enumerate(entries):
        if not isinstance(name, str) or not names.PACKAGE.fullmatch(name.removeprefix("-")):
            raise wrong(f"packages[{number}]", name, A_PACKAGE)
        if version is not None and (not isinstance(version, str) or not names.PACKAGE_VERSION.fullmatch(version)):
            raise wrong(f"packages[{name}]", version, "a version")
    return {name: version or "" for name, version in entries}
