"""What a request comes to: which build, which words for PACKAGES, which refusal."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from builders.models import Build
from images.models import ImageRequest
from packages.models import Distribution, Target
from tests.images.factories import DEVICE, KERNEL_FREE, PACKAGES, ask, make_target, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def target() -> Target:
    return make_target()


def test_a_new_request_is_queued_in_the_shape_clients_know(client: Client) -> None:
    answer = ask(client, client="luci/25.100.1-r1")

    body = answer.json()
    assert answer.status_code == body["status"] == 202
    assert body["detail"] == "queued"
    assert body["queue_position"] == 0
    assert "imagebuilder_status" not in body
    assert answer["X-Imagebuilder-Status"] == "queued"
    assert answer["X-Queue-Position"] == "0"
    assert len(body["request_hash"]) == 64
    assert body["request"]["client"] == "luci/25.100.1-r1"
    assert body["request"]["defaults"] is None
    assert body["request"]["rootfs_size_mb"] is None
    assert body["request"]["version_code"] == "r28739-d9340319c6"


def test_the_build_gets_all_that_decides_the_image(client: Client) -> None:
    ask(client, defaults="echo hi\n", rootfs_size_mb=256)

    spec = Build.objects.get().spec
    assert spec["profile"] == "tplink_archer-c7-v2"
    assert spec["packages"] == ["luci"]
    assert spec["defaults"] == "echo hi\n"
    assert spec["rootfs_size_mb"] == 256
    assert spec["imagebuilder"]["sha256"] == "cd" * 32
    assert spec["imagebuilder"]["url"].startswith(
        "https://downloads.example.org/releases/24.10.2/targets/ath79/generic/"
    )
    assert [feed["name"] for feed in spec["feeds"]] == ["core", "packages"]
    assert spec["source_date_epoch"] == 1750711236
    # The feed step needs the removals of the device too.
    assert spec["default_packages"] == [*KERNEL_FREE, "kmod-ath10k-ct", "-dnsmasq"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"packages": ["luci", "vim"]}, {"packages": ["vim", "luci"]}),
        ({"packages": ["luci", "vim"]}, {"packages": ["vim", "luci", "vim"]}),
        ({"packages": ["luci"]}, {"packages": None, "packages_versions": {"luci": PACKAGES["luci"]}}),
        ({"packages": ["luci"]}, {"packages": ["luci", "dropbear"]}),  # there anyway
        ({"packages": ["luci"]}, {"packages": ["luci", "-no-such-package"]}),  # gone anyway
        ({"packages": ["luci"]}, {"packages": ["luci", "kernel", "libc"]}),
        ({"packages": None}, {"packages": []}),
        ({}, {"profile": "tplink,archer-c7-v2"}),
        ({}, {"profile": "archer-c7-v2"}),
        ({}, {"filesystem": "", "defaults": "", "version_code": ""}),
        ({}, {"version_code": "r28739-d9340319c6"}),
        ({}, {"filesystem": "squashfs"}),  # every build yields all file systems of the device
        ({}, {"client": "somebody else"}),
        ({}, {"an_unknown_field": [1, {"x": None}]}),
        (
            {"packages": ["-dropbear"]},
            {"diff_packages": True, "packages": ["base-files", "busybox", "firewall4", "luci-base", "kmod-ath10k-ct"]},
        ),
        ({"packages": []}, {"diff_packages": True, "packages": [*KERNEL_FREE[:3], *KERNEL_FREE[4:], "kmod-ath10k-ct"]}),
    ],
)
def test_equal_content_in_any_spelling_is_one_build(client: Client, one: dict[str, Any], other: dict[str, Any]) -> None:
    first = ask(client, **one)
    second = ask(client, **other)

    assert second.json()["request_hash"] == first.json()["request_hash"], second.content
    assert Build.objects.count() == ImageRequest.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"packages": ["luci", "vim"]},
        {"packages": ["luci", "-dropbear"]},
        {"defaults": "echo hi"},
        {"rootfs_size_mb": 64},
        {"packages": ["luci", "dnsmasq"]},  # the device leaves it out, so asking for it counts
    ],
)
def test_different_content_is_another_build(client: Client, other: dict[str, Any]) -> None:
    first = ask(client)
    second = ask(client, **other)

    assert second.json()["request_hash"] != first.json()["request_hash"]


def test_a_moved_feed_gives_a_new_build(client: Client, target: Target) -> None:
    first = ask(client)
    target.feeds.filter(name="packages").update(index_sha256="99" * 32)
    Target.objects.filter(pk=target.pk).update(state_hash="98" * 32)
    from packages import generation

    generation.bump()

    assert ask(client).json()["request_hash"] != first.json()["request_hash"]


def test_the_order_of_packages_is_kept_for_the_build(client: Client) -> None:
    answer = ask(client, packages=["vim", "tcpdump", "luci"])

    assert words(answer) == ["vim", "tcpdump", "luci"]


def test_an_absolute_list_removes_the_defaults_that_it_lacks(client: Client) -> None:
    answer = ask(client, diff_packages=True, packages=["base-files", "busybox", "kmod-ath10k-ct", "luci"])

    assert words(answer) == ["luci", "-dropbear", "-firewall4", "-luci-base"]


def test_an_absolute_list_never_removes_what_a_router_needs(client: Client) -> None:
    answer = ask(client, diff_packages=True, packages_versions={"luci": PACKAGES["luci"]})

    assert "-base-files" not in words(answer)
    assert "-busybox" not in words(answer)
    assert "-libc" not in words(answer)
    assert "-dropbear" in words(answer)


def test_an_empty_absolute_list_means_the_defaults(client: Client) -> None:
    answer = ask(client, diff_packages=True, packages=[])

    assert words(answer) == []


def test_versions_replace_the_list(client: Client) -> None:
    answer = ask(client, packages=["vim"], packages_versions={"luci": PACKAGES["luci"]})

    assert words(answer) == ["luci"]
    assert answer.json()["request"]["packages"] == []


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"version": "99.99"}, 400, "Unsupported version: 99.99"),
        ({"target": "no/such"}, 400, "Unsupported target: no/such"),
        ({"profile": "foo"}, 400, "Unsupported profile: foo. The requested profile was either dropped"),
        ({"profile": "tplink_archer-c7-v3"}, 400, "Similar: tplink_archer-c7-v2"),
        ({"distro": "nothing"}, 400, "Unsupported distro"),
        ({"packages": ["no-such-pkg", "luci", "nor-this"]}, 422, "Unsupported package(s): no-such-pkg, nor-this"),
        ({"packages": ["vim", "-vim"]}, 400, "vim"),
        ({"packages": ["-base-files"]}, 400, "base-files"),
        ({"packages": ["-libc"]}, 400, "libc"),
        ({"packages": ["-kernel"]}, 400, "kernel"),
        ({"diff_packages": True, "packages": ["luci", "-busybox"]}, 400, "busybox"),
        ({"version_code": "r1-0000000000"}, 500, "Received incorrect version r28739-d9340319c6 (requested r1-00"),
        ({"packages_versions": {"luci": "1"}}, 500, "luci version not as requested: 1 vs. 25.191"),
        ({"repositories": {"mine": "https://example.org"}}, 400, "extra repositories are not offered"),
        ({"repository_keys": ["x"]}, 400, "repository_keys[0]: not a public key"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is_stored(
    client: Client, changes: dict[str, Any], status: int, said: str
) -> None:
    answer = ask(client, **changes)

    assert answer.status_code == answer.json()["status"] == status, answer.content
    assert said in answer.json()["detail"]
    assert not ImageRequest.objects.exists()
    assert not Build.objects.exists()


def test_unknown_packages_are_named_in_the_header(client: Client) -> None:
    answer = ask(client, packages=["no-such-pkg", "luci", "nor-this"])

    assert answer["X-Unknown-Package"] == "no-such-pkg, nor-this"


def test_kernel_and_libraries_of_the_compiler_are_never_unknown(client: Client) -> None:
    answer = ask(client, packages=["kernel", "libc", "libgcc", "librt", "libpthread", "luci"])

    assert answer.status_code == 202


def test_disabled_things_are_unknown(client: Client) -> None:
    Distribution.objects.update(is_enabled=False)
    from packages import generation

    generation.bump()

    assert ask(client).status_code == 400


def test_any_board_is_the_generic_profile_where_there_is_no_other(client: Client) -> None:
    make_target("x86/64", profiles=({**DEVICE, "name": "generic", "supported_devices": []},))

    answer = ask(client, target="x86/64", profile="Dell Inc. OptiPlex (3020)")

    assert answer.json()["request"]["profile"] == "generic"


def test_versions_compare_without_case(client: Client) -> None:
    make_target(version="SNAPSHOT")

    assert ask(client, version="snapshot").json()["request"]["version"] == "SNAPSHOT"


def test_each_distribution_has_its_own_address(client: Client) -> None:
    make_target(distribution="demo")

    below = ask(client, "/demo/api/v1/build")
    named = ask(client, distro="demo")

    assert below.json()["request"]["distro"] == "demo"
    assert below.json()["request_hash"] == named.json()["request_hash"]
    assert below.json()["request_hash"] != ask(client).json()["request_hash"]
    assert ask(client, "/demo/api/v1/build", distro="openwrt").status_code == 400


def test_the_first_boot_script_is_never_answered(client: Client) -> None:
    posted = ask(client, defaults="echo SECRET-WORD | passwd")
    polled = client.get(f"/api/v1/build/{posted.json()['request_hash']}")

    # owut only looks whether there was one.
    assert posted.json()["request"]["defaults"] == "(25 bytes, not shown)"
    assert b"SECRET-WORD" not in posted.content + polled.content


def test_a_hash_that_stands_for_another_request_is_refused(client: Client) -> None:
    ask(client)
    Build.objects.update(canonical="something else")

    answer = ask(client)

    assert answer.status_code == 500
    assert "cannot be told from another" in answer.json()["detail"]
    assert Build.objects.count() == 1


def test_a_client_without_a_name_is_noted_by_its_user_agent(client: Client) -> None:
    from tests.images.factories import wish

    client.post("/api/v1/build", wish(), content_type="application/json", headers={"user-agent": "auc/0.3.2\x07ü"})

    assert ImageRequest.objects.get().client == "auc/0.3.2"


def test_limits_come_from_the_settings(client: Client, settings: Settings) -> None:
    settings.ASU_MAX_PACKAGES = 2
    settings.ASU_MAX_DEFAULTS_LENGTH = 4
    settings.ASU_MAX_ROOTFS_SIZE_MB = 100

    assert "at most 2" in ask(client, packages=["a", "b", "c"]).json()["detail"]
    assert "at most 4" in ask(client, defaults="äää").json()["detail"]  # bytes, not characters
    assert "1 to 100" in ask(client, rootfs_size_mb=101).json()["detail"]
    assert not ImageRequest.objects.exists()
