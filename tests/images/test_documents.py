"""The documents that say what is offered."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from packages import generation
from packages.models import Channel, Distribution, Release, Target
from tests.images.factories import DEVICE, PACKAGES, make_target

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def releases() -> Target:
    for version in ("24.10.0-rc9", "24.10.0-rc10", "24.10.0", "24.10.1", "23.05.9", "23.05.10", "25.12.0-rc1"):
        make_target(version=version, is_complete=False)
    make_target(version="SNAPSHOT", is_complete=False)
    return make_target()


@pytest.mark.parametrize("path", ["/json/v1/overview.json", "/api/v1/overview", "/api/overview", "/overview"])
def test_the_overview_is_at_all_its_addresses(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.json() == client.get(f"/openwrt{path}").json()


def test_latest_has_the_newest_of_each_branch_newest_branch_first(client: Client) -> None:
    expected = ["25.12.0-rc1", "24.10.2", "23.05.10"]

    assert client.get("/json/v1/overview.json").json()["latest"] == expected
    for path in ("/json/v1/latest.json", "/api/v1/latest", "/api/latest", "/json/latest.json"):
        assert client.get(path).json() == {"latest": expected}


def test_a_suffix_that_is_no_pre_release_is_a_release(client: Client) -> None:
    for version in ("2024.1", "2024.1-ow23.05.5", "2024.1-rc1"):
        make_target(version=version, distribution="libremesh", is_complete=False)
    channel = Channel.objects.get(distribution__name="libremesh", name="2024")
    Release.objects.filter(distribution__name="libremesh").update(channel=channel)

    assert client.get("/libremesh/api/v1/latest").json() == {"latest": ["2024.1-ow23.05.5"]}


def test_a_branch_has_all_that_clients_read_in_the_right_types(client: Client) -> None:
    channel = Channel.objects.get(name="24.10")
    Channel.objects.filter(pk=channel.pk).update(branch_off_rev=27990, git_branch="openwrt-24.10")
    changes = channel.distribution.package_changes
    changes.create(kind="renamed", sources=["auc"], targets=["owut"], revision=26792)
    changes.create(kind="dropped", sources=["kmod-nft-nat6"], revision=20282, is_mandatory=True)
    changes.create(kind="renamed", sources=["opkg"], targets=["apk-mbedtls"], revision=28056)

    body = client.get("/json/v1/overview.json").json()

    assert list(body["branches"]) == ["SNAPSHOT", "25.12", "24.10", "23.05"]
    assert body["branches"]["24.10"] == {
        "name": "24.10",
        "enabled": True,
        "snapshot": False,
        "path": "releases/{version}",
        "path_packages": "DEPRECATED",
        "versions": ["24.10.2", "24.10.1", "24.10.0", "24.10.0-rc10", "24.10.0-rc9"],
        "targets": {"ath79/generic": "mips_24kc"},
        "git_branch": "openwrt-24.10",
        "branch_off_rev": 27990,
        "package_changes": [
            {"revision": 20282, "source": "kmod-nft-nat6", "mandatory": True},
            {"revision": 26792, "source": "auc", "target": "owut"},
        ],
    }
    assert body["branches"]["SNAPSHOT"]["snapshot"] is True
    assert body["branches"]["SNAPSHOT"]["path"] == "snapshots"


def test_changes_are_told_as_owut_and_auc_understand_them(client: Client) -> None:
    Channel.objects.filter(name="23.05").update(branch_off_rev=23069)
    Channel.objects.filter(name="24.10").update(branch_off_rev=27990)
    changes = Distribution.objects.get().package_changes
    changes.create(kind="merged", sources=["a", "b"], targets=["ab"], version="24.10")
    # They know no second successor; the rest of a split is for our own check.
    changes.create(kind="split", sources=["c"], targets=["c1", "c2"], version="24.10", revision=25000)
    changes.create(kind="split", sources=["d"], targets=["d", "d2"], version="24.10")
    changes.create(kind="default", sources=["e"], version="24.10")
    changes.create(kind="added", targets=["f"], version="24.10", is_mandatory=True)
    # Brought to the branch after it had left: to them it is of its start.
    changes.create(kind="dropped", sources=["g", "h"], version="24.10", revision=29000)

    branches = client.get("/json/v1/overview.json").json()["branches"]

    assert branches["24.10"]["package_changes"] == [
        {"revision": 25000, "source": "c", "target": "c1"},
        {"revision": 27990, "source": "a", "target": "ab"},
        {"revision": 27990, "source": "b", "target": "ab"},
        {"revision": 27990, "target": "f", "mandatory": True},
        {"revision": 27990, "source": "g"},
        {"revision": 27990, "source": "h"},
    ]
    assert branches["23.05"]["package_changes"] == []
    assert {"revision": 29000, "source": "g"} in branches["SNAPSHOT"]["package_changes"]


def test_where_no_revision_is_known_a_change_lies_after_the_branch_before_it_or_is_not_told(client: Client) -> None:
    changes = Distribution.objects.get().package_changes
    changes.create(kind="renamed", sources=["a"], targets=["b"], version="24.10")

    assert client.get("/json/v1/overview.json").json()["branches"]["24.10"]["package_changes"] == []

    Channel.objects.filter(name="23.05").update(branch_off_rev=23069)
    generation.bump()
    told = client.get("/json/v1/overview.json").json()["branches"]["24.10"]["package_changes"]
    assert told == [{"revision": 23070, "source": "a", "target": "b"}]


def test_a_branch_tells_its_own_changes_and_those_of_the_two_before_it(client: Client) -> None:
    make_target(version="22.03.7", is_complete=False)
    for name, revision in (("22.03", 19160), ("23.05", 23069), ("24.10", 27990)):
        Channel.objects.filter(name=name).update(branch_off_rev=revision)
    changes = Distribution.objects.get().package_changes
    for revision in (18000, 21000, 25000, 30000):
        changes.create(kind="dropped", sources=[f"x{revision}"], revision=revision)

    branches = client.get("/json/v1/overview.json").json()["branches"]

    told = {name: [entry["revision"] for entry in branch["package_changes"]] for name, branch in branches.items()}
    assert told == {
        "22.03": [18000],
        "23.05": [18000, 21000],
        "24.10": [18000, 21000, 25000],
        "25.12": [21000, 25000],
        "SNAPSHOT": [25000, 30000],
    }


def test_branches_are_a_list(client: Client) -> None:
    branches = client.get("/json/v1/branches.json").json()

    assert branches == list(client.get("/api/v1/overview").json()["branches"].values())


def test_the_list_that_auc_reads_has_no_dropped_packages(client: Client) -> None:
    """auc 0.3 crashes on a device that has one of them; what the new release lacks it leaves out by itself."""
    Channel.objects.filter(name="24.10").update(branch_off_rev=27990)
    changes = Distribution.objects.get().package_changes
    changes.create(kind="renamed", sources=["a"], targets=["b"], version="24.10")
    changes.create(kind="added", targets=["c"], version="24.10")
    changes.create(kind="dropped", sources=["d"], version="24.10")

    told = {branch["name"]: branch["package_changes"] for branch in client.get("/json/v1/branches.json").json()}

    assert told["24.10"] == [
        {"revision": 27990, "source": "a", "target": "b"},
        {"revision": 27990, "target": "c"},
    ]
    assert {"revision": 27990, "source": "d"} in client.get("/json/v1/overview.json").json()["branches"]["24.10"][
        "package_changes"
    ]


def test_the_overview_tells_the_limits(client: Client, settings: Settings) -> None:
    settings.ASU_MAX_ROOTFS_SIZE_MB = 123
    settings.ASU_MAX_DEFAULTS_LENGTH = 0

    server = client.get("/api/v1/overview").json()["server"]

    assert server["max_custom_rootfs_size_mb"] == 123
    assert server["max_defaults_length"] == 0
    assert server["allow_defaults"] is False


def test_upstream_is_the_mirror_or_we_where_we_are_it(client: Client, settings: Settings) -> None:
    assert client.get("/api/v1/overview").json()["upstream_url"] == "https://downloads.example.org"

    Distribution.objects.update(is_hosted=True, url="file:///srv/secret")
    hosted = client.get("/api/v1/overview")
    assert hosted.json()["upstream_url"] == "http://testserver/openwrt"
    # The caller's address stands in it, so it is not kept for others.
    assert "asu.final" not in hosted.wsgi_request.META

    settings.ASU_BASE_URL = "https://asu.example.org"
    assert client.get("/api/v1/overview").json()["upstream_url"] == "https://asu.example.org/openwrt"


def test_disabled_things_are_not_offered(client: Client) -> None:
    Channel.objects.filter(name="25.12").update(is_enabled=False)
    Release.objects.filter(version="24.10.1").update(is_enabled=False)

    body = client.get("/api/v1/overview").json()

    assert "25.12" not in body["branches"]
    assert "24.10.1" not in body["branches"]["24.10"]["versions"]


def test_the_indexes_have_every_package_of_every_default_list(client: Client, releases: Target) -> None:
    own = client.get("/json/v1/releases/24.10.2/targets/ath79/generic/index.json").json()
    arch = client.get("/json/v1/releases/24.10.2/packages/mips_24kc-index.json").json()

    assert own["architecture"] == "mips_24kc"
    assert arch == {"luci": PACKAGES["luci"], "vim": PACKAGES["vim"]}
    assert own["packages"] | arch == PACKAGES | {"kernel": "6.6.93~a1b2c3d4-r1"}
    needed = {*releases.default_packages, *DEVICE["device_packages"]} - {"libc", "-dnsmasq"}
    assert needed <= {*own["packages"], *arch}


def test_a_profile_document_is_found_by_another_board_that_the_device_goes_by(client: Client) -> None:
    body = client.get("/json/v1/releases/24.10.2/targets/ath79/generic/archer-c7-v2.json").json()

    assert body["id"] == "tplink_archer-c7-v2"


def test_a_profile_document_has_what_auc_needs(client: Client) -> None:
    body = client.get("/json/v1/releases/24.10.2/targets/ath79/generic/tplink_archer-c7-v2.json").json()

    assert body["metadata_version"] == 1
    assert body["arch_packages"] == "mips_24kc"
    assert body["target"] == "ath79/generic"
    assert body["images"] == DEVICE["images"]
    assert body["version_code"] == "r28739-d9340319c6"
    assert body["build_at"] == "2025-06-23T20:40:36.000000Z"


def test_the_revision_of_a_version(client: Client) -> None:
    assert client.get("/api/v1/revision/24.10.2/ath79/generic").json() == {"revision": "r28739-d9340319c6"}


@pytest.mark.parametrize(
    "path",
    [
        "/json/v1/releases/24.10.2/targets/ath79/generic/no-such.json",
        "/json/v1/releases/24.10.2/targets/no/such/index.json",
        "/json/v1/releases/99/targets/ath79/generic/index.json",
        "/json/v1/releases/24.10.2/packages/no_arch-index.json",
        "/json/v1/releases/24.10.2/../../../etc/passwd",
        "/json/v1/nonsense",
        "/api/v1/revision/99/ath79/generic",
        "/api/v1/revision/24.10.2/no/such",
        "/nothing/api/v1/overview",
        "/nothing/json/v1/branches.json",
        "/nothing/json/v1/latest.json",
    ],
)
def test_what_is_not_there_is_404_as_json(client: Client, path: str) -> None:
    answer = client.get(path)

    body: dict[str, Any] = answer.json()
    assert answer.status_code == body["status"] == 404
    assert isinstance(body["detail"], str)


def test_documents_are_for_reading(client: Client) -> None:
    answer = client.post("/api/v1/overview")

    assert answer.status_code == answer.json()["status"] == 405
