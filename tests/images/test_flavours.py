"""Requests for a flavour: its default packages, its files, and the names that its releases go by."""

from typing import Any

import pytest
from django.test import Client

from builders.models import Build
from images.models import ImageRequest
from packages.models import Distribution, FlavourDevice, NetworkProfile, Target
from packages.sync import flavours
from tests.images.factories import DEVICE, KERNEL_FREE, ask, words
from tests.images.flavours import KEY, make_flavour

pytestmark = pytest.mark.django_db
PATH = "/lime/api/v1/build"
VERSION = "2024.1-ow24.10.2"
# The flavour's default packages; of the device's own `-dnsmasq` nothing is left to say.
DEFAULT = [*(name for name in KERNEL_FREE if name not in ("dnsmasq", "luci-base")), "lime-system", "lime-app"]


@pytest.fixture(autouse=True)
def flavour() -> Distribution:
    return make_flavour().release.distribution


def asked(client: Client, **changes: Any) -> list[str]:
    answer = ask(client, PATH, **{"version": VERSION, "packages": None, **changes})
    assert answer.status_code == 202, answer.json()
    return sorted(words(answer))


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, ["-luci-base", "lime-app", "lime-system"]),
        ({"packages": ["vim"]}, ["-luci-base", "lime-app", "lime-system", "vim"]),
        ({"packages": ["lime-system"]}, ["-luci-base", "lime-app", "lime-system"]),
        # What the flavour puts in can be left out, what it leaves out can be asked for.
        ({"packages": ["-lime-app"]}, ["-luci-base", "lime-system"]),
        ({"packages": ["luci-base"]}, ["lime-app", "lime-system"]),
        ({"packages": ["dnsmasq-full"]}, ["-luci-base", "dnsmasq-full", "lime-app", "lime-system"]),
        # An absolute list has the last word on both.
        (
            {"packages": ["base-files", "busybox", "lime-system", "dropbear"], "diff_packages": True},
            ["-firewall4", "-kmod-ath10k-ct", "-luci-base", "lime-system"],
        ),
        ({"packages": [*DEFAULT, "kmod-ath10k-ct"], "diff_packages": True}, ["-luci-base", "lime-app", "lime-system"]),
        ({"packages_versions": {"lime-docs": "1-r1"}}, ["-luci-base", "lime-app", "lime-docs", "lime-system"]),
    ],
)
def test_the_imagebuilder_is_told_what_it_does_not_know(
    client: Client, wish: dict[str, Any], expected: list[str]
) -> None:
    assert asked(client, **wish) == expected


def test_what_clients_read_as_default_is_what_they_get_when_they_send_it(client: Client) -> None:
    document = client.get(f"/lime/releases/{VERSION}/targets/ath79/generic/profiles.json").json()
    device = document["profiles"]["tplink_archer-c7-v2"]
    plain = asked(client)

    assert document["default_packages"] == DEFAULT
    assert device["device_packages"] == ["kmod-ath10k-ct", "-dnsmasq"]
    sent = [*document["default_packages"], *device["device_packages"]]
    assert asked(client, packages=sent, diff_packages=True) == plain
    assert Build.objects.count() == 1


def test_the_spec_keeps_apart_what_the_imagebuilder_knows_and_who_signs_what(client: Client) -> None:
    asked(client)

    spec = Build.objects.get().spec
    assert (spec["distribution"], spec["version"]) == ("lime", VERSION)
    assert spec["default_packages"] == [*KERNEL_FREE, *DEVICE["device_packages"]]
    assert spec["imagebuilder"]["url"].startswith("https://downloads.example.org/releases/24.10.2/targets/ath79/")
    lime, *others = spec["feeds"]
    assert lime["url"] == "https://feeds.example.org/2024.1/mips_24kc"
    assert [key["text"] for key in lime["keys"]] == [KEY]
    assert all(not feed["keys"] for feed in others)
    assert spec["keys"] == []


def test_base_and_flavour_are_different_builds_of_one_imagebuilder(client: Client) -> None:
    asked(client)
    ask(client, packages=["vim"])

    assert Build.objects.count() == 2
    assert Build.objects.values("imagebuilder").distinct().count() == 1


def test_a_device_reports_the_bases_version_and_gets_the_flavour(client: Client) -> None:
    by_name = ask(client, PATH, version=VERSION, packages=None).json()
    by_base = ask(client, PATH, version="24.10.2", packages=None).json()

    assert by_base["request_hash"] == by_name["request_hash"]
    assert by_base["request"]["version"] == VERSION


def test_a_request_by_the_bases_version_that_has_to_wait_is_settled_under_the_real_one(client: Client) -> None:
    Target.objects.filter(release__distribution__name="lime").update(synced_at=None)

    answer = ask(client, PATH, version="24.10.2")

    assert answer.status_code == 202
    assert ImageRequest.objects.get().version == VERSION


