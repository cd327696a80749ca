"""Flavours: releases, targets and devices of another distribution, with packages of their own."""

import json

import pytest

from packages import catalogue
from packages.exceptions import NotCompleteError, UnknownTargetError, UnknownVersionError
from packages.models import Channel, Distribution, NetworkProfile, Release, Series, Target
from packages.parsing.types import Inspection, PackageEntry, ProfileEntry
from packages.signatures import UsignKey
from packages.sync import flavours, store_inspection, sync_distribution
from packages.sync.report import SyncReport
from tests.packages.flavours import BASE_FEED, LIME_FEED, LIME_KEY, TARGET, make_series, read, target_of
from tests.packages.mirrors import MirrorFolder, Server

pytestmark = pytest.mark.django_db


def versions(flavour: Distribution) -> dict[str, bool]:
    return dict(flavour.releases.values_list("version", "is_enabled"))


# -- names --------------------------------------------------------------------------------------------------


def test_releases_and_targets_are_those_of_the_base_that_its_series_names(flavour: Distribution) -> None:
    report = sync_distribution(flavour)

    assert report.errors == []
    assert versions(flavour) == {"2024.1-ow24.10.2": True, "2024.1-ow23.05.5": True}
    release = flavour.releases.get(version="2024.1-ow24.10.2")
    assert (release.channel.name, release.path) == ("2024.1-ow24.10", "releases/2024.1-ow24.10.2")
    assert release.built_on == Release.objects.get(distribution__name="openwrt", version="24.10.2")
    assert set(release.targets.values_list("name", "arch_packages")) == {
        *(("ath79/generic", "mips_24kc"), ("x86/64", "x86_64"))
    }
    assert Distribution.objects.get(pk=flavour.pk).stable_version == "2024.1-ow24.10.2"


def test_versions_may_be_those_of_the_base_in_its_channels(flavour: Distribution) -> None:
    Series.objects.update(version_template="{base_version}", base_releases="24.10 SNAPSHOT")

    sync_distribution(flavour)

    rows = flavour.releases.values_list("version", "channel__name", "channel__is_snapshot", "channel__path")
    assert set(rows) == {
        ("24.10.2", "24.10", False, "releases/{version}"),
        ("SNAPSHOT", "SNAPSHOT", True, "snapshots"),
    }


def test_a_sync_of_the_base_brings_the_flavour_along(flavour: Distribution, folder: MirrorFolder) -> None:
    sync_distribution(flavour)
    folder.versions("24.10.3", "24.10.2", stable="24.10.3")
    folder.targets("releases/24.10.3", ath79__generic="mips_24kc")
    base = Distribution.objects.get(name="openwrt")

    sync_distribution(base)

    assert versions(flavour) == {"2024.1-ow24.10.3": True, "2024.1-ow24.10.2": True, "2024.1-ow23.05.5": False}
    assert Target.objects.filter(release__version="2024.1-ow24.10.3").count() == 1

    folder.versions("24.10.3", "24.10.2", "23.05.5", stable="24.10.3")
    sync_distribution(base)

    assert versions(flavour)["2024.1-ow23.05.5"]


def test_a_release_that_the_flavour_disabled_stays_so(flavour: Distribution) -> None:
    sync_distribution(flavour)
    flavour.releases.filter(version="2024.1-ow24.10.2").update(is_enabled=False)

    sync_distribution(flavour)

    assert versions(flavour) == {"2024.1-ow24.10.2": False, "2024.1-ow23.05.5": True}


@pytest.mark.parametrize("what", ["release", "channel", "target"])
def test_what_is_disabled_at_the_base_is_gone_and_comes_back(flavour: Distribution, what: str) -> None:
    read(flavour)
    base = Release.objects.get(distribution__name="openwrt", version="24.10.2")
    rows: dict[str, Release | Channel | Target] = {
        "release": base,
        "channel": base.channel,
        "target": base.targets.get(name="ath79/generic"),
    }
    row = rows[what]
    row.is_enabled = False
    row.save()
    flavours.derive_all()
    catalogue.forget()

    with pytest.raises((UnknownVersionError, UnknownTargetError)):
        catalogue.find("lime", "2024.1-ow24.10.2", "ath79/generic")

    row.is_enabled = True
    row.save()
    flavours.derive_all()
    catalogue.forget()
    assert catalogue.find("lime", "2024.1-ow24.10.2", "ath79/generic").version == "2024.1-ow24.10.2"


def test_a_flavour_works_while_its_base_as_a_whole_is_disabled(flavour: Distribution, folder: MirrorFolder) -> None:
    Distribution.objects.filter(name="openwrt").update(is_enabled=False)
    flavour = Distribution.objects.get(name="lime")
    read(flavour)
    before = target_of(flavour).state_hash
    folder.feed(BASE_FEED, busybox="1.37")

    assert sync_distribution(flavour).errors == []

    assert target_of(flavour).state_hash != before
    assert catalogue.find("lime", "2024.1-ow24.10.2", "ath79/generic").packages["busybox"] == "1.37"


