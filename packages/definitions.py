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
class Definition:
    """A distribution and what its mirror does not tell."""

    name: str
    title: str
    url: str
    description: str
    channels: tuple[ChannelDefinition, ...] = ()
    changes: tuple[Change, ...] = ()
    oldest_version: str = ""
    newest_version: str = ""
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

LIBREMESH = Definition(
    name="libremesh",
    title="LibreMesh",
    url="https://downloads.libremesh.org",
    description="Firmware for community mesh networks, built on OpenWrt.",
    aliases=("lime",),
)

SHIPPED = {definition.name: definition for definition in (OPENWRT, LEDE, LIBREMESH)}