def test_other_words_are_another_build(
    client: Client, flavour: Distribution, django_capture_on_commit_callbacks: Any
) -> None:
    asked(client)
    flavour.package_words = "lime-system"
    flavour.save()
    with django_capture_on_commit_callbacks(execute=True):
        flavours.derive(flavour)

    assert asked(client) == ["lime-system"]
    assert Build.objects.count() == 2


def test_words_for_a_device_count_for_that_one(client: Client, flavour: Distribution) -> None:
    FlavourDevice.objects.create(
        distribution=flavour, profile="tplink_archer-c7-v2", package_words="-lime-app -kmod-ath10k-ct lime-docs"
    )
    flavours.derive(flavour)

    assert asked(client) == ["-kmod-ath10k-ct", "-luci-base", "lime-docs", "lime-system"]
    document = client.get("/lime/json/v1/releases/24.10.2/targets/ath79/generic/tplink_archer-c7-v2.json").json()
    assert document["device_packages"] == ["-dnsmasq", "lime-docs", "-kmod-ath10k-ct", "-lime-app"]


def test_what_an_image_cannot_do_without_stays_whatever_a_flavour_says(client: Client, flavour: Distribution) -> None:
    Target.objects.filter(release__distribution__name="openwrt").update(default_packages=[*KERNEL_FREE, "mtd"])
    Distribution.objects.filter(pk=flavour.pk).update(package_words="-mtd -busybox lime-system")
    flavour.refresh_from_db()
    flavours.derive(flavour)

    assert asked(client) == ["lime-system"]


def test_a_default_package_that_no_feed_has_is_the_maintainers_to_mend(client: Client, flavour: Distribution) -> None:
    flavour.package_words = "lime-system lime-lost"
    flavour.save()
    flavours.derive(flavour)

    answer = ask(client, PATH, version=VERSION, packages=None)

    assert answer.status_code == 500
    assert "lime puts lime-lost into every image" in answer.json()["detail"]
    assert not Build.objects.exists()
    assert asked(client, packages=["-lime-lost"]) == ["lime-system"]


# -- files --------------------------------------------------------------------------------------------------


@pytest.fixture
def community(flavour: Distribution) -> NetworkProfile:
    """Goes into every image of the flavour."""
    always = NetworkProfile.objects.create(name="lime/all", is_general=True, packages="lime-docs -firewall4")
    always.files.create(path="etc/config/lime-community", content=b"all\n")
    flavour.network_profile = always
    flavour.save()
    flavours.derive(flavour)
    return always


def test_files_and_packages_of_a_flavour_are_in_every_image(client: Client, community: NetworkProfile) -> None:
    assert asked(client) == ["-firewall4", "-luci-base", "lime-app", "lime-docs", "lime-system"]

    [file] = Build.objects.get().spec["files"]
    assert (file["path"], file["mode"], file["content"]) == ("etc/config/lime-community", 0o644, "YWxsCg==")


def test_the_page_of_an_image_shows_paths_of_the_chosen_network_profile_only(
    client: Client, flavour: Distribution, community: NetworkProfile
) -> None:
    chosen = NetworkProfile.objects.create(name="lime/shown", is_general=True, is_public=True)
    chosen.files.create(path="etc/config/shown", content=b"x")
    answer = ask(client, PATH, version=VERSION, network_profile="lime/shown")
    [build] = Build.objects.all()
    assert len(build.spec["files"]) > 1

    page = client.get(f"/images/{answer.json()['request_hash']}/").content.decode()

    assert "/etc/config/shown" in page
    assert not [path for path in community.files.values_list("path", flat=True) if path in page]


def test_the_network_profile_of_a_request_comes_on_top(client: Client, community: NetworkProfile) -> None:
    own = NetworkProfile.objects.create(name="lime/ours", is_general=True, packages="vim firewall4")
    own.files.create(path="etc/config/lime-community", content=b"ours\n")
    own.files.create(path="etc/banner", content=b"hello\n")

    assert asked(client, network_profile="lime/ours") == ["-luci-base", "lime-app", "lime-docs", "lime-system", "vim"]

    files = {file["path"]: file["content"] for file in Build.objects.get().spec["files"]}
    assert files == {"etc/banner": "aGVsbG8K", "etc/config/lime-community": "b3Vycwo="}


def test_files_that_cannot_be_together_are_refused(client: Client, community: NetworkProfile) -> None:
    own = NetworkProfile.objects.create(name="lime/ours", is_general=True)
    own.files.create(path="etc/config/lime-community/more", content=b"")

    answer = ask(client, PATH, version=VERSION, network_profile="lime/ours")

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("network_profile: lime/ours does not fit to the files of lime")


# -- documents ----------------------------------------------------------------------------------------------


