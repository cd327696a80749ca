"""A well-formed request against the catalogue: what of it exists, and which words for PACKAGES it comes to.

Different spellings of one wish come to the same words: order and repetition do not count, nor does asking for what is
there anyway, nor does taking away what is not there.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from builders.spec import FeedSpec, FileSpec
from images.exceptions import RequestRefusedError
from images.per_profile import PerProfile
from images.validation import Asked, shown
from packages import network_profiles
from packages.catalogue import ProfileInfo, TargetCatalogue, essential_packages
from packages.file_sets import File
from packages.network_profiles import Chosen, UnknownNetworkProfileError
from packages.visibility import Owner

# In every image, yet in no package index; what clients of all ages leave out of an absolute list.
VIRTUAL = frozenset({"kernel", "libc", "libgcc", "librt", "libpthread", "libgcc1"})


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
    """What a profile's image holds when nothing is asked for."""

    ordered: tuple[str, ...]  # default and device packages, the device's removals taken out
    members: frozenset[str]
    listed: tuple[str, ...]  # as the ImageBuilder has them, removals included
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
    chosen = network_profile(asked)
    words = tuple(asked.versions) if asked.versions else asked.packages
    defaults = defaults_of(catalogue, profile)
    added, removed = _sides(words)
    put_in, taken_out = _words_of(chosen, added, removed, catalogue)
    # The firmware-selector sends what profiles.json lists, as it stands: `x` of the target's defaults and `-x` of the
    # device side by side. That is upstream's word, not a contradiction of the user's.
    for name in removed & defaults.dropped:
        added.pop(name, None)
    _check_removals(added, removed, defaults)
    _check_known(added, catalogue.packages)
    _check_versions(asked.versions, catalogue.packages)
    if asked.diff_packages and added:
        removed = {name for name in defaults.ordered if name not in added and name not in defaults.essential}
    added = {**added, **dict.fromkeys(put_in)}
    removed = (removed | taken_out) - set(put_in)
    extra = tuple(name for name in added if name not in defaults.members and name not in VIRTUAL)
    return Wanted(
        profile,
        extra + tuple(f"-{name}" for name in defaults.ordered if name in removed),
        files=tuple(file_spec(file) for file in chosen.files) if chosen else (),
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


def file_spec(file: File) -> FileSpec:
    """A file as the builders know it."""
    return FileSpec(file.path, file.mode, base64.b64encode(file.content).decode("ascii"))


def _words_of(
    chosen: Chosen | None, added: Mapping[str, None], removed: set[str], catalogue: TargetCatalogue
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
    essential = essential_packages(catalogue) | VIRTUAL
    return put_in, {name for name in less if name not in added and name not in essential}


def defaults_of(catalogue: TargetCatalogue, profile: ProfileInfo) -> Defaults:
    """The profile's default packages; remembered for as long as the same snapshot is in use."""
    return _defaults.get(catalogue, profile)


def _defaults_of(catalogue: TargetCatalogue, profile: ProfileInfo) -> Defaults:
    listed = tuple(dict.fromkeys((*catalogue.default_packages, *profile.device_packages)))
    dropped = frozenset(word[1:] for word in listed if word.startswith("-"))
    ordered = tuple(word for word in listed if not word.startswith("-") and word not in dropped)
    essential = frozenset(essential_packages(catalogue)) | VIRTUAL
    return Defaults(ordered, frozenset(ordered), listed, dropped, essential)


_defaults = PerProfile(_defaults_of)


def _sides(words: tuple[str, ...]) -> tuple[dict[str, None], set[str]]:
    """What is added, in order and each once, and what is removed."""
    added: dict[str, None] = {}
    removed = set()
    for word in words:
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


def _check_known(added: Mapping[str, None], known: Mapping[str, str]) -> None:
    unknown = [name for name in added if name not in known and name not in VIRTUAL]
    if unknown:
        names = ", ".join(unknown)
        raise RequestRefusedError(
            422,
            f"Unsupported package(s): {_cut(names)}",
            headers={"X-Unknown-Package": _cut(names)},
            field="packages",
        )


def _cut(text: str) -> str:
    """Header and sentence stay readable when a thousand names are unknown."""
    return text if len(text) <= 2000 else text[:2000].rpartition(", ")[0] + ", ..."


def _check_version_code(asked: Asked, catalogue: TargetCatalogue) -> None:
    """A build could only fail, so it is not begun; 500 is how clients know it."""
    if asked.version_code and catalogue.version_code and asked.version_code != catalogue.version_code:
        raise RequestRefusedError(
            500,
            f"Error: Received incorrect version {catalogue.version_code} (requested {asked.version_code})",
            field="version_code",
        )


def _check_versions(versions: Mapping[str, str], known: Mapping[str, str]) -> None:
    """The client computed with another state of the feeds than the one that we would build from."""
    for name, version in versions.items():
        ours = known.get(name)
        if version and ours and version != ours and name not in VIRTUAL:
            raise RequestRefusedError(
                500,
                f"Error: Impossible package selection: {name} version not as requested: {version} vs. {ours}. "
                "The feeds have moved; read the package index again.",
                field="packages_versions",
            )


def _unknown_profile(board: str, catalogue: TargetCatalogue) -> RequestRefusedError:
    detail = f"Unsupported profile: {shown(board)[1:-1]}. The requested profile was either dropped or never existed."
    near = get_close_matches(board.replace(",", "_"), catalogue.profiles, n=3)
    if near:
        detail += f" Similar: {', '.join(near)}."
    return RequestRefusedError(400, detail, field="profile")
