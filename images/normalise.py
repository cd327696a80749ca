"""A well-formed request against the catalogue: what of it exists, and which words for PACKAGES it comes to.

Different spellings of one wish come to the same words: order and repetition do not count, nor does asking for what is
there anyway, nor does taking away what is not there.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from builders.spec import FeedSpec, FileSpec
from images import filesystems, repositories
from images.exceptions import UNKNOWN_PACKAGE, RequestRefusedError
from images.per_profile import PerProfile
from images.repositories import Offer
from images.validation import Asked, shown
from packages import boards, network_profiles, upgrades
from packages.essential import VIRTUAL, essential_among
from packages.file_sets import File, FileSetError, check_set
from packages.network_profiles import Chosen, UnknownNetworkProfileError
from packages.target_catalogue import ProfileInfo, TargetCatalogue, default_image
from packages.versions import revision_number, version_key
from packages.visibility import Owner

# ImageBuilders of these distributions can change the size of the root file system from this release on.
_RESIZES_SINCE = {"openwrt": "21.02", "lede": "21.02"}
_AUC = re.compile(r"(?:.*/)?auc[/ ]")  # how it was called, and its version
_SELECTOR = re.compile(r"ofs/")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that can be built."""

    profile: ProfileInfo
    words: tuple[str, ...]  # for PACKAGES: `name` adds to the defaults, `-name` removes from them
    feeds: tuple[FeedSpec, ...] | None = None  # None: those of the target
    files: tuple[FileSpec, ...] = ()
    owner: Owner | None = None  # whose members alone may have the image; None: everybody


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a profile's image holds when nothing is asked for.

    Of a flavour that is more than its ImageBuilder knows, and less: the difference has to be told with each build.
    """

    ordered: tuple[str, ...]  # default and device packages, what is left out taken out
    members: frozenset[str]
    listed: tuple[str, ...]  # as the ImageBuilder has them, removals included
    built_in: Mapping[str, None]  # what the ImageBuilder puts in unasked, in its order
    of_flavour: tuple[str, ...]  # what is there beside that
    dropped: frozenset[str]  # what the device takes out of the target's defaults
    essential: frozenset[str]


def resolve(asked: Asked, catalogue: TargetCatalogue) -> Wanted:
    """RequestRefusedError when the profile or a package is not there, or the wish makes no bootable image."""
    profile = catalogue.resolve_profile(asked.profile)
    if profile is None and asked.is_classic:
        profile = catalogue.resolve_model(asked.model)
    if profile is None:
        raise _unknown_profile(asked.profile, catalogue)
    _check_version_code(asked, catalogue)
    _check_filesystem(asked, profile)
    _check_rootfs_size(asked, catalogue)
    chosen = network_profile(asked)
    defaults = defaults_of(catalogue, profile)
    added, removed = _sides(tuple(asked.versions) if asked.versions else asked.packages)
    put_in, taken_out = _words_of(chosen, added, removed, catalogue, defaults.essential)
    # The firmware-selector sends all defaults, and behind them what its user typed: `x` and `-x` side by side. An
    # ImageBuilder lets the removal win; so it is with the device's own `-x` beside the target's `x`.
    for name in removed & (defaults.members | defaults.dropped):
        added.pop(name, None)
    _check_removals(added, removed, defaults)
    offer = repositories.offer(asked, catalogue)
    added = _as_called_now(added, asked, offer, catalogue)
    _check_known(added, offer, catalogue)
    _check_versions(asked.versions, offer)
    if asked.diff_packages and added:
        removed = {name for name in defaults.ordered if name not in added and name not in defaults.essential}
    added = {**added, **dict.fromkeys(put_in)}
    removed = (removed | taken_out) - set(put_in)
    of_flavour = [name for name in defaults.of_flavour if name not in removed]
    _check_flavour(of_flavour, catalogue)
    extra = dict.fromkeys((*of_flavour, *(name for name in added if name not in defaults.built_in)))
    gone = (
        name for name in defaults.built_in if name not in added and (name in removed or name not in defaults.members)
    )
    return Wanted(
        profile,
        (*(name for name in extra if name not in VIRTUAL), *(f"-{name}" for name in gone)),
        feeds=offer.feeds,
        files=_files(chosen, catalogue) if chosen or catalogue.files else (),
        owner=catalogue.owner or (chosen.owner if chosen else None),
    )


def network_profile(asked: Asked) -> Chosen | None:
    """The network profile that is asked for; RequestRefusedError when the one who asks has none of that name."""
    if not asked.network_profile:
        return None
    try:
        return network_profiles.choose(asked.network_profile, asked.distribution, asked.asker.viewer)
    except UnknownNetworkProfileError as error:
        detail = f"network_profile: {shown(error.name)} is none of the network profiles for {asked.distribution}."
        if error.near:
            detail += f" Similar: {', '.join(error.near)}."
        raise RequestRefusedError(400, detail, field="network_profile") from error


def _files(chosen: Chosen | None, catalogue: TargetCatalogue) -> tuple[FileSpec, ...]:
    """Those of a flavour and those of the network profile, which count where both have one."""
    by_path = {file.path: file for file in (*catalogue.files, *(chosen.files if chosen else ()))}
    files = sorted(by_path.values(), key=lambda file: file.path)
    if chosen and catalogue.files:
        try:
            check_set(files, max_bytes=sum(len(file.content) for file in files), max_files=len(files))
        except FileSetError as error:
            detail = f"network_profile: {chosen.name} does not fit to the files of {catalogue.distribution}: {error}"
            raise RequestRefusedError(400, detail, field="network_profile") from error
    return tuple(file_spec(file) for file in files)


def file_spec(file: File) -> FileSpec:
    """A file as the builders know it."""
    return FileSpec(file.path, file.mode, base64.b64encode(file.content).decode("ascii"))


def _words_of(
    chosen: Chosen | None,
    added: Mapping[str, None],
    removed: set[str],
    catalogue: TargetCatalogue,
    essential: frozenset[str],
) -> tuple[list[str], set[str]]:
    """What the network profile adds and removes; where the request itself says something of a package, that counts."""
    if chosen is None:
        return [], set()
    more, less = _sides(chosen.words)
    put_in = [name for name in more if name not in removed and name not in less]
    unknown = [name for name in put_in if name not in catalogue.packages and name not in VIRTUAL]
    if unknown:
        detail = f"network_profile: {chosen.name} needs packages that {catalogue.target} of {catalogue.version} lacks: "
        raise RequestRefusedError(400, f"{detail}{_cut(', '.join(unknown))}", field="network_profile")
    return put_in, {name for name in less if name not in added and name not in essential}


def defaults_of(catalogue: TargetCatalogue, profile: ProfileInfo) -> Defaults:
    """The profile's default packages; remembered for as long as the same snapshot is in use."""
    return _defaults.get(catalogue, profile)


