"""A flavour of the distribution in `tests.packages.conftest`, with a mirror of feeds and a key of its own."""

from pathlib import Path

from packages.models import Distribution, Series, Target
from packages.signatures import UsignKey
from packages.sync import complete_target, sync_distribution
from tests.packages.mirrors import MirrorFolder

LIME_KEY = UsignKey.generate("lime")
TARGET = "releases/24.10.2/targets/ath79/generic"
BASE_FEED = "releases/24.10.2/packages/mips_24kc/base"
LIME_FEED = "2024.1/openwrt-24.10/mips_24kc"
WORDS = "lime-system -dnsmasq"


def make_feeds(root: Path) -> MirrorFolder:
    """Feeds as LibreMesh has them, for two channels of the base."""
    mirror = MirrorFolder(root, LIME_KEY)
    for channel in ("24.10", "23.05"):
        mirror.feed(f"2024.1/openwrt-{channel}/mips_24kc", lime_system="1", lime_app="2")
    return mirror


def make_flavour(base: Distribution, url: str) -> Distribution:
    """Built on all releases of 24.10 and 23.05."""
    flavour = Distribution.objects.create(name="lime", title="Lime", url=url, built_on=base, package_words=WORDS)
    flavour.keys.create(kind="usign", text=LIME_KEY.public_text())
    make_series(flavour)
    return flavour


def make_series(
    flavour: Distribution, name: str = "2024.1", base_releases: str = "24.10 23.05", template: str = "", path: str = ""
) -> Series:
    """With one feed for each architecture."""
    series = Series.objects.create(
        distribution=flavour,
        name=name,
        base_releases=base_releases,
        version_template=template or "{series}-ow{base_version}",
    )
    series.feeds.create(name="lime", path=path or "{series}/openwrt-{base_channel}/{arch}")
    return series


def read(flavour: Distribution, version: str = "2024.1-ow24.10.2", name: str = "ath79/generic") -> Target:
    """The flavour's names, then the documents of one target."""
    assert sync_distribution(flavour).errors == []
    complete_target(target_of(flavour, version, name))
    return target_of(flavour, version, name)


def target_of(flavour: Distribution, version: str = "2024.1-ow24.10.2", name: str = "ath79/generic") -> Target:
    """As it stands."""
    related = ("release__distribution", "release__channel", "release__series", "release__built_on__channel", "built_on")
    return Target.objects.select_related(*related).get(
        release__distribution=flavour, release__version=version, name=name
    )
