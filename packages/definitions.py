"""Distributions that are known out of the box: `manage.py add_distribution openwrt` needs no address.

No signing keys are shipped: whoever runs a server takes them from the distribution's own keyring and pins them with
`--key`. A set that is out of date would refuse good releases; one from elsewhere would be no protection.
"""

from dataclasses import dataclass

from packages.changes import Change
from packages.openwrt_changes import OPENWRT_CHANGES


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """A branch. `branch_off_rev`: where it left the development branch; None for that itself, or not known."""

    name: str
    git_branch: str
    branch_off_rev: int | None = None
    path: str = "releases/{version}"


@dataclass(frozen=True, slots=True)
class FeedDefinition:
    """A folder below the flavour's address; `packages.models.SeriesFeed` has the words for braces."""

    name: str
    path: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class SeriesDefinition:
    """Releases of a flavour that are alike."""

    name: str
    base_releases: str  # channels or versions of the base, with blanks between
    feeds: tuple[FeedDefinition, ...]
    version_template: str = "{base_version}"
    package_words: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """A distribution and what its mirror does not tell. `built_on`: it is a flavour, `url` is where its feeds are."""

    name: str
    title: str
    url: str
    description: str
    channels: tuple[ChannelDefinition, ...] = ()
    changes: tuple[Change, ...] = ()
    oldest_version: str = ""
    newest_version: str = ""
    built_on: str = ""
    package_words: str = ""
    series: tuple[SeriesDefinition, ...] = ()
    aliases: tuple[str, ...] = ()  # what its devices call it, in lower case
    successor: str = ""  # the distribution that goes on where this one ends


OPENWRT = Definition(
    name="openwrt",
    title="OpenWrt",
    url="https://downloads.openwrt.org",
    description="The Linux distribution for routers.",
    channels=(
        ChannelDefinition("SNAPSHOT", "main", path="snapshots"),
        ChannelDefinition("25.12", "openwrt-25.12", 32295),
        ChannelDefinition("24.10", "openwrt-24.10", 27990),
        ChannelDefinition("23.05", "openwrt-23.05", 23069),
        ChannelDefinition("22.03", "openwrt-22.03", 19160),
        ChannelDefinition("21.02", "openwrt-21.02", 15812),
        ChannelDefinition("19.07", "openwrt-19.07", 10194),
        ChannelDefinition("18.06", "openwrt-18.06", 6907),
    ),
    changes=OPENWRT_CHANGES,
    # 17.01 is LEDE, below.
    oldest_version="18.06",
)

LEDE = Definition(
    name="lede",
    title="LEDE",
    url="https://downloads.openwrt.org",
    description="The Linux Embedded Development Environment, 17.01; now part of OpenWrt.",
    channels=(ChannelDefinition("17.01", "lede-17.01", 2993),),
    oldest_version="17.01",
    newest_version="17.01",
    successor="openwrt",
)

# From the instructions for ImageBuilders in https://github.com/libremesh/lime-packages (README.md, and
# packages/lime-system/files/etc/uci-defaults/92_add-lime-repos for how feeds are named), August 2026; names of versions
# and the feeds of 2024.1 are those of https://firmware-selector.libremesh.org.
_LIME_PROFILES = FeedDefinition("libremesh_profiles", "profiles/openwrt-{base_channel}/x86_64", is_optional=True)

LIBREMESH = Definition(
    name="libremesh",
    title="LibreMesh",
    url="https://feed.libremesh.org",
    description="Firmware for community mesh networks, built on OpenWrt.",
    built_on="openwrt",
    package_words=(
        "lime-system lime-proto-babeld lime-proto-batadv lime-proto-anygw lime-hwd-openwrt-wan lime-hwd-ground-routing "
        "lime-app lime-debug lime-docs lime-docs-minimal shared-state-babeld_hosts shared-state-bat_hosts "
        "shared-state-dnsmasq_hosts shared-state-nodes_and_links babeld-auto-gw-mode check-date-http batctl-default "
        "-dnsmasq -odhcpd-ipv6only"
    ),
    series=(
        SeriesDefinition(
            "2024.1",
            "23.05",
            (
                FeedDefinition("libremesh", "{series}"),
                FeedDefinition("libremesh_arch_packages", "arch_packages/{series}/{arch}"),
                _LIME_PROFILES,
            ),
            "{series}-ow{base_version}",
        ),
        SeriesDefinition(
            "master",
            "23.05 24.10 25.12",
            (
                # Packages for all architectures lie where those for x86_64 do.
                FeedDefinition("libremesh", "{series}/openwrt-{base_channel}/x86_64"),
                FeedDefinition("libremesh_arch_packages", "{series}/openwrt-{base_channel}/{arch}"),
                _LIME_PROFILES,
            ),
            "{series}-ow{base_version}",
        ),
        SeriesDefinition(
            "master",
            "SNAPSHOT",
            (
                FeedDefinition("libremesh", "{series}/openwrt-main/x86_64"),
                FeedDefinition("libremesh_arch_packages", "{series}/openwrt-main/{arch}"),
                FeedDefinition("libremesh_profiles", "profiles/openwrt-main/x86_64", is_optional=True),
            ),
            "{series}-ow{base_version}",
        ),
    ),
    aliases=("lime",),
)

SHIPPED = {definition.name: definition for definition in (OPENWRT, LEDE, LIBREMESH)}