def test_no_release_is_called_like_another_one_of_the_base(flavour: Distribution) -> None:
    sync_distribution(flavour)
    Release.objects.filter(distribution__name="openwrt", version="23.05.5").update(version="24.10.20")
    make_series(flavour, "0", "24.10.2", "{base_version}{series}")
    report = SyncReport()

    flavours.derive(flavour, report)

    assert report.notes == ["lime 0: 24.10.20 is another release of OpenWrt, not 24.10.2."]
    assert versions(flavour) == {"2024.1-ow24.10.2": True, "2024.1-ow24.10.20": True, "2024.1-ow23.05.5": False}


def test_of_two_series_with_the_same_version_the_first_has_it(flavour: Distribution) -> None:
    make_series(flavour, "other", "24.10.2", "2024.1-ow{base_version}")

    report = sync_distribution(flavour)

    assert flavour.releases.get(version="2024.1-ow24.10.2").series == flavour.series.get(name="2024.1")
    assert any("belongs to the series 2024.1 already" in note for note in report.notes)


def test_series_that_fit_no_release_are_told(flavour: Distribution) -> None:
    Series.objects.update(base_releases="19.07")

    report = sync_distribution(flavour)

    assert versions(flavour) == {}
    assert any("none of its series fits a release of openwrt" in note for note in report.notes)


def test_the_oldest_version_is_one_of_the_base(flavour: Distribution) -> None:
    flavour.oldest_version = "24.10"
    flavour.save()

    sync_distribution(flavour)

    assert set(versions(flavour)) == {"2024.1-ow24.10.2"}


# -- targets ------------------------------------------------------------------------------------------------


def test_a_target_has_all_of_its_bases_and_its_own_feed(flavour: Distribution, folder: MirrorFolder) -> None:
    target = read(flavour)

    base = Target.objects.get(release__distribution__name="openwrt", release__version="24.10.2", name="ath79/generic")
    assert target.is_complete and base.is_complete
    assert target.imagebuilder_sha256 == base.imagebuilder_sha256
    assert target.imagebuilder_url.endswith(f"/{TARGET}/{base.imagebuilder_file}")
    assert target.default_packages == ["base-files", "busybox", "dnsmasq"]
    assert target.package_words == ["lime-system", "-dnsmasq"]
    assert target.image_packages == ["base-files", "busybox", "lime-system"]
    assert {(feed.name, feed.kind) for feed in target.feeds.all()} == {
        *(("core", "target"), ("base", "arch"), ("luci", "arch"), ("lime", "flavour"))
    }
    assert set(base.feeds.all()) < set(target.feeds.all())
    assert {profile.name for profile in target.profiles.all()} == {profile.name for profile in base.profiles.all()}
    assert target.state_hash not in ("", base.state_hash)


def test_the_catalogue_tells_whose_keys_vouch_for_what(
    flavour: Distribution, distribution: Distribution, lime_server: Server
) -> None:
    read(flavour)
    base_key = UsignKey.generate("base").public_text()
    distribution.keys.create(kind="usign", text=base_key)

    found = catalogue.find("lime", "2024.1-ow24.10.2", "ath79/generic")

    assert [key.text for key in found.keys] == [base_key]
    assert {feed.name: [key.text for key in feed.keys] for feed in found.feeds} == {
        "lime": [LIME_KEY.public_text()],
        "core": [],
        "base": [],
        "luci": [],
    }
    assert found.feeds[0].url == f"{lime_server.url}/{LIME_FEED}"
    assert {"lime-system", "busybox", "luci"} <= found.packages.keys()
    assert (found.default_packages, found.package_words) == (
        ("base-files", "busybox", "dnsmasq"),
        ("lime-system", "-dnsmasq"),
    )


def test_a_release_is_found_by_the_version_that_devices_report(flavour: Distribution) -> None:
    read(flavour)

    assert catalogue.find("lime", "24.10.2", "ath79/generic").version == "2024.1-ow24.10.2"
    with pytest.raises(UnknownVersionError):
        catalogue.find("lime", "24.10.1", "ath79/generic")
    with pytest.raises(NotCompleteError) as caught:
        catalogue.find("lime", "24.10.2", "x86/64")
    assert caught.value.version == "2024.1-ow24.10.2"


def test_of_two_series_devices_get_the_one_with_the_higher_name(flavour: Distribution, feeds: MirrorFolder) -> None:
    for name in ("2023.1", "master"):
        make_series(flavour, name, "24.10.2", path=LIME_FEED)
    for version in ("2023.1-ow24.10.2", "master-ow24.10.2", "2024.1-ow24.10.2"):
        read(flavour, version)

    assert catalogue.find("lime", "24.10.2", "ath79/generic").version == "2024.1-ow24.10.2"
    assert catalogue.find("lime", "master-ow24.10.2", "ath79/generic").version == "master-ow24.10.2"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("moved", ["base feed", "own feed", "imagebuilder", "device", "words", "file"])
