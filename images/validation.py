"""The shape of a request: types, limits and well-formed names. Pure; whether things exist is asked in `normalise`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from images.clients import NOBODY, Client
from images.exceptions import RequestRefusedError
from packages import names, web_addresses
from packages.exceptions import SignatureError
from packages.public_keys import MAX_KEYS, read_keys

# What ImageBuilders call their root file systems, with the block sizes that old ones append (`jffs2-128k`).
FILESYSTEM = re.compile(
    r"(?:squashfs|ext[234]|ubifs|jffs2|f2fs|erofs|btrfs|cpio|cpiogz|initramfs|ramdisk|tar|targz|iso)(?:-[a-z0-9]{1,12}){0,3}"
)
_MAX_REPOSITORIES = 16
_MAX_KEY = 4096  # characters
APPEND, REPLACE = "append", "replace"
A_PACKAGE = "a package name (letters, digits, '.', '_', '+', '-')"
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_CLIENT_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose shape is right. Empty texts are absent ones."""

    distribution: str
    version: str
    target: str
    profile: str
    packages: tuple[str, ...]  # as asked and in that order, `-name` for removals
    versions: Mapping[str, str] = field(default_factory=dict)  # name -> version the client expects; replaces `packages`
    diff_packages: bool = False
    version_code: str = ""
    filesystem: str = ""
    defaults: str = ""
    rootfs_size_mb: int | None = None
    # Of a client of 2017 to 2019: `profile` is what the router calls its board ("" if that is no name), `model` what
    # people call it.
    is_classic: bool = False
    model: str = ""
    network_profile: str = ""
    repositories: Mapping[str, str] = field(default_factory=dict)  # name -> address, each in its one form
    repositories_mode: str = APPEND
    repository_keys: tuple[tuple[str, str], ...] = ()  # (kind, text), likewise
    client: str = ""
    # Who asks, and the release that the device runs: they decide when its turn is, not what is built.
    asker: Client = NOBODY
    current_version: str = ""


def shape(distribution: str, raw: Mapping[str, Any], *, client: str = "", asker: Client = NOBODY) -> Asked:
    """Checks each field that we read and ignores the others.

    `client` is what to note when the request does not name its client (the User-Agent).
    """
    versions = _versions(raw)
    packages = _packages(raw)
    repositories = _repositories(raw)
    mode, keys = _mode(raw), _repository_keys(raw)
    return Asked(
        distribution=distribution,
        version=needed_word(raw, "version", names.VERSION, 'a release, e.g. "24.10.2"'),
        target=needed_word(raw, "target", names.TARGET, '"<target>/<subtarget>", e.g. "ath79/generic"'),
        profile=needed_word(raw, "profile", names.BOARD, 'a device, e.g. "tplink_archer-c7-v2"'),
        packages=packages,
        versions=versions,
        diff_packages=_flag(raw, "diff_packages"),
        version_code=optional_word(raw, "version_code", names.REVISION, 'a revision, e.g. "r28739-d9340319c6"'),
        filesystem=optional_word(raw, "filesystem", FILESYSTEM, 'a root file system, e.g. "squashfs"'),
        defaults=_defaults(raw),
        rootfs_size_mb=_rootfs_size(raw),
        network_profile=optional_word(
            raw, "network_profile", names.NETWORK_PROFILE, 'the name of a network profile, e.g. "libremesh/antennas"'
        ),
        repositories=repositories,
        repositories_mode=mode if repositories else APPEND,
        repository_keys=keys if repositories else (),
        client=clean(raw.get("client") or client),
        asker=asker,
        current_version=optional_word(
            raw, "current_version", names.VERSION, 'the release of the device, e.g. "23.05.3"'
        ),
    )


def clean(text: object) -> str:
    """Text from outside that is only ever shown: printable ASCII, 100 characters."""
    return _UNPRINTABLE.sub("", text)[:_CLIENT_LENGTH] if isinstance(text, str) else ""