def test_the_overview_has_the_flavours_branches_and_those_that_devices_look_for(client: Client) -> None:
    body = client.get("/lime/json/v1/overview.json").json()

    assert body["upstream_url"] == "http://testserver/lime"
    assert body["latest"] == [VERSION, "24.10.2"]
    assert {name: branch["versions"] for name, branch in body["branches"].items()} == {
        "2024.1-ow24.10": [VERSION],
        "24.10": ["24.10.2"],
    }
    assert body["branches"]["24.10"]["targets"] == {"ath79/generic": "mips_24kc"}
    assert client.get("/lime/json/v1/branches.json").json() == list(body["branches"].values())


@pytest.mark.parametrize("name", ["24.10", "2024.1-ow24.10"])
def test_a_branch_knows_what_that_of_the_base_knows(client: Client, name: str) -> None:
    openwrt = Distribution.objects.get(name="openwrt")
    base = openwrt.channels.get(name="24.10")
    base.branch_off_rev = 27990
    base.git_branch = "openwrt-24.10"
    base.save()
    openwrt.package_changes.create(
        kind="renamed", sources=["auc"], targets=["owut"], version="24.10", revision=26792, why="Written anew."
    )

    branch = client.get("/lime/json/v1/overview.json").json()["branches"][name]

    assert (branch["branch_off_rev"], branch["git_branch"]) == (27990, "openwrt-24.10")
    assert branch["package_changes"] == [{"revision": 26792, "source": "auc", "target": "owut"}]


@pytest.mark.parametrize(
    ("folder", "version", "kinds"),
    [("releases/24.10.2", "24.10.2", ["sysupgrade"]), (f"releases/{VERSION}", VERSION, [])],
)
def test_profiles_are_told_by_either_version(client: Client, folder: str, version: str, kinds: list[str]) -> None:
    document = client.get(f"/lime/{folder}/targets/ath79/generic/profiles.json").json()

    assert (document["version_number"], document["version_code"]) == (version, "r28739-d9340319c6")
    device = document["profiles"]["tplink_archer-c7-v2"]
    # Below the flavour's versions selectors look, which would offer these images; below the base's those who upgrade.
    assert [image["type"] for image in device["images"]] == kinds
    assert all("sha256" not in image for image in device["images"])
    assert device["titles"] == DEVICE["titles"]


def test_names_of_versions_targets_and_devices_are_told_as_a_download_server_tells_them(client: Client) -> None:
    assert client.get("/lime/.versions.json").json() == {
        "stable_version": VERSION,
        "oldstable_version": "",
        "upcoming_version": "",
        "versions_list": [VERSION],
    }
    for folder in (f"releases/{VERSION}", "releases/24.10.2"):
        assert client.get(f"/lime/{folder}/.targets.json").json() == {"ath79/generic": "mips_24kc"}
        overview = client.get(f"/lime/{folder}/.overview.json").json()
        assert overview["profiles"] == [{"id": DEVICE["name"], "target": "ath79/generic", "titles": DEVICE["titles"]}]


@pytest.mark.parametrize(
    "path",
    [
        "releases/9.9/.targets.json",
        "releases/24.10.2/targets/no/target/profiles.json",
        "releases/24.10.2/targets/ath79/generic/x-sysupgrade.bin",
        "releases/../.versions.json",
        "snapshots/.overview.json",
        "releases/24.10.2/targets/ath79/generic/profiles.json/",
    ],
)
def test_what_a_flavour_does_not_have_is_not_found(client: Client, path: str) -> None:
    answer = client.get(f"/lime/{path}")

    assert answer.status_code == 404
    assert answer.json()["status"] == 404


def test_package_indexes_have_the_flavours_packages(client: Client) -> None:
    for version in (VERSION, "24.10.2"):
        index = client.get(f"/lime/json/v1/releases/{version}/targets/ath79/generic/index.json").json()
        assert {"lime-system", "base-files"} <= index["packages"].keys()
        assert "vim" in client.get(f"/lime/json/v1/releases/{version}/packages/mips_24kc-index.json").json()
    assert client.get("/lime/api/v1/revision/24.10.2/ath79/generic").json() == {"revision": "r28739-d9340319c6"}


def test_a_disabled_flavour_is_unknown_everywhere(client: Client, flavour: Distribution) -> None:
    Distribution.objects.filter(pk=flavour.pk).update(is_enabled=False)

    for path in (".versions.json", "releases/24.10.2/.targets.json", "json/v1/overview.json"):
        assert client.get(f"/lime/{path}").status_code == 404
    assert ask(client, PATH, version=VERSION).status_code == 400


def test_the_page_of_an_image_tells_which_feeds_its_imagebuilder_has_to_be_told(client: Client) -> None:
    request_hash = ask(client, PATH, version=VERSION, packages=None).json()["request_hash"]
    build = Build.objects.get()
    build.build_cmd = ["make", "image", "PROFILE=tplink_archer-c7-v2"]
    build.save()

    page = client.get(f"/images/{request_hash}/").content.decode()

    feed = next(feed for feed in build.spec["feeds"] if feed["kind"] == "flavour")
    assert f"{feed['name']} <code>{feed['url']}</code>" in page
