"""Which release a device is told to go to."""

from dataclasses import replace
from typing import Any

import pytest

from packages.exceptions import (
    NotCompleteError,
    UnknownDistributionError,
    UnknownProfileError,
    UnknownTargetError,
    UnknownVersionError,
)
from packages.models import Channel, Distribution, Release, Target
from packages.upgrades import Device, Reach, look
from tests.packages.upgrades.conftest import DEVICE, make_target

OLD = Device("openwrt", "24.10.1", "ath79/generic", "tplink,archer-c7-v2")


def test_the_newest_release_of_the_channel() -> None:
    verdict = look(OLD)

    assert (verdict.is_newer, verdict.version, verdict.newest) == (True, "24.10.2", "24.10.2")
    assert (verdict.profile, verdict.version_code) == ("tplink_archer-c7-v2", "r28739-d9340319c6")
    assert verdict.has_news


def test_nothing_newer() -> None:
    verdict = look(replace(OLD, version="24.10.2"))

    assert not verdict.has_news
    assert (verdict.is_newer, verdict.version, verdict.updates) == (False, "24.10.2", {})


@pytest.mark.parametrize(("reach", "version"), [("channel", "23.05.5"), ("distribution", "24.10.2")])
def test_another_channel_only_when_it_is_asked_for(reach: str, version: str) -> None:
    verdict = look(replace(OLD, version="23.05.5"), reach=reach)

    assert verdict.version == version
    assert verdict.is_newer is (reach == Reach.DISTRIBUTION)
    assert verdict.newer_channels == ("24.10.2",)


@pytest.mark.parametrize(
    ("installed", "reach", "version"),
    [
        ("24.10.2", "channel", "24.10.2"),
        ("24.10.2", "distribution", "24.10.2"),
        # Who runs one gets the next one, and later the release.
        ("24.10.3-rc1", "channel", "24.10.3-rc2"),
        ("25.12.0-rc1", "distribution", "25.12.0-rc2"),
        # But not those of another channel.
        ("24.10.3-rc2", "distribution", "24.10.3-rc2"),
    ],
)
def test_pre_releases_are_for_who_runs_one(installed: str, reach: str, version: str) -> None:
    for name in ("24.10.3-rc1", "24.10.3-rc2", "25.12.0-rc1", "25.12.0-rc2"):
        make_target(version=name)

    assert look(replace(OLD, version=installed), reach=reach).version == version


def test_after_the_candidates_comes_the_release() -> None:
    make_target(version="25.12.0-rc2")
    make_target(version="25.12.0")

    assert look(replace(OLD, version="25.12.0-rc2")).version == "25.12.0"


@pytest.mark.parametrize(
    ("revision", "is_newer"),
    [("r29999-abcdef0", True), ("r30000-aaaaaaaaaa", False), ("r30001-abcdef0", False), ("", True)],
)
def test_snapshots_go_by_their_revision(revision: str, is_newer: bool) -> None:
    make_target(version="SNAPSHOT", version_code="r30000-aaaaaaaaaa")

    for reach in Reach:
        verdict = look(replace(OLD, version="snapshot", revision=revision), reach=reach)

        assert (verdict.version, verdict.is_newer) == ("SNAPSHOT", is_newer)
    assert bool(verdict.notes) is (not revision)


def test_a_snapshot_of_a_branch_goes_to_itself_or_to_a_newer_channel() -> None:
    make_target(version="23.05-SNAPSHOT", version_code="r24200-aaaaaaaaaa")
    Release.objects.filter(version="23.05-SNAPSHOT").update(channel=Channel.objects.get(name="23.05"))
    device = replace(OLD, version="23.05-SNAPSHOT", revision="r24100-bbbbbbbbbb")

    assert (look(device).version, look(device).is_newer) == ("23.05-SNAPSHOT", True)
    assert look(device, reach="distribution").version == "24.10.2"


def test_what_is_offered_no_longer_may_be_left_and_is_never_gone_back_from() -> None:
    Release.objects.filter(version="24.10.1").update(is_enabled=False)
    assert look(OLD).version == "24.10.2"

    Release.objects.filter(version="24.10.2").update(is_enabled=False)
    verdict = look(replace(OLD, version="24.10.2"))
    assert (verdict.is_newer, verdict.version, verdict.packages) == (False, "24.10.2", None)
    assert "not offered any more" in verdict.notes[0]


