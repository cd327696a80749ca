"""Where ImageBuilders get packages from."""

from packages.parsing.repositories import parse, parse_feeds_buildinfo

OPKG = """## Place your custom repositories here, they must match the architecture and version.
# src/gz openwrt https://downloads.example.org/old
src/gz openwrt_core https://downloads.example.org/releases/24.10.5/targets/ath79/generic/packages
src/gz openwrt_base https://downloads.example.org/releases/24.10.5/packages/mips_24kc/base
src/gz reboot_luci http://downloads.example.org/luci
# src/gz openwrt_video https://downloads.example.org/video

## This is the local package repository, do not remove!
src imagebuilder file:packages
option check_signature
"""

APK = """# comment.adb
https://downloads.example.org/releases/25.12.5/targets/ath79/generic/packages/packages.adb
https://downloads.example.org/releases/25.12.5/targets/ath79/generic/kmods/6.12.94-1-87021ce8/packages.adb
https://downloads.example.org/releases/25.12.5/packages/mips_24kc/base/packages.adb
"""


def test_opkg_sources_are_read_and_the_rest_is_left_out() -> None:
    sources = parse(OPKG)

    assert [(source.kind, source.name, source.feed) for source in sources] == [
        ("src/gz", "openwrt_core", "core"),
        ("src/gz", "openwrt_base", "base"),
        ("src/gz", "reboot_luci", "luci"),
        ("src", "imagebuilder", "imagebuilder"),
    ]
    assert sources[1].url == "https://downloads.example.org/releases/24.10.5/packages/mips_24kc/base"
    assert sources[3].url == "file:packages"
    assert all(source.line in OPKG.splitlines() for source in sources)


def test_apk_sources_get_the_name_of_their_feed() -> None:
    sources = parse(APK)

    assert [(source.kind, source.feed) for source in sources] == [("apk", "core"), ("apk", "kmods"), ("apk", "base")]
    assert sources[2].url == APK.splitlines()[3]


def test_feeds_of_a_release_are_named() -> None:
    text = """src-git packages https://git.example.org/feed/packages.git^2c1b1ba
src-git-full luci https://git.example.org/project/luci.git;branch
# src-git video https://git.example.org/feed/video.git
src-link custom /usr/src/openwrt/custom-feed
"""

    assert parse_feeds_buildinfo(text) == ["packages", "luci", "custom"]
