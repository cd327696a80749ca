"""Finding the ImageBuilder among a target's files."""

import pytest

from packages.parsing import archive_names


@pytest.mark.parametrize(
    ("name", "version", "target"),
    [
        ("openwrt-imagebuilder-25.12.5-ath79-generic.Linux-x86_64.tar.zst", "25.12.5", "ath79/generic"),
        ("openwrt-imagebuilder-23.05.5-x86-64.Linux-x86_64.tar.xz", "23.05.5", "x86/64"),
        ("openwrt-imagebuilder-x86-64.Linux-x86_64.tar.zst", "SNAPSHOT", "x86/64"),
        ("openwrt-imagebuilder-24.10-SNAPSHOT-r28-1c1ab4a-x86-64.Linux-x86_64.tar.zst", "24.10-SNAPSHOT", "x86/64"),
        ("lede-imagebuilder-17.01.7-ar71xx-generic.Linux-x86_64.tar.xz", "17.01.7", "ar71xx/generic"),
        ("lede-imagebuilder-17.01.7-ipq806x.Linux-x86_64.tar.xz", "17.01.7", "ipq806x/generic"),
        ("OpenWrt-ImageBuilder-15.05.1-ar71xx-generic.Linux-x86_64.tar.bz2", "15.05.1", "ar71xx/generic"),
        ("my-own.distro-imagebuilder-1.0-x86-64.Linux-x86_64.tar.xz", "1.0", "x86/64"),
    ],
)
def test_the_archive_of_every_era_is_found(name: str, version: str, target: str) -> None:
    names = ["config.buildinfo", "openwrt-sdk-x86-64.Linux-x86_64.tar.xz", name, "packages/x.apk", "kmods/"]

    assert archive_names.find(names, version, target) == name


@pytest.mark.parametrize(
    "name",
    [
        "openwrt-imagebuilder-24.10.5-x86-64.Linux-x86_64.tar.zst",  # another version
        "openwrt-imagebuilder-24.10.1-x86-generic.Linux-x86_64.tar.zst",  # another target
        "openwrt-imagebuilder-24.10.1-x86-64.Linux-aarch64.tar.zst",  # another host
        "openwrt-imagebuilder-24.10.1-x86-64.Linux-x86_64.tar.gz",
        "sub/openwrt-imagebuilder-24.10.1-x86-64.Linux-x86_64.tar.zst",
        "openwrt-imagebuilder-24.10.1-x86-64.Linux-x86_64.tar.zst.sig",
        "openwrt-sdk-24.10.1-x86-64.Linux-x86_64.tar.zst",
    ],
)
def test_other_files_are_not_taken_for_it(name: str) -> None:
    assert archive_names.find([name], "24.10.1", "x86/64") is None


def test_the_exact_version_and_the_quicker_packing_win() -> None:
    exact = "openwrt-imagebuilder-24.10.1-x86-64.Linux-x86_64.tar"
    names = ["openwrt-imagebuilder-x86-64.Linux-x86_64.tar.zst", f"{exact}.xz", f"{exact}.zst"]

    assert archive_names.find(names, "24.10.1", "x86/64") == f"{exact}.zst"