def test_a_distribution_that_ended_goes_on_as_its_successor() -> None:
    make_target(version="17.01.7", distribution="lede")
    Distribution.objects.filter(name="lede").update(successor=Distribution.objects.get(name="openwrt"))
    device = Device("lede", "17.01.7", "ath79/generic")

    assert not look(device).is_newer
    verdict = look(device, reach="distribution")

    assert (verdict.distribution, verdict.version) == ("openwrt", "24.10.2")
    assert "goes on as" in verdict.notes[0]


def test_successors_that_name_each_other_end() -> None:
    row = Distribution.objects.get(name="openwrt")
    Distribution.objects.update(successor=row)

    assert look(OLD, reach="distribution").version == "24.10.2"


# -- devices ---------------------------------------------------------------------------------------------------

OTHER: dict[str, Any] = {"name": "acme_rocket", "supported_devices": ["acme,rocket"]}


def test_a_device_that_was_dropped_is_told_the_newest_release_that_has_it() -> None:
    make_target(version="25.12.0", profiles=(OTHER,))

    verdict = look(OLD, reach="distribution")

    assert verdict.dropped is not None
    assert (verdict.dropped.newest_with, verdict.dropped.newest) == ("24.10.2", "25.12.0")
    assert not verdict.dropped.is_whole_target
    assert (verdict.version, verdict.is_newer, verdict.newest) == ("24.10.2", True, "25.12.0")
    assert verdict.notes == (
        "25.12.0 does not have the device tplink,archer-c7-v2 any more; 24.10.2 is the newest release that does.",
    )


def test_a_target_that_is_gone_needs_no_documents_to_tell() -> None:
    make_target(version="25.12.0", name="x86/64", is_complete=False)

    verdict = look(replace(OLD, profile=""), reach="distribution")

    assert verdict.dropped is not None and verdict.dropped.is_whole_target
    assert verdict.version == "24.10.2"
    assert "target ath79/generic" in verdict.notes[0]


def test_a_device_dropped_long_ago_has_its_own_release_as_the_newest() -> None:
    make_target(version="19.07.10", name="ar71xx/generic")
    device = Device("openwrt", "19.07.10", "ar71xx/generic", "archer-c7-v2")

    verdict = look(device, reach="distribution")

    assert verdict.dropped is not None
    assert (verdict.dropped.newest_with, verdict.is_newer, verdict.newest) == ("19.07.10", False, "24.10.2")


def test_a_profile_with_another_name_is_found_by_what_it_supports() -> None:
    renamed = {**DEVICE, "name": "tplink_archer-c7", "supported_devices": ["tplink,archer-c7-v2"]}
    make_target(version="24.10.3", profiles=(renamed,))
    assert look(OLD).profile == "tplink_archer-c7"

    # Its own name is not there, but one that its old profile says.
    by_alias = {**DEVICE, "name": "tplink_c7", "supported_devices": ["archer-c7-v2"]}
    make_target(version="24.10.4", profiles=(by_alias,))
    assert look(OLD).profile == "tplink_c7"


def test_without_a_device_the_target_decides() -> None:
    make_target(version="24.10.3", profiles=(OTHER,))

    assert look(replace(OLD, profile="")).version == "24.10.3"


# -- what is not known -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"distribution": "nobody"}, UnknownDistributionError),
        ({"version": "24.10.9"}, UnknownVersionError),
        ({"target": "ath79/none"}, UnknownTargetError),
        ({"profile": "nobody,knows"}, UnknownProfileError),
    ],
)
def test_what_is_unknown_is_said_as_the_catalogue_says_it(changes: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        look(replace(OLD, **changes))


def test_the_documents_of_the_release_to_go_to_must_be_there() -> None:
    row = make_target(version="24.10.3", is_complete=False)

    with pytest.raises(NotCompleteError) as caught:
        look(OLD)

    assert caught.value.target_id == row.pk


def test_a_disabled_channel_is_not_gone_to() -> None:
    Channel.objects.filter(name="24.10").update(is_enabled=False)

    assert not look(replace(OLD, version="23.05.5"), reach="distribution").is_newer


def test_a_look_asks_the_database_a_fixed_number_of_times(django_assert_max_num_queries: Any) -> None:
    for number in range(10, 20):
        make_target(version=f"22.03.{number}", is_complete=False)
        Target.objects.filter(release__version="22.03.10").update(arch_packages="x")
    device = replace(OLD, packages={"base-files": "1", "luci": "1", "vim": "1"})
    look(device)

    with django_assert_max_num_queries(11):
        look(device, reach="distribution")
