"""`profiles.json`: a target's devices, default packages and kernel."""

import copy
import json
from typing import Any

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import profiles
from packages.parsing.types import ProfileEntry
from tests.packages.parsing.shared import real

SHA256 = "d2e0b38abd19eb92cf7168f733327fe6bd19aab6bd0c99224c68a284d7079f81"
DOCUMENT: dict[str, Any] = {
    "arch_packages": "mips_24kc",
    "default_packages": ["base-files", "busybox", "libc", "busybox"],
    "linux_kernel": {"version": "6.6.119", "release": "1", "vermagic": "87021ce83621122a78a60c67cd8127a6"},
    "metadata_version": 1,
    "profiles": {
        "tplink_archer-c7-v2": {
            "device_packages": ["kmod-usb2", "-swconfig"],
            "image_prefix": "openwrt-24.10.5-ath79-generic-tplink_archer-c7-v2",
            "images": [
                {
                    "filesystem": "squashfs",
                    "name": "openwrt-24.10.5-ath79-generic-tplink_archer-c7-v2-squashfs-sysupgrade.bin",
                    "sha256": SHA256,
                    "sha256_unsigned": SHA256,
                    "size": 6554624,
                    "type": "sysupgrade",
                }
            ],
            "supported_devices": ["tplink,archer-c7-v2", "archer-c7"],
            "titles": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}],
            "file_size_limits": {"image": 16252928},
        }
    },
    "source_date_epoch": 1727094886,
    "target": "ath79/generic",
    "version_code": "r29087-d9c5716d1d",
    "version_number": "24.10.5",
}


def changed(**values: Any) -> bytes:
    """The document with other values; None takes a key away."""
    document = {**copy.deepcopy(DOCUMENT), **values}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def with_profile(**values: Any) -> bytes:
    """The document with its one profile changed."""
    return changed(profiles={"some_device": {**DOCUMENT["profiles"]["tplink_archer-c7-v2"], **values}})


def test_a_document_is_read_with_all_that_requests_are_checked_against() -> None:
    target = profiles.parse(changed())

    assert (target.target, target.version_number, target.version_code) == (
        "ath79/generic",
        "24.10.5",
        "r29087-d9c5716d1d",
    )
    assert (target.arch_packages, target.source_date_epoch) == ("mips_24kc", 1727094886)
    assert target.linux_kernel == DOCUMENT["linux_kernel"]
    assert target.default_packages == ["base-files", "busybox", "libc"]
    source = DOCUMENT["profiles"]["tplink_archer-c7-v2"]
    assert target.profiles == [
        ProfileEntry(
            "tplink_archer-c7-v2",
            titles=source["titles"],
            supported_devices=source["supported_devices"],
            device_packages=source["device_packages"],
            image_prefix=source["image_prefix"],
            images=source["images"],
            size_limit=16252928,
        )
    ]


def test_older_releases_lack_fields_and_are_read_all_the_same() -> None:
    target = profiles.parse(b'{"profiles": {"x": {}}, "target": "ar71xx/generic", "linux_kernel": "null"}')

    assert target.profiles == [ProfileEntry("x")]
    assert target.linux_kernel == {}
    assert target.source_date_epoch is None


def test_profiles_with_impossible_names_are_counted_and_left_out() -> None:
    target = profiles.parse(changed(profiles={"good": {}, "../../bad": {}, "$(reboot)": {}, "line\n": {}}))

    assert [profile.name for profile in target.profiles] == ["good"]
    assert target.skipped == 3


def test_words_that_are_no_package_never_come_through() -> None:
    data = with_profile(device_packages=["kmod-usb2", "$(reboot)", "--force", "a b", "-wpad", "http://x/y.ipk"])

    [profile] = profiles.parse(data).profiles

    assert profile.device_packages == ["kmod-usb2", "-wpad"]


def test_images_with_names_that_lead_elsewhere_are_left_out() -> None:
    data = with_profile(images=[{"name": "../../shadow"}, {"name": "good.bin", "extra": {"a": 1}}, {"type": "x"}])

    [profile] = profiles.parse(data).profiles

    assert profile.images == [{"name": "good.bin"}]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (changed(profiles=None), "profiles"),
        (changed(profiles=[]), "profiles"),
        (changed(profiles={"x": []}), "profiles.x"),
        (changed(metadata_version=2), "metadata_version"),
        (changed(target="../../x"), "target"),
        (changed(version_number="$(reboot)"), "version_number"),
        (changed(arch_packages="a/b"), "arch_packages"),
        (changed(default_packages="base-files"), "default_packages"),
        (changed(default_packages=[["base-files"]]), "default_packages"),
        (changed(source_date_epoch=-5), "source_date_epoch"),
        (changed(source_date_epoch=253_402_300_800), "source_date_epoch"),
        (changed(linux_kernel={"version": 6}), "linux_kernel.version"),
        (with_profile(titles=[{"title": {}}]), "profiles.some_device.titles[0].title"),
        (with_profile(titles={"title": "x"}), "profiles.some_device.titles"),
        (with_profile(image_prefix="../x"), "profiles.some_device.image_prefix"),
        (with_profile(images=[{"name": "x.bin", "sha256": "abc"}]), "profiles.some_device.images[0].sha256"),
        (with_profile(images=[5]), "profiles.some_device.images[0]"),
        (with_profile(supported_devices=[None]), "profiles.some_device.supported_devices"),
    ],
)
def test_a_wrong_document_is_refused_with_the_place_that_is_wrong(data: bytes, place: str) -> None:
    with pytest.raises(BadDocumentError) as caught:
        profiles.parse(data, "24.10.5/profiles.json")

    assert str(caught.value).startswith(f"24.10.5/profiles.json: '{place}' ")


@pytest.mark.parametrize(
    ("name", "target", "images"),
    [("profiles-25.12-x86.json", "x86/64", 7), ("profiles-23.05-archer.json", "ath79/generic", 4)],
)
def test_what_real_builds_leave_behind_is_read(name: str, target: str, images: int) -> None:
    document = profiles.parse(real(f"imagebuilder-output/{name}"))

    assert document.target == target
    assert [len(profile.images) for profile in document.profiles] == [images]
    assert document.skipped == 0