def test_whatever_moves_gives_the_flavours_target_a_new_state(
    flavour: Distribution, folder: MirrorFolder, feeds: MirrorFolder, moved: str
) -> None:
    network = NetworkProfile.objects.create(name="lime/all", is_general=True)
    Distribution.objects.filter(pk=flavour.pk).update(network_profile=network)
    flavour = Distribution.objects.get(pk=flavour.pk)
    before = read(flavour).state_hash
    base = Distribution.objects.get(name="openwrt")

    if moved == "base feed":
        folder.feed(BASE_FEED, busybox="1.37")
    elif moved == "own feed":
        feeds.feed(LIME_FEED, lime_system="2")
    elif moved == "imagebuilder":
        folder.sums(TARGET, **{target_of(flavour).imagebuilder_file: "b" * 64})
    elif moved == "device":
        flavour.devices.create(profile="rpi-4", package_words="lime-app")
    elif moved == "words":
        Series.objects.update(package_words="lime-app")
    else:
        network.files.create(path="etc/config/lime-community", content=b"config lime\n")
    sync_distribution(base)
    flavours.derive_all()
    if moved == "own feed":
        sync_distribution(Distribution.objects.get(pk=flavour.pk))

    assert target_of(flavour).state_hash != before
    assert target_of(flavour).imagebuilder_sha256 == target_of(flavour).built_on.imagebuilder_sha256  # type: ignore[union-attr]


def test_what_has_not_moved_keeps_its_state_and_costs_conditional_requests(
    flavour: Distribution, lime_server: Server
) -> None:
    before = read(flavour)
    lime_server.seen.clear()

    report = sync_distribution(flavour)

    assert (report.errors, report.completed) == ([], 0)
    assert target_of(flavour).state_hash == before.state_hash
    assert lime_server.paths(200) == []


def test_a_new_device_of_the_base_is_there_at_once(flavour: Distribution, folder: MirrorFolder) -> None:
    read(flavour)
    document = json.loads((folder.root / TARGET / "profiles.json").read_text())
    document["profiles"]["new_device"] = {"device_packages": ["kmod-new"]}
    folder.write(f"{TARGET}/profiles.json", document)
    folder.sums(TARGET, **{target_of(flavour).imagebuilder_file: "b" * 64})

    sync_distribution(Distribution.objects.get(name="openwrt"))

    assert target_of(flavour).profiles.filter(name="new_device").exists()


def test_a_flavour_may_offer_some_devices_only_with_words_of_their_own(flavour: Distribution) -> None:
    flavour.offers_listed_devices_only = True
    flavour.save()
    flavour.devices.create(profile="tplink_archer-c7-v2", package_words="-kmod-ath10k lime-app")

    target = read(flavour)

    [profile] = target.profiles.all()
    assert profile.name == "tplink_archer-c7-v2"
    assert profile.device_packages == ["kmod-ath10k", "-wpad"]
    assert profile.image_packages == ["-wpad", "lime-app", "-kmod-ath10k"]


def test_ready_made_images_of_the_base_are_none_of_the_flavour(flavour: Distribution, folder: MirrorFolder) -> None:
    document = json.loads((folder.root / TARGET / "profiles.json").read_text())
    image = {"type": "sysupgrade", "filesystem": "squashfs", "name": "x.bin", "sha256": "a" * 64, "size": 7}
    document["profiles"]["rpi-4"]["images"] = [image]
    folder.write(f"{TARGET}/profiles.json", document)

    target = read(flavour)

    assert target.profiles.get(name="rpi-4").images == [
        {"type": "sysupgrade", "filesystem": "squashfs", "name": "x.bin"}
    ]


# -- old releases -------------------------------------------------------------------------------------------


def test_an_imagebuilder_that_has_to_be_asked_is_asked_once_for_base_and_flavour(
    flavour: Distribution, folder: MirrorFolder
) -> None:
    (folder.root / TARGET / "profiles.json").unlink()
    folder.targets("releases/24.10.2", ath79__generic="", x86__64="x86_64")
    target = read(flavour)
    assert target.needs_inspection and not target.is_complete

    store_inspection(
        target,
        Inspection(
            target_line="ath79/generic",
            version_code="r1-abc",
            default_packages=["base-files", "dnsmasq"],
            profiles=[ProfileEntry("tl-wr841-v9")],
            packages=[PackageEntry("kernel", "kernel", "4.4")],
            arch_packages="mips_24kc",
        ),
    )

    target = target_of(flavour)
    assert target.is_complete
    assert target.built_on is not None and target.built_on.is_complete
    assert [profile.name for profile in target.profiles.all()] == ["tl-wr841-v9"]
    assert {feed.kind for feed in target.feeds.all()} == {"target", "arch", "imagebuilder", "flavour"}
