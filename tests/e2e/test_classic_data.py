"""Lists and records for the web client of 2017 to today, each row of their tables, through a real socket."""

import hashlib
import json
from typing import Any

import pytest

from builders.states import Reason
from packages.models import Channel, Distribution, NetworkProfile, Organisation, Release, Target
from tests.e2e.classic import Classic, build_ends, build_fails, later_wish, wish
from tests.images.factories import DEVICE, make_target

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

LEDE_DEVICE = {**DEVICE, "name": "tl-wdr4300-v1", "titles": [{"title": "TP-Link TL-WDR4300 v1"}]}
WHERE = "distro=lede&{}=17.01.4&target=ar71xx&subtarget=generic&profile=tl-wdr4300-v1"


@pytest.fixture(autouse=True)
def lede(classic: Classic) -> Target:
    """A second distribution with two releases, and a third that an organisation has for itself."""
    make_target("ar71xx/generic", "17.01.2", distribution="lede", profiles=(LEDE_DEVICE,))
    target = make_target("ar71xx/generic", "17.01.4", distribution="lede", profiles=(LEDE_DEVICE,))
    Distribution.objects.filter(name="lede").update(title="LEDE", description="The old one.", aliases=["led"])
    make_target(distribution="secret")
    owner = Organisation.objects.create(name="meadow")
    Distribution.objects.filter(name="secret").update(organisation=owner)
    from packages import generation

    generation.bump()
    return target


def get(classic: Classic, path: str) -> Any:
    answer = classic.get(path)
    assert answer.status == 200, answer.body
    return answer.json()


def test_distributions_as_in_2017(classic: Classic) -> None:
    assert get(classic, "/api/distros") == [
        {"name": "lede", "alias": "LEDE", "latest": "17.01.4", "description": "The old one."},
        {"name": "openwrt", "alias": "openwrt", "latest": "24.10.2", "description": ""},
    ]


def test_distributions_as_today(classic: Classic) -> None:
    found = get(classic, "/api/distributions")

    assert set(found) == {"lede", "openwrt"}
    assert found["lede"] == {
        "distro_alias": "LEDE",
        "distro_description": "The old one.",
        "latest": "17.01.4",
        "versions": {"17.01.4": {"version_description": ""}, "17.01.2": {"version_description": ""}},
    }


def test_the_latest_is_a_finished_release_where_there_is_one(classic: Classic) -> None:
    make_target(version="25.12.0-rc1")
    make_target(version="SNAPSHOT")

    assert get(classic, "/api/distributions")["openwrt"]["latest"] == "24.10.2"


@pytest.mark.parametrize("distro", ["lede", "LEDE", "Led"])
def test_releases_newest_first(classic: Classic, distro: str) -> None:
    assert get(classic, f"/api/releases?distro={distro}") == [
        {"distro": "lede", "release": "17.01.4"},
        {"distro": "lede", "release": "17.01.2"},
    ]
    assert {"distro": "openwrt", "release": "24.10.2"} in get(classic, "/api/releases")


def test_versions_as_in_2018(classic: Classic) -> None:
    assert get(classic, "/api/versions?distro=lede") == [
        {"distro": "lede", "version": "17.01.4", "alias": "", "description": ""},
        {"distro": "lede", "version": "17.01.2", "alias": "", "description": ""},
    ]
    assert {"distro": "openwrt", "version": "24.10.2", "alias": "", "description": ""} in get(classic, "/api/versions")


def test_what_is_switched_off_is_nowhere(classic: Classic) -> None:
    Release.objects.filter(version="17.01.4").update(is_enabled=False)
    Channel.objects.filter(name="24.10").update(is_enabled=False)

    assert get(classic, "/api/releases") == [{"distro": "lede", "release": "17.01.2"}]


def test_an_unknown_distribution_has_no_releases(classic: Classic) -> None:
    assert get(classic, "/api/releases?distro=none") == get(classic, "/api/versions?distro=secret") == []


@pytest.mark.parametrize("words", ["wdr4300", "WDR4300", "tp-link", ""])
def test_models_as_in_2017(classic: Classic, words: str) -> None:
    assert get(classic, f"/api/models?distro=lede&release=17.01.4&model_search={words}") == [
        {
            "distro": "lede",
            "release": "17.01.4",
            "version": "17.01.4",
            "target": "ar71xx",
            "subtarget": "generic",
            "profile": "tl-wdr4300-v1",
            "model": "TP-Link TL-WDR4300 v1",
        }
    ]