def shown(value: object) -> str:
    """A wrong value as an error may repeat it: ASCII, short, in quotes."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def wrong(name: str, value: object, right: str) -> RequestRefusedError:
    """400: the field, what came, what would be right."""
    return RequestRefusedError(400, f"{name}: {shown(value)} is not {right}.", field=name)


def unsupported(name: str, value: str, why: str) -> RequestRefusedError:
    """400: a well-formed value that we do not offer."""
    return RequestRefusedError(400, f"Unsupported {name}: {value}. {why}", field=name)


def needed_word(raw: Mapping[str, Any], name: str, pattern: re.Pattern[str], right: str) -> str:
    """A text of this form; `right` says in an error what would be one."""
    value = raw.get(name)
    if value is None or value == "":
        raise RequestRefusedError(400, f"{name}: missing; send {right}.", field=name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        if isinstance(value, str):
            raise RequestRefusedError(400, f"Unsupported {name}: {shown(value)}; send {right}.", field=name)
        raise wrong(name, value, right)
    return value


def optional_word(raw: Mapping[str, Any], name: str, pattern: re.Pattern[str], right: str) -> str:
    """The same where it may be left out: ""."""
    value = raw.get(name)
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise wrong(name, value, right)
    return value


def _flag(raw: Mapping[str, Any], name: str) -> bool:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return bool(value)


def _packages(raw: Mapping[str, Any]) -> tuple[str, ...]:
    value = raw.get("packages")
    if value is None or isinstance(value, dict):  # an object: see _versions
        return ()
    if not isinstance(value, list):
        raise wrong("packages", value, "a list of package names")
    if len(value) > settings.ASU_MAX_PACKAGES:
        raise too_many("packages")
    well_formed = names.PACKAGE.fullmatch
    for index, word in enumerate(value):
        if not isinstance(word, str) or not well_formed(word.removeprefix("-")):
            raise wrong(f"packages[{index}]", word, A_PACKAGE)
    return tuple(value)


def _versions(raw: Mapping[str, Any]) -> dict[str, str]:
    value = raw.get("packages_versions")
    if not value and isinstance(raw.get("packages"), dict):
        value = raw["packages"]  # auc of 2020 sends the object under this name
    if value is None or value == []:  # an empty table of Lua prints as a list
        return {}
    if not isinstance(value, dict):
        raise wrong("packages_versions", value, "an object of package names and versions")
    if len(value) > settings.ASU_MAX_PACKAGES:
        raise too_many("packages_versions")
    for name, version in value.items():
        if not names.PACKAGE.fullmatch(name):
            raise wrong("packages_versions", name, A_PACKAGE)
        if version is not None and (not isinstance(version, str) or not names.PACKAGE_VERSION.fullmatch(version)):
            raise wrong(f"packages_versions[{name}]", version, "a version")
    return {name: version or "" for name, version in value.items()}


def too_many(name: str) -> RequestRefusedError:
    """400: more packages than one request may name."""
    return RequestRefusedError(400, f"{name}: too many; at most {settings.ASU_MAX_PACKAGES} can be named.", field=name)


def _defaults(raw: Mapping[str, Any]) -> str:
    value = raw.get("defaults")
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise RequestRefusedError(400, "defaults: not a text; send a shell script.", field="defaults")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise RequestRefusedError(
            400, "defaults: holds half a character (lone surrogate).", field="defaults"
        ) from error
    if "\0" in value:
        raise RequestRefusedError(400, "defaults: holds a NUL character.", field="defaults")
    limit: int = settings.ASU_MAX_DEFAULTS_LENGTH
    if size > limit:
        problem = f"{size} bytes are too many; at most {limit}" if limit else "not offered by this server"
        raise RequestRefusedError(400, f"defaults: {problem}.", field="defaults")
    return value


def _rootfs_size(raw: Mapping[str, Any]) -> int | None:
    value = raw.get("rootfs_size_mb")
    if value is None:
        return None
    limit: int = settings.ASU_MAX_ROOTFS_SIZE_MB
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= limit:
        # A number of thousands of digits never gets here: the parser refuses it.
        raise wrong("rootfs_size_mb", value, f"a whole number from 1 to {limit}")
    return value


def _repositories(raw: Mapping[str, Any]) -> dict[str, str]:
    value = raw.get("repositories")
    if value is None or value == []:  # an empty table of Lua prints as a list
        return {}
    if not isinstance(value, dict):
        raise wrong("repositories", value, "an object of names and addresses of package repositories")
    if len(value) > _MAX_REPOSITORIES:
        raise RequestRefusedError(
            400, f"repositories: too many; at most {_MAX_REPOSITORIES} can be named.", field="repositories"
        )
    return {name: _repository(name, address) for name, address in value.items()}


def _repository(name: str, address: object) -> str:
    if not names.FEED.fullmatch(name):
        raise wrong("repositories", name, "the name of a repository (letters, digits, '.', '_', '-')")
    if not isinstance(address, str):
        raise wrong(f"repositories[{name}]", address, "the address of a package repository")
    try:
        return str(web_addresses.repository(address))
    except ValueError as error:
        raise RequestRefusedError(
            400,
            f"repositories[{name}]: {shown(address)} is not allowed: the address of a repository {error}.",
            field="repositories",
        ) from error


def _mode(raw: Mapping[str, Any]) -> str:
    value = raw.get("repositories_mode")
    if value is None or value == "":
        return APPEND
    if value not in (APPEND, REPLACE):
        raise wrong("repositories_mode", value, f'"{APPEND}" or "{REPLACE}"')
    return str(value)


def _repository_keys(raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    value = raw.get("repository_keys")
    if value is None or value == {}:
        return ()
    if not isinstance(value, list):
        raise wrong("repository_keys", value, "a list of public keys")
    if len(value) > MAX_KEYS:
        raise _too_many_keys()
    found: dict[tuple[str, str], None] = {}
    for index, text in enumerate(value):
        if not isinstance(text, str) or len(text) > _MAX_KEY:
            raise wrong(f"repository_keys[{index}]", text, f"a text of at most {_MAX_KEY} characters")
        try:
            found.update(dict.fromkeys((key.kind, key.text) for key in read_keys(text)))
        except SignatureError as error:
            raise RequestRefusedError(
                400,
                f"repository_keys[{index}]: not a public key of usign (the file, or its base64 line) or of apk (PEM, "
                f"EC P-256): {error}",
                field="repository_keys",
            ) from error
    if len(found) > MAX_KEYS:
        raise _too_many_keys()
    return tuple(found)


def _too_many_keys() -> RequestRefusedError:
    return RequestRefusedError(
        400, f"repository_keys: too many; at most {MAX_KEYS} can be sent.", field="repository_keys"
    )
