"""The catalogue: what the mirrors of distributions offer."""

from packages.models.distributions import STABLE_FIELDS, Channel, Distribution, DistributionKey
from packages.models.feeds import Feed, Package
from packages.models.flash_limits import FlashLimit
from packages.models.flavours import FlavourDevice, Series, SeriesFeed
from packages.models.listed_devices import ListedDevice
from packages.models.network_profiles import NetworkProfile, NetworkProfileFile
from packages.models.organisations import Organisation
from packages.models.package_changes import PackageChange
from packages.models.people import Maintainership, SignInTrouble
from packages.models.releases import Profile, Release, Target, first_title
from packages.models.repositories import AllowedRepository
from packages.models.sync_runs import SyncRun
from packages.models.synced import Synced, mark_stale, mark_synced
from packages.models.validators import (
    validate_base_releases,
    validate_distribution_name,
    validate_feed_name,
    validate_feed_path,
    validate_file_path,
    validate_keys,
    validate_mirror_url,
    validate_network_profile_name,
    validate_organisation_name,
    validate_package_words,
    validate_profile_name,
    validate_repository_address,
    validate_series_name,
    validate_version_template,
)

__all__ = [
    "STABLE_FIELDS",
    "AllowedRepository",
    "Channel",
    "Distribution",
    "DistributionKey",
    "Feed",
    "FlashLimit",
    "FlavourDevice",
    "ListedDevice",
    "Maintainership",
    "NetworkProfile",
    "NetworkProfileFile",
    "Organisation",
    "Package",
    "PackageChange",
    "Profile",
    "Release",
    "Series",
    "SeriesFeed",
    "SignInTrouble",
    "SyncRun",
    "Synced",
    "Target",
    "first_title",
    "mark_stale",
    "mark_synced",
    "validate_base_releases",
    "validate_distribution_name",
    "validate_feed_name",
    "validate_feed_path",
    "validate_file_path",
    "validate_keys",
    "validate_mirror_url",
    "validate_network_profile_name",
    "validate_organisation_name",
    "validate_package_words",
    "validate_profile_name",
    "validate_repository_address",
    "validate_series_name",
    "validate_version_template",
]
