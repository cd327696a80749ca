"""Devices that a release lists, for tests."""

from typing import Any

from packages import generation
from packages.models import Distribution, ListedDevice, Release, Target

TITLES: dict[str, list[dict[str, str]]] = {
    "tplink_archer-c7-v2": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}],
    "tplink_archer-c7-v5": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v5"}],
    "tplink_tl-wr841-v9": [{"vendor": "TP-Link", "model": "TL-WR841N/ND", "variant": "v9"}],
    "avm_fritzbox-7530": [{"vendor": "AVM", "model": "FRITZ!Box 7530"}],
    "netgear_r7800": [{"vendor": "Netgear", "model": "Nighthawk X4S R7800"}],
    "zyxel_nr7101": [{"vendor": "ZyXEL", "model": "NR7101"}],
}


def make_listing(
    *profiles: str,
    target: str = "ath79/generic",
    version: str = "24.10.2",
    distribution: str = "openwrt",
    titles: list[dict[str, str]] | None = None,
    **of_distribution: Any,
) -> Target:
    """A release that lists these devices (of TITLES, else without a title), and their target as nobody asked for it."""
    from tests.images.factories import make_target

    Distribution.objects.get_or_create(
        name=distribution, defaults={"url": "https://downloads.example.org", "title": distribution, **of_distribution}
    )
    row = Target.objects.filter(
        release__version=version, release__distribution__name=distribution, name=target
    ).first() or make_target(target, version, distribution=distribution, is_complete=False)
    for profile in profiles:
        found = TITLES.get(profile, []) if titles is None else titles
        ListedDevice.objects.create(release=row.release, target=target, profile=profile, titles=found)
    etags = {"devices_sha256": str(ListedDevice.objects.filter(release=row.release).count())}
    Release.objects.filter(pk=row.release_id).update(etags=etags)
    generation.bump()
    return row
