"""Which rows of the catalogue are whose: see `packages.reach`."""

from collections.abc import Collection
from typing import Any

from django.db.models import Exists, OuterRef, Q

from packages.models import NetworkProfile
from packages.reach import ALL, CHANGE, Reach, tell


def _network_profiles(distributions: Collection[int]) -> Q:
    """For nothing but their distributions: what is in it gets into the images of all that it is for."""
    through: Any = NetworkProfile.distributions.through
    chosen = through.objects.filter(networkprofile=OuterRef("pk"))
    others = chosen.exclude(distribution__in=distributions)
    return Q(is_general=False) & Exists(chosen) & ~Exists(others)


def tell_all() -> None:
    """Called when the apps are ready."""
    tell(
        packages_distribution=Reach(
            distribution="pk",
            organisation="organisation",
            may=CHANGE,
            # Its name is the key of all that is its; an address that the server asks may lead into our own network.
            for_operators=("name", "aliases", "url", "organisation", "is_hosted", "built_on", "network_profile"),
        ),
        packages_distributionkey=Reach(distribution="distribution", may=ALL),
        packages_channel=Reach(distribution="distribution", may=ALL),
        packages_release=Reach(distribution="distribution", may=ALL),
        packages_target=Reach(distribution="release__distribution", may=ALL),
        packages_listeddevice=Reach(distribution="release__distribution"),
        packages_flashlimit=Reach(name="distribution"),
        packages_syncrun=Reach(distribution="distribution"),
        packages_profile=Reach(distribution="target__release__distribution"),
        packages_feed=Reach(distribution="release__distribution"),
        packages_package=Reach(distribution="feed__release__distribution"),
        packages_packagechange=Reach(distribution="distribution", may=ALL),
        packages_series=Reach(distribution="distribution", may=ALL),
        packages_seriesfeed=Reach(distribution="series__distribution", may=ALL),
        packages_flavourdevice=Reach(distribution="distribution", may=ALL),
        packages_allowedrepository=Reach(distribution="distribution", may=ALL, for_operators=("is_inside_allowed",)),
        packages_networkprofile=Reach(
            organisation="organisation", theirs=_network_profiles, may=ALL, for_operators=("is_general",)
        ),
        packages_networkprofilefile=Reach(organisation="profile__organisation"),
        packages_organisation=Reach(organisation="pk"),
    )
