"""The demo distribution in the catalogue, read from its generated mirror as any other is: packages with relations,
sizes and descriptions, and devices with limits.
"""

from packages.models import Distribution, DistributionKey
from packages.sync import sync_distribution
from tests.builders import demo_mirror

NEWER, OLDER = "25.04.0", "24.04.2"
TARGET, DEVICE = "demo/generic", "acme_pebble"


def make_demo() -> Distribution:
    """All its releases, targets and feeds."""
    demo = Distribution.objects.create(name="demo", title="Demo", url=demo_mirror.mirror().as_uri(), is_hosted=True)
    demo.keys.create(kind=DistributionKey.Kind.USIGN, text=demo_mirror.public_key())
    report = sync_distribution(demo, full=True)
    assert not report.errors
    demo.refresh_from_db()
    return demo
