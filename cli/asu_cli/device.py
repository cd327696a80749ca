"""What a router says of itself: `ubus call system board`, and its list of packages in any of the usual forms."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from asu_cli import names, texts
from asu_cli.errors import UsageError

_MOST_PACKAGES = 20_000
# `name-version` of apk: the version starts with a digit and holds no dash but that of its revision.
_APK = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*?)-(?P<version>\d[^\s-]*(?:-r\d+)?)")
# A line of /etc/apk/world: a name, then maybe a wish for a version or a tagged repository.
_WORLD = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)(?:@[A-Za-z0-9._-]+)?(?:[<>=~].*)?")


@dataclass(frozen=True, slots=True)
class Device:
    """A router. `packages`: name to installed version ("" = not told); None: it told no packages.

    `distribution` is what the user says; what the image calls itself (`LiMe`) need not be the server's name for it.
    """

    version: str
    target: str
    profile: str
    distribution: str = ""
    calls_itself: str = ""
    revision: str = ""
    filesystem: str = ""
    packages: Mapping[str, str] | None = None


def from_board(document: object) -> Device:
    """Reads the output of `ubus call system board`."""
    if not isinstance(document, dict) or not isinstance(document.get("release"), dict):
        raise UsageError('The board data has no "release": give the output of `ubus call system board`.')
    release: dict[str, Any] = document["release"]
    filesystem = _text(document, "rootfs_type")
    return Device(
        version=_text(release, "version"),
        target=_text(release, "target"),
        profile=_text(document, "board_name"),
        calls_itself=_text(release, "distribution"),
        revision=_text(release, "revision"),
        # An overlay or a tmpfs is where it runs, not what the image is.
        filesystem=filesystem if filesystem in ("squashfs", "ext4", "ubifs", "jffs2", "f2fs") else "",
    )


def checked(device: Device, ways: str = "Give --board with the router's data, or") -> Device:
    """The same, fit to be sent. UsageError names what is missing or wrong; `ways` is what a command has to offer."""
    for name, pattern, option, example in (
        ("version", names.VERSION, "--version", "24.10.2"),
        ("target", names.TARGET, "--target", "ath79/generic"),
        ("profile", names.PROFILE, "--profile", "tplink_archer-c7-v2"),
    ):
        value = getattr(device, name)
        if not value:
            raise UsageError(f"Which {name}? {ways} {option}, e.g. {example}.")
        if not pattern.fullmatch(value):
            raise UsageError(f"{texts.line(value, 60)!r} is no {name}; one looks like {example}.")
    return replace(device, distribution=device.distribution.lower())


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def packages(text: str) -> dict[str, str]:
    """Names and versions from what opkg, apk, ubus or a manifest print, or from JSON."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            found = _of_json(json.loads(stripped))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"The package list is not JSON: {error}.") from error
    else:
        found = dict(entry for row in stripped.splitlines() if (entry := _of_line(row.strip())))
    if not found:
        raise UsageError(
            "The package list names no packages: give the output of `opkg list-installed`, `apk list -I`, "
            "`apk info -v`, `ubus call rpc-sys packagelist`, the file /etc/apk/world, or JSON."
        )
    if len(found) > _MOST_PACKAGES:
        raise UsageError(f"The package list names more than {_MOST_PACKAGES} packages.")
    return found


def _of_json(document: object) -> dict[str, str]:
    if isinstance(document, dict):
        inner = document.get("packages")
        if isinstance(inner, dict | list):
            return _of_json(inner)
        pairs: list[tuple[object, object]] = list(document.items())
    elif isinstance(document, list):
        pairs = [(name, "") for name in document]
    else:
        pairs = []
    for name, version in pairs:
        if not isinstance(name, str) or not names.PACKAGE.fullmatch(name) or not isinstance(version, str | None):
            raise UsageError(f"{texts.line(str(name), 60)!r} in the package list is no package with its version.")
    return {str(name): str(version or "") for name, version in pairs}


def _of_line(row: str) -> tuple[str, str] | None:
    """`name - version`, `name-version ...`, or a name; None for what is none of them."""
    if not row or row.startswith(("#", "!", "WARNING", "Collected errors")):
        return None
    parts = row.split(" - ")
    if len(parts) > 1:
        return (parts[0], parts[1].strip()) if names.PACKAGE.fullmatch(parts[0]) else _strange(row)
    words = row.split()
    # `apk list` tells more of each package; alone such a word may be a name of the world file.
    found = _APK.fullmatch(words[0])
    if found and (len(words) > 1 or not _WORLD.fullmatch(row) or _is_versioned(found["version"])):
        return found["name"], found["version"]
    if len(words) == 1 and (found := _WORLD.fullmatch(row)):
        return found["name"], ""
    return _strange(row)


def _is_versioned(version: str) -> bool:
    """Whether it is a version for sure: `luci-app-2` of a world file is a name."""
    return "-r" in version or "." in version or "~" in version


def _strange(row: str) -> tuple[str, str]:
    raise UsageError(f"A line of the package list is none that opkg or apk writes: {texts.line(row, 80)!r}.")
