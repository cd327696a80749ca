"""Rows from before releases had a day on which they were seen first, and before they could wait for a decision."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client

from packages.models import Distribution, PackageChange, Release
from tests.images.factories import make_target

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
UPGRADE = datetime(2026, 11, 24, 16, 33, tzinfo=UTC)
BUILT = datetime(2025, 6, 23, 20, 0, tzinfo=UTC)


def upgrade() -> None:
    """What was there gets the time of the upgrade, as the columns came; then the migration has its turn."""
    Release.objects.update(seen_at=UPGRADE, awaits_decision=False)
    PackageChange.objects.update(noted_at=UPGRADE)
    import_module("packages.migrations.0014_rows_from_before").mend(apps, None)


def told(client: Client) -> Iterator[tuple[str, str]]:
    """Title and day of each entry."""
    for entry in ElementTree.fromstring(client.get("/news/openwrt.atom").content).iter(f"{ATOM}entry"):
        yield str(entry.findtext(f"{ATOM}title")), str(entry.findtext(f"{ATOM}updated"))[:10]


def test_a_feed_tells_of_old_releases_by_when_they_were_built_or_branched(client: Client) -> None:
    for version in ("23.05.5", "24.10.1", "22.03.7", "23.05.4"):
        make_target(version=version, is_complete=False, source_date_epoch=None)
    make_target(version="24.10.2", source_date_epoch=int(BUILT.timestamp()))
    row = Distribution.objects.get()
    row.package_changes.create(kind="dropped", sources=["old"], version="23.05")
    row.package_changes.create(kind="dropped", sources=["older"], revision=20000)

    upgrade()

    assert list(told(client)) == [
        ("openwrt 24.10.2", "2025-06-23"),
        ("openwrt 24.10.1", "2024-10-01"),
        ("openwrt 23.05.5", "2023-05-01"),
        ("openwrt 23.05.4", "2023-05-01"),
        ("openwrt 23.05: a package changed its name or place", "2023-05-01"),
        ("openwrt 22.03.7", "2022-03-01"),
        ("openwrt r20000: a package changed its name or place", "2016-01-01"),
    ]


def test_what_came_after_the_upgrade_keeps_its_day(client: Client) -> None:
    make_target(version="24.10.1")
    make_target(version="24.10.2")
    Release.objects.update(seen_at=UPGRADE)
    late = make_target(version="24.10.3").release

    import_module("packages.migrations.0014_rows_from_before").mend(apps, None)

    before = late.seen_at
    late.refresh_from_db()
    assert late.seen_at == before
    assert not Release.objects.filter(seen_at=UPGRADE).exists()


@pytest.mark.parametrize("offers", [True, False])
def test_releases_that_waited_before_are_offered_for_decision(offers: bool, admin_client: Client) -> None:
    for version in ("24.10.1", "24.10.2", "24.10.3"):
        make_target(version=version)
    Distribution.objects.update(enables_new_releases=offers)
    Release.objects.filter(version="24.10.3").update(is_enabled=False)
    Release.objects.filter(version="24.10.1").update(is_enabled=False, vanished_at=UPGRADE)

    upgrade()

    waiting = Release.objects.filter(awaits_decision=True)
    assert list(waiting.values_list("version", "is_enabled")) == ([] if offers else [("24.10.3", False)])
    assert ("24.10.3." in admin_client.get("/admin/").content.decode()) is not offers
