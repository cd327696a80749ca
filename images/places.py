"""Where on the site a device is: the releases that offer it, and the snapshot that one of them is checked against."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from images import preparing
from packages import catalogue, names
from packages.exceptions import UnknownProfileError, UnknownVersionError
from packages.models import Distribution, ListedDevice, Profile, Target
from packages.querysets import listed, on_offer
from packages.target_catalogue import ProfileInfo, TargetCatalogue
from packages.versions import is_pre_release, version_key
from packages.visibility import Viewer, visible


@dataclass(frozen=True, slots=True)
class ReleaseOption:
    """A release that may be chosen. `is_read`: its documents are here, and the device is in them."""

    version: str
    is_snapshot: bool
    is_stable: bool
    is_read: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A device of a release."""

    distribution: Distribution
    releases: tuple[ReleaseOption, ...]  # newest first
    catalogue: TargetCatalogue
    profile: ProfileInfo


def releases_of(
    distribution: Distribution, target: str, profile: str, viewer: Viewer, named: str = ""
) -> tuple[ReleaseOption, ...]:
    """Those of which it is known that they have the device, and those of which nobody knows.

    Of a target whose documents nobody has read yet the release's list of devices tells, where the mirror has one; a
    flavour's is that of its base. Of hidden ones only the one that was `named`.
    """
    in_list = ListedDevice.objects.filter(release=Coalesce(OuterRef("release__built_on"), OuterRef("release")))
    rows = Target.objects.filter(
        visible(viewer, "release__distribution__organisation"),
        listed("release") | (on_offer("release") & Q(release__version__iexact=named)),
        release__distribution=distribution,
        is_enabled=True,
        name=target,
    ).annotate(
        has_profile=Exists(Profile.objects.filter(target=OuterRef("pk"), name=profile)),
        may_have_it=Exists(in_list.filter(target=target, profile=profile)) | ~Exists(in_list),
    )
    is_unread = Q(synced_at=None) | Q(needs_inspection=True)
    rows = rows.filter(Q(has_profile=True) | is_unread & Q(may_have_it=True))
    fields = ("release__version", "release__channel__is_snapshot", "has_profile")
    options = [
        ReleaseOption(version, is_snapshot, version == distribution.stable_version, has_profile)
        for version, is_snapshot, has_profile in rows.values_list(*fields)
    ]
    return tuple(sorted(options, key=lambda option: version_key(option.version), reverse=True))


def best_of(releases: tuple[ReleaseOption, ...]) -> ReleaseOption:
    """What is offered first: the stable release, else the newest that is finished, else the newest."""
    return max(releases, key=lambda one: (one.is_stable, not is_pre_release(one.version), version_key(one.version)))


def find(distribution: Distribution, target: str, profile: str, version: str, viewer: Viewer) -> Place:
    """The device in that release ("": the best one).

    UnknownProfileError when no release has it; UnknownVersionError when this one does not; `preparing.NotYetError`
    while its documents are on their way.
    """
    releases = releases_of(distribution, target, profile, viewer, version)
    if not releases:
        raise UnknownProfileError(f"No release has the device {profile}.", profile)
    chosen = next((option.version for option in releases if option.version.lower() == version.lower()), "")
    if version and not chosen:
        raise UnknownVersionError(f"The release {version} does not have this device.", version)
    name = chosen or best_of(releases).version

    def look() -> TargetCatalogue:
        return catalogue.find(distribution.name, name, target, viewer)

    snapshot = preparing.with_documents(look, most=2)
    found = snapshot.profiles.get(profile)
    if found is None:  # read only now, or the mirror has moved on
        return _elsewhere(distribution, target, profile, name, viewer)
    return Place(distribution, releases, snapshot, found)


def _elsewhere(distribution: Distribution, target: str, profile: str, without: str, viewer: Viewer) -> Place:
    others = releases_of(distribution, target, profile, viewer)
    if any(option.version != without for option in others):
        raise UnknownVersionError(f"The release {without} does not have this device.", without)
    raise UnknownProfileError(f"No release has the device {profile}.", profile)


def distribution_of(name: str, viewer: Viewer) -> Distribution | None:
    """What is there for the viewer under this name."""
    return Distribution.objects.visible_to(viewer).select_related("built_on").filter(name=name).first()


def is_well_formed(target: str, profile: str) -> bool:
    """Whether there can be such a device; only such names are looked up."""
    return names.TARGET.fullmatch(target) is not None and names.PROFILE.fullmatch(profile) is not None
