"""What requests are checked against."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from packages import catalogue, generation
from packages.essential import essential_among
from packages.exceptions import (
    NotCompleteError,
    UnknownDistributionError,
    UnknownError,
    UnknownTargetError,
    UnknownVersionError,
)
from packages.models import Channel, Distribution, DistributionKey, Release, Target
from packages.sync import sync_distribution
from packages.target_catalogue import KeyInfo, TargetCatalogue
from tests.packages.mirrors import MirrorFolder, Server, stanza

pytestmark = pytest.mark.django_db
BASE = "releases/24.10.2/packages/mips_24kc/base"


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    report = sync_distribution(distribution, release="24.10.2", target="ath79/generic")
    assert report.errors == []
    return distribution


def find(version: str = "24.10.2", target: str = "ath79/generic") -> TargetCatalogue:
    return catalogue.find("openwrt", version, target)


def resolve(board: str) -> str | None:
    profile = find().resolve_profile(board)
    return profile.name if profile else None


def test_a_target_is_found_with_all_that_a_build_needs(synced: Distribution, server: Server) -> None:
    found = find()

    assert found.arch_packages == "mips_24kc"
    assert found.imagebuilder_url == f"{server.url}/releases/24.10.2/targets/ath79/generic/{found.imagebuilder_file}"
    assert [(feed.name, feed.kind) for feed in found.feeds] == [("core", "target"), ("base", "arch"), ("luci", "arch")]
    assert found.feeds[1].url == f"{server.url}/{BASE}"
    assert found.packages["busybox"] == "1.36"
    assert found.profiles["tplink_archer-c7-v2"].title == "TP-Link Archer C7 v2"


@pytest.mark.parametrize(
    ("board", "profile"),
    [
        *(("tplink_archer-c7-v2", "tplink_archer-c7-v2"), ("tplink,archer-c7-v2", "tplink_archer-c7-v2")),
        *(("archer-c7-v2", "tplink_archer-c7-v2"), ("raspberrypi,4-model-b", "rpi-4")),
        *(("raspberrypi_4-model-b", "rpi-4"), ("nobody,knows", None), ("", None), ("generic", None)),
    ],
)
def test_devices_are_known_by_all_their_names(synced: Distribution, board: str, profile: str | None) -> None:
    assert resolve(board) == profile


def test_a_lone_generic_profile_fits_every_board(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.target("releases/24.10.2", "24.10.2", profiles={"generic": {}})
    sync_distribution(distribution, release="24.10.2", target="ath79/generic")

    assert resolve("Some PC, Inc.") == "generic"


def test_versions_are_found_in_any_case(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.target("snapshots", "SNAPSHOT")
    sync_distribution(distribution, release="SNAPSHOT", target="ath79/generic")

    assert find("snapshot").version == "SNAPSHOT"
    assert find("snapshot").is_snapshot


def unknown(distribution: str, version: str, target: str) -> type[Exception]:
    with pytest.raises(UnknownError) as caught:
        catalogue.find(distribution, version, target)
    return caught.type


def test_what_is_not_there_is_named(synced: Distribution) -> None:
    assert unknown("other", "24.10.2", "ath79/generic") is UnknownDistributionError
    assert unknown("openwrt", "1.0", "ath79/generic") is UnknownVersionError
    assert unknown("openwrt", "24.10.2", "no/such") is UnknownTargetError
    assert unknown("openwrt", "24.10.2", "x86/64") is NotCompleteError


@pytest.mark.parametrize(
    ("model", "error"),
    [
        *((Distribution, UnknownDistributionError), (Release, UnknownVersionError)),
        *((Channel, UnknownVersionError), (Target, UnknownTargetError)),
    ],
)
def test_what_is_disabled_is_unknown_at_once(synced: Distribution, model: Any, error: type[Exception]) -> None:
    find()
    model.objects.update(is_enabled=False)
    generation.bump()

    assert unknown("openwrt", "24.10.2", "ath79/generic") is error


def test_provided_names_and_names_without_abi_are_known(distribution: Distribution, folder: MirrorFolder) -> None:
    index = "\n".join(
        [
            stanza("libubox20230523", "2023", ABIVersion="20230523"),
            stanza("dnsmasq-full", "2.90", Provides="dnsmasq, dhcp-server (=1)"),
            stanza("wpad", "1", Provides="hostapd"),
        ]
    )
    folder.write(f"{BASE}/Packages", index)
    (folder.root / BASE / "Packages.gz").unlink()
    sync_distribution(distribution, release="24.10.2", target="ath79/generic")

    packages = find().packages
    assert packages["libubox20230523"] == packages["libubox"] == "2023"
    assert packages["dnsmasq-full"] == "2.90"
    assert packages["dnsmasq"] == packages["dhcp-server"] == packages["hostapd"] == ""
    assert "nothing" not in packages


def test_a_package_counts_more_than_a_name_that_another_feed_provides(
    distribution: Distribution, folder: MirrorFolder
) -> None:
    folder.feed("releases/24.10.2/packages/mips_24kc/luci", luci="25")
    folder.write(f"{BASE}/Packages", stanza("other", "1", Provides="luci"))
    (folder.root / BASE / "Packages.gz").unlink()
    sync_distribution(distribution, release="24.10.2", target="ath79/generic")

    assert find().packages["luci"] == "25"


def test_a_second_look_is_no_query(synced: Distribution, django_assert_num_queries: Any) -> None:
    first = find()

    with django_assert_num_queries(0):
        assert find() is first


def test_an_unrelated_change_keeps_the_snapshot(synced: Distribution) -> None:
    first = find()
    generation.bump()

    assert find() is first


def test_a_moved_feed_is_seen_at_once(synced: Distribution, folder: MirrorFolder) -> None:
    before = find()
    folder.feed(BASE, busybox="1.37")
    sync_distribution(synced, release="24.10.2")
    generation.bump()  # what the sync does when its transaction is in

    after = find()
    assert after.packages["busybox"] == "1.37"
    assert "dnsmasq" not in after.packages
    assert after.state_hash != before.state_hash
    assert {f.name: f.index_sha256 for f in after.feeds} != {f.name: f.index_sha256 for f in before.feeds}


def test_a_change_from_another_machine_is_seen_after_a_while(
    synced: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "RECHECK_SECONDS", 0.0)
    find()
    Target.objects.update(is_enabled=False)

    assert unknown("openwrt", "24.10.2", "ath79/generic") is UnknownTargetError


def test_pinned_keys_go_with_the_target(synced: Distribution) -> None:
    DistributionKey.objects.create(distribution=synced, kind="usign", text="one")
    DistributionKey.objects.create(distribution=synced, kind="gpg", text="two", is_enabled=False)
    generation.bump()

    assert find().keys == (KeyInfo("usign", "one"),)


def test_what_a_router_needs_is_essential(synced: Distribution) -> None:
    essential = essential_among(find().default_packages)

    assert {"base-files", "busybox", "kernel", "libc"} <= essential
    assert "dnsmasq" not in essential
    assert "netifd" not in essential  # this target's defaults have none


@pytest.mark.django_db(transaction=True)
def test_a_change_while_the_rows_are_read_is_seen_by_the_next_look(synced: Distribution) -> None:
    others: list[threading.Thread] = []

    def somebody_else() -> None:
        with suppress(UnknownError):
            catalogue.find("none", "1.0", "no/such")
        connection.close()

    def change_behind_its_back(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if not others and "packages_distributionkey" in sql:
            others.append(threading.Thread(target=somebody_else))
            Release.objects.update(is_enabled=False)
            generation.bump()
            others[0].start()
            others[0].join(0.2)  # it has seen the new generation, and waits for its turn
        return result

    with connection.execute_wrapper(change_behind_its_back):
        find()
    others[0].join()

    assert unknown("openwrt", "24.10.2", "ath79/generic") is UnknownVersionError