def test_models_as_in_2018_and_as_today(classic: Classic) -> None:
    (found,) = get(classic, "/api/models?model_search=wdr4300&distro=lede&version=17.01.4")

    assert found["model"] == "TP-Link TL-WDR4300 v1"
    assert found["profile"] == "tl-wdr4300-v1"
    # Both ask by the same address, put the parts together in their own way, and take them apart at the slashes.
    in_2018 = f"{found['target']}/{found['subtarget']}/{found['profile']}"
    today = f"{found['target']}/{found['profile']}"
    assert in_2018.split("/")[:3] == today.split("/") == ["ar71xx", "generic", "tl-wdr4300-v1"]


def test_models_that_are_not_there_are_an_empty_list(classic: Classic) -> None:
    assert get(classic, "/api/models?distro=lede&release=17.01.4&model_search=none") == []
    assert get(classic, "/api/models?distro=lede&release=19&model_search=wdr") == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        "/api/models?distro=lede&model_search=wdr",
        "/api/models?release=17.01.4&model_search=wdr",
        "/api/models?distro=lede&release=17.01.4",
        "/api/packages_image",
        "/api/packages_image?distro=lede&version=17.01.4&target=ar71xx&profile=tl-wdr4300-v1",
        "/api/default_packages?distro=lede&release=17.01.4&target=ar71xx&subtarget=generic",
    ],
)
def test_a_missing_parameter_is_400_with_an_empty_list(classic: Classic, path: str) -> None:
    answer = classic.get(path)

    assert (answer.status, answer.json()) == (400, [])


@pytest.mark.parametrize("path", ["/api/packages_image", "/api/default_packages"])
@pytest.mark.parametrize("name", ["release", "version"])
def test_default_packages_as_in_2017(classic: Classic, path: str, name: str) -> None:
    found = get(classic, f"{path}?{WHERE.format(name)}")["packages"]

    assert "base-files" in found and "kmod-ath10k-ct" in found
    assert "dnsmasq" not in found, "the device takes it out"


def test_default_packages_as_today_are_a_list(classic: Classic) -> None:
    found = get(classic, "/api/packages_image?distro=lede&version=17.01.4&target=ar71xx/generic&profile=tl-wdr4300-v1")

    assert isinstance(found, list)
    assert "base-files" in found


def test_a_target_in_one_piece_with_its_subtarget_is_understood(classic: Classic) -> None:
    where = "distro=lede&version=17.01.4&target=ar71xx/generic&subtarget=generic&profile=tl-wdr4300-v1"

    assert "packages" in get(classic, f"/api/packages_image?{where}")


@pytest.mark.parametrize(
    "changes", ["target=none/x", "version=19", "profile=none", "distro=none", "distro=secret", "target=%00/x"]
)
def test_default_packages_of_what_is_not_there_are_404(classic: Classic, changes: str) -> None:
    where = dict(part.split("=") for part in WHERE.format("version").split("&"))
    where["target"] = "ar71xx/generic"
    del where["subtarget"]
    where |= dict([changes.split("=")])

    answer = classic.get(f"/api/packages_image?{'&'.join(f'{name}={value}' for name, value in where.items())}")

    assert answer.status == 404
    assert answer.json()["error"]


def test_default_packages_that_are_not_here_yet_are_503(classic: Classic) -> None:
    make_target("ath79/tiny", is_complete=False)

    answer = classic.get("/api/packages_image?distro=openwrt&version=24.10.2&target=ath79/tiny&profile=x")

    assert answer.status == 503
    assert answer.headers["Retry-After"]


def test_network_profiles(classic: Classic) -> None:
    assert get(classic, "/api/network_profiles") == []
    NetworkProfile.objects.create(name="libremesh/antennas", is_general=True)
    NetworkProfile.objects.create(name="libremesh/secret", is_general=True, organisation=Organisation.objects.get())

    text = classic.get("/network-profiles/Packages")

    assert get(classic, "/api/network_profiles") == ["libremesh/antennas"]
    assert text.status == 200
    assert text.headers["Content-Type"].startswith("text/plain")
    assert text.body == b"Package: libremesh/antennas\n"


