"""Changes of packages as rows: typed in by maintainers, and brought over from how they were kept before."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse

from packages import generation
from packages.models import Distribution, PackageChange

pytestmark = pytest.mark.django_db


@pytest.fixture
def openwrt() -> Distribution:
    return Distribution.objects.create(name="openwrt", url="https://downloads.example.org")


def save(client: Client, openwrt: Distribution, **changes: Any) -> Any:
    """Fill in the form of the admin."""
    fields = {
        "distribution": openwrt.pk,
        "kind": "renamed",
        "sources": '["firewall"]',
        "targets": '["firewall4"]',
        "version": "22.03",
        "revision": "",
        "why": "It is made with nftables.",
        **changes,
    }
    return client.post(reverse("admin:packages_packagechange_add"), fields)


def test_a_maintainer_adds_a_change_and_it_counts_at_once(
    openwrt: Distribution, admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    before = generation.current()

    with django_capture_on_commit_callbacks(execute=True):
        answer = save(admin_client, openwrt, revision="18611")

    assert answer.status_code == 302
    row = PackageChange.objects.get()
    assert (row.sources, row.targets, row.version, row.revision) == (["firewall"], ["firewall4"], "22.03", 18611)
    assert str(row) == "firewall -> firewall4 at 22.03"
    assert generation.current() != before
    assert "firewall4" in admin_client.get(reverse("admin:packages_packagechange_changelist")).content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"version": ""}, "Say where it took effect"),
        ({"sources": '"firewall"'}, "This is a list of package names"),
        ({"sources": '["fire wall"]'}, "This is a list of package names"),
        ({"sources": '[["a"]]'}, "This is a list of package names"),
        ({"sources": '["a", "b"]'}, "this holds 1 different name(s)"),
        ({"kind": "split", "targets": '["a"]'}, "this holds from 2 to 50 different name(s)"),
        ({"targets": '["firewall"]'}, "A name cannot become itself."),
        ({"version": "22 03"}, "This is a branch or a release"),
        ({"revision": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    openwrt: Distribution, admin_client: Client, changes: dict[str, str], sentence: str
) -> None:
    answer = save(admin_client, openwrt, **changes)

    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert not PackageChange.objects.exists()


def test_a_circle_at_one_place_in_time_is_refused(openwrt: Distribution, admin_client: Client) -> None:
    save(admin_client, openwrt)

    answer = save(admin_client, openwrt, sources='["firewall4"]', targets='["firewall"]')
    assert "firewall4 -&gt; firewall -&gt; firewall4" in answer.content.decode()

    save(admin_client, openwrt, sources='["firewall4"]', targets='["firewall"]', version="25.12")
    assert PackageChange.objects.count() == 2


# -- how they were kept before ------------------------------------------------------------------------------------

BEFORE, AFTER = [("packages", "0002_extra_feeds")], [("packages", "0003_changes_of_packages")]


def migrate(to: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return MigrationExecutor(connection).loader.project_state(to).apps


@pytest.mark.django_db(transaction=True)
def test_changes_of_channels_become_changes_of_their_distribution_and_back() -> None:
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    try:
        old = migrate(BEFORE)
        distribution = old.get_model("packages", "Distribution").objects.create(name="openwrt", url="https://x.org")
        rows = old.get_model("packages", "PackageChange").objects
        for name, branched_at in (("SNAPSHOT", None), ("24.10", 27990), ("23.05", 23069)):
            channel = old.get_model("packages", "Channel").objects.create(
                distribution=distribution, name=name, branch_off_rev=branched_at
            )
            rows.create(channel=channel, source="firewall", target="firewall4", revision=18611)
            if name != "23.05":
                rows.create(channel=channel, source="gone", revision=25984, is_mandatory=True)
                rows.create(channel=channel, target="new", revision=26000)

        new = migrate(AFTER)
        found = new.get_model("packages", "PackageChange").objects.order_by("revision")
        assert [
            (row.distribution.name, row.kind, row.sources, row.targets, row.revision, row.is_mandatory) for row in found
        ] == [
            ("openwrt", "renamed", ["firewall"], ["firewall4"], 18611, False),
            ("openwrt", "dropped", ["gone"], [], 25984, True),
            ("openwrt", "added", [], ["new"], 26000, False),
        ]

        old = migrate(BEFORE)
        again = old.get_model("packages", "PackageChange").objects.order_by("channel__name", "revision")
        assert [(row.channel.name, row.source, row.target) for row in again] == [
            ("23.05", "firewall", "firewall4"),
            ("24.10", "firewall", "firewall4"),
            ("24.10", "gone", ""),
            ("24.10", "", "new"),
            ("SNAPSHOT", "firewall", "firewall4"),
            ("SNAPSHOT", "gone", ""),
            ("SNAPSHOT", "", "new"),
        ]
    finally:
        migrate(newest)