def _defaults_of(catalogue: TargetCatalogue, profile: ProfileInfo) -> Defaults:
    listed = tuple(dict.fromkeys((*catalogue.default_packages, *profile.device_packages)))
    dropped = frozenset(word[1:] for word in listed if word.startswith("-"))
    built_in = dict.fromkeys(word for word in listed if not word.startswith("-") and word not in dropped)
    essential = essential_among(catalogue.default_packages) | VIRTUAL
    ordered = tuple(default_image(catalogue, profile))
    dropped |= {word[1:] for word in profile.package_words if word.startswith("-")}
    of_flavour = tuple(name for name in ordered if name not in built_in)
    return Defaults(ordered, frozenset(ordered), listed, built_in, of_flavour, dropped, essential)


_defaults = PerProfile(_defaults_of)


def _sides(asked: tuple[str, ...]) -> tuple[dict[str, None], set[str]]:
    """What is added, in order and each once, and what is removed."""
    added: dict[str, None] = {}
    removed = set()
    for word in asked:
        if word[0] == "-":
            removed.add(word[1:])
        else:
            added[word] = None
    return added, removed


def _check_removals(added: Mapping[str, None], removed: set[str], defaults: Defaults) -> None:
    for name in sorted(removed):
        if name in added:
            raise RequestRefusedError(
                400, f"packages: both {name} and -{name} are asked for; leave one out.", field="packages"
            )
        if name in defaults.essential:
            raise RequestRefusedError(
                400, f"packages: -{name} cannot be removed: an image without {name} does not start.", field="packages"
            )


def _as_called_now(added: dict[str, None], asked: Asked, offer: Offer, catalogue: TargetCatalogue) -> dict[str, None]:
    """What a router of an older release tells that it has, with what took the place of packages that are gone.

    LuCI up to 2024 and auc of 2018 know nothing of package changes, and their users cannot mend the list. A person
    who typed a name hears that there is no such package.
    """
    is_of_router = asked.diff_packages and not asked.versions and not _SELECTOR.match(asked.client)
    if not is_of_router or not upgrades.is_absolute(added):
        return added
    known = VIRTUAL.union(offer.packages)
    return added if known.issuperset(added) else dict.fromkeys(upgrades.present_names(added, catalogue, known))


def _check_known(added: Mapping[str, None], offer: Offer, catalogue: TargetCatalogue) -> None:
    unknown = [name for name in added if name not in offer.packages and name not in VIRTUAL]
    if not unknown:
        return
    names = ", ".join(unknown)
    detail = f"Unsupported package(s): {_cut(names)}"
    is_between = _is_between_builds(unknown, catalogue)
    if is_between:
        detail += (
            ". The mirror has no modules for the kernel of this snapshot: it is between two builds. Ask again later."
        )
    raise RequestRefusedError(
        422, detail, headers={UNKNOWN_PACKAGE: _cut(names)}, field="packages", may_be_stale=is_between
    )


