"""A flavour of the catalogue in `tests.images.factories`, derived as a sync derives it."""

from django.utils import timezone

from packages.models import Distribution, Feed, Package, Series, Target
from packages.sync import flavours
from packages.sync.inheritance import inherit
from tests.images.factories import make_target

WORDS = "lime-system lime-app -dnsmasq -luci-base"
KEY = "untrusted comment: lime\nRWSnGzyChavSiyQ+vLk3x7F0NqcLa4kKyXCdriThMhO78ldHgxGljM/8\n"


def make_flavour(words: str = WORDS, version_template: str = "{series}-ow{base_version}") -> Target:
    """The one target of `lime`, complete, on the one of openwrt 24.10.2."""
    base = make_target()
    flavour = Distribution.objects.create(
        name="lime",
        title="Lime",
        url="https://feeds.example.org",
        built_on=base.release.distribution,
        package_words=words,
    )
    flavour.keys.create(kind="usign", text=KEY)
    series = Series.objects.create(
        distribution=flavour, name="2024.1", base_releases="24.10", version_template=version_template
    )
    series.feeds.create(name="lime", path="{series}/{arch}")
    flavours.derive(flavour)
    target = Target.objects.select_related("release__series", "release__distribution", "built_on").get(
        release__distribution=flavour
    )
    feed = Feed.objects.create(
        release=target.release,
        name="lime",
        kind=Feed.Kind.FLAVOUR,
        path="2024.1/mips_24kc",
        index_sha256="34" * 32,
        synced_at=timezone.now(),
    )
    for name in ("lime-system", "lime-app", "lime-docs"):
        Package.objects.create(feed=feed, name=name, full_name=name, version="1-r1")
    inherit(target, base, [feed])
    return target