# records of images


def test_an_image_and_its_manifest(classic: Classic) -> None:
    asked = classic.ask("/api/build-request", later_wish(defaults="echo secret"))
    image = build_ends()
    done = classic.get(f"/api/build-request/{asked.json()['request_hash']}").json()

    found = get(classic, f"/api/image/{done['image_hash']}")

    assert found["snapshots"] is False
    assert found["defaults_hash"] == hashlib.sha256(b"echo secret").hexdigest()
    assert found["build_date"][:10] == image.published_at.strftime("%Y-%m-%d")
    assert found["model"] == "Demo Tiny"
    assert found["target"] == "ath79/generic"
    assert found["distro_alias"] == "openwrt"
    assert found["version_alias"] == found["version"]
    assert (found["alias"], found["subtarget"]) == ("openwrt", "")
    assert "echo" not in json.dumps(found)
    assert get(classic, f"/api/manifest/{found['manifest_hash']}") == {"base-files": "1", "vim": "9.1-r1"}


def test_an_image_without_a_script_and_of_a_snapshot(classic: Classic) -> None:
    make_target(version="SNAPSHOT")
    classic.ask("/image-request", wish(version="SNAPSHOT"))
    image = build_ends()

    found = get(classic, f"/api/image/{image.request.request_hash}")

    assert found["snapshots"] is True
    assert found["defaults_hash"] == ""


def test_how_many_images_there_are(classic: Classic) -> None:
    assert get(classic, "/api/v1/stats/image_stats") == {"total": 0}
    classic.ask("/image-request", wish())
    build_ends()

    assert get(classic, "/api/v1/stats/image_stats") == {"total": 1}
    assert get(classic, "/lede/api/v1/stats/image_stats") == {"total": 0}


@pytest.mark.parametrize("front", ["api/image", "api/manifest", "manifest-info", "packages-hash"])
@pytest.mark.parametrize("name", ["0" * 64, "x", "..", "%00", "0" * 4000])
def test_what_is_not_there_is_404(classic: Classic, front: str, name: str) -> None:
    answer = classic.get(f"/{front}/{name}")

    assert answer.status == 404
    assert isinstance(answer.json(), dict)


# pages of then


def test_old_addresses_of_manifests_lead_to_the_page_of_an_image(classic: Classic) -> None:
    classic.ask("/image-request", wish())
    image = build_ends()
    page = f"/images/{image.request.request_hash}/"

    for front in ("manifest-info", "packages-hash"):
        for name in (image.manifest_hash, image.request.request_hash):
            answer = classic.get(f"/{front}/{name}")
            assert (answer.status, answer.headers["Location"]) == (302, page)


def test_the_page_of_failures_shows_what_failed(classic: Classic) -> None:
    classic.ask("/image-request", wish())
    build_fails(Reason.CRASH)
    failed = classic.ask("/image-request", wish()).json()["log"].rpartition("/")[2][:12]
    classic.ask("/image-request", wish(packages=["base-files", "vim"]))
    image = build_ends()

    lead = classic.get("/fails")
    page = classic.get(lead.headers["Location"])

    assert lead.status == 302
    assert page.status == 200
    assert failed.encode() in page.body
    assert image.request.request_hash[:12].encode() not in page.body


def test_supported_targets_as_json(classic: Classic) -> None:
    Target.objects.filter(release__version="17.01.2").update(is_enabled=False)

    everything = get(classic, "/supported?json=1&distro=&release=&target=")
    chosen = get(classic, "/supported?json=1&distro=LEDE&release=17.01.4&target=ar71xx")

    assert {(row["distro"], row["release"]) for row in everything} == {("lede", "17.01.4"), ("openwrt", "24.10.2")}
    assert chosen == [
        {
            "distro": "lede",
            "release": "17.01.4",
            "version": "17.01.4",
            "target": "ar71xx",
            "subtarget": "generic",
            "supported": True,
        }
    ]


def test_lists_below_a_distribution_are_its_own(classic: Classic) -> None:
    assert [row["name"] for row in get(classic, "/lede/api/distros")] == ["lede"]
    assert set(get(classic, "/lede/api/distributions")) == {"lede"}
    assert {row["distro"] for row in get(classic, "/lede/api/releases")} == {"lede"}
    assert get(classic, "/secret/api/distros") == []