def _is_between_builds(unknown: list[str], catalogue: TargetCatalogue) -> bool:
    """Snapshots are published in steps: for a time there is a kernel, and no modules for it yet."""
    has_modules = any(feed.kind == "kmods" for feed in catalogue.feeds)
    is_apart = bool(catalogue.linux_kernel.get("vermagic"))  # modules have a folder of their own then
    return catalogue.is_snapshot and is_apart and not has_modules and any(name[:5] == "kmod-" for name in unknown)


def _check_flavour(wanted: Sequence[str], catalogue: TargetCatalogue) -> None:
    """What the maintainers of a flavour want in every image; nothing that whoever asks could help."""
    missing = [name for name in wanted if name not in catalogue.packages and name not in VIRTUAL]
    if missing:
        raise RequestRefusedError(
            500,
            f"Error: {catalogue.distribution} puts {_cut(', '.join(missing))} into every image, and no feed of "
            f"{catalogue.version} has that for {catalogue.target}. Tell the maintainers, or do without: -{missing[0]}",
        )


def _cut(text: str) -> str:
    """Header and sentence stay readable when a thousand names are unknown."""
    return text if len(text) <= 2000 else text[:2000].rpartition(", ")[0] + ", ..."


def _check_version_code(asked: Asked, catalogue: TargetCatalogue) -> None:
    """A build could only fail, so it is not begun; 500 is how clients know it."""
    ours = catalogue.version_code
    if not asked.version_code or not ours or asked.version_code == ours:
        return
    detail = f"Error: Received incorrect version {ours} (requested {asked.version_code})"
    if catalogue.is_snapshot:
        detail += f". {_what_snapshots_do(asked.version_code, ours)}"
    raise RequestRefusedError(500, detail, field="version_code", may_be_stale=catalogue.is_snapshot)


def _what_snapshots_do(asked: str, ours: str) -> str:
    """What to do about another revision: a mirror has only the newest."""
    wanted, there = revision_number(asked), revision_number(ours)
    if not wanted or not there or wanted == there:
        return f"The mirror has {ours} now. Ask for that, or for no revision."
    if wanted < there:
        return f"The mirror keeps no older snapshots than {ours}. Ask for that, or for no revision."
    return f"The mirror has nothing newer than {ours} for this target yet. Ask for that, or again later."


def _check_filesystem(asked: Asked, profile: ProfileInfo) -> None:
    """The image that the client will look for would not be among those that are made.

    auc takes squashfs then, whatever the router runs on: it is not refused for what it does not insist on.
    """
    wanted, known = asked.filesystem, filesystems.of_images(profile.images)
    if not wanted or not known or filesystems.has(known, wanted) or wanted in filesystems.IN_MEMORY:
        return
    if _AUC.match(asked.client) and filesystems.has(known, "squashfs"):
        return
    raise RequestRefusedError(
        400,
        f"filesystem: {profile.name} has no image with {wanted}, only with {', '.join(known)}. Take one of those, or "
        "leave the field out.",
        field="filesystem",
    )


def can_resize(catalogue: TargetCatalogue) -> bool:
    """Whether its ImageBuilder can change the size of the root file system, as far as is known."""
    since = _RESIZES_SINCE.get(catalogue.distribution)
    # By the numbers of the branch: 21.02-SNAPSHOT is of 21.02.
    return not since or version_key(catalogue.version)[0][:2] >= version_key(since)[0]


def _check_rootfs_size(asked: Asked, catalogue: TargetCatalogue) -> None:
    if asked.rootfs_size_mb is not None and not can_resize(catalogue):
        since = _RESIZES_SINCE[catalogue.distribution]
        raise RequestRefusedError(
            400,
            f"rootfs_size_mb: the ImageBuilder of {catalogue.version} cannot change the size of the root file system; "
            f"those from {since} on can. Leave the field out, or take a newer release.",
            field="rootfs_size_mb",
        )


def _check_versions(versions: Mapping[str, str], offer: Offer) -> None:
    """The client computed with another state of the feeds than the one that we would build from."""
    for name, version in versions.items():
        ours = offer.versions_of(name)
        if version and ours and version not in ours and name not in VIRTUAL:
            raise RequestRefusedError(
                500,
                f"Error: Impossible package selection: {name} version not as requested: {version} vs. "
                f"{' or '.join(sorted(ours))}. The feeds have moved; read the package index again.",
                field="packages_versions",
                may_be_stale=True,
            )


def _unknown_profile(board: str, catalogue: TargetCatalogue) -> RequestRefusedError:
    detail = f"Unsupported profile: {shown(board)[1:-1]}. The requested profile was either dropped or never existed."
    near = get_close_matches(boards.plain(board), catalogue.profiles, n=3)
    if near:
        detail += f" Similar: {', '.join(near)}."
    return RequestRefusedError(400, detail, field="profile")
