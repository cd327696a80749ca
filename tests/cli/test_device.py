"""Package lists and board data in each form that routers print them in."""

import json

import pytest
from asu_cli import device
from asu_cli.errors import UsageError

OPKG = """base-files - 1637-r24106-10cc5fcd00
dnsmasq - 2.90-2
kmod-ath9k - 5.15.167-1-a1b2
libubox20230523 - 2023-05-23-75a3b870-1
"""
APK_LIST = """WARNING: opening /var/cache: No such file or directory
base-files-1637~d9340319c6 mips_24kc {feeds/base/base-files} (GPL-2.0) [installed]
kmod-ath9k-6.6.93.6.12.23-r1 mips_24kc {linux} (GPL-2.0) [installed]
6in4-28-r2 noarch {6in4} () [installed]
luci-25.191.67434~f5fd9bb noarch {luci} (Apache-2.0) [installed]
python3-light-3.11.14-r1 mips_24kc {python3} (PSF) [installed]
"""
APK_INFO = "base-files-1637~d9340319c6\nuci-2025.01.20~16ff0bad-r1\niptables-mod-conntrack-extra-1.8.10-r1\n"
WORLD = "base-files\nluci-app-2\nfoo@tag\nbar=1.0-r1\n!unwanted\nca-bundle><Q1abc\n"
MANIFEST = "base-files - 1637~d9340319c6\nluci - 25.191.67434~f5fd9bb\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            OPKG,
            {
                "base-files": "1637-r24106-10cc5fcd00",
                "dnsmasq": "2.90-2",
                "kmod-ath9k": "5.15.167-1-a1b2",
                "libubox20230523": "2023-05-23-75a3b870-1",
            },
        ),
        (
            APK_LIST,
            {
                "base-files": "1637~d9340319c6",
                "kmod-ath9k": "6.6.93.6.12.23-r1",
                "6in4": "28-r2",
                "luci": "25.191.67434~f5fd9bb",
                "python3-light": "3.11.14-r1",
            },
        ),
        (
            APK_INFO,
            {
                "base-files": "1637~d9340319c6",
                "uci": "2025.01.20~16ff0bad-r1",
                "iptables-mod-conntrack-extra": "1.8.10-r1",
            },
        ),
        (WORLD, {"base-files": "", "luci-app-2": "", "foo": "", "bar": "", "ca-bundle": ""}),
        (MANIFEST, {"base-files": "1637~d9340319c6", "luci": "25.191.67434~f5fd9bb"}),
        ('{"packages": {"luci": "1", "vim": "2"}}', {"luci": "1", "vim": "2"}),
        ('{"luci": "1", "vim": null}', {"luci": "1", "vim": ""}),
        ('["luci", "vim"]', {"luci": "", "vim": ""}),
    ],
)
def test_packages_are_read_in_each_form(text: str, found: dict[str, str]) -> None:
    assert device.packages(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "{",
        "[]",
        "{}",
        "[7]",
        '{"a b": "1"}',
        '{"luci": 7}',
        '[["luci"]]',
        "<html>\n",
        "rm -rf /\n",
        "$(reboot)\n",
        "a\u202eb - 1\n",
        "[" * 100_000,
    ],
)
def test_what_is_no_list_of_packages_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        device.packages(text)


BOARD = {
    "kernel": "6.6.93",
    "hostname": "OpenWrt",
    "system": "Qualcomm Atheros QCA9558 ver 1 rev 0",
    "model": "TP-Link Archer C7 v2",
    "board_name": "tplink,archer-c7-v2",
    "rootfs_type": "squashfs",
    "release": {
        "distribution": "OpenWrt",
        "version": "24.10.1",
        "revision": "r28597-0425664679",
        "target": "ath79/generic",
        "description": "OpenWrt 24.10.1 r28597-0425664679",
    },
}


def test_board_data_says_which_device_it_is() -> None:
    assert device.from_board(BOARD) == device.Device(
        version="24.10.1",
        target="ath79/generic",
        profile="tplink,archer-c7-v2",
        calls_itself="OpenWrt",
        revision="r28597-0425664679",
        filesystem="squashfs",
    )


@pytest.mark.parametrize("document", [None, [], {}, {"release": "24.10.1"}, json.loads('{"release": []}')])
def test_what_is_no_board_data_is_refused(document: object) -> None:
    with pytest.raises(UsageError):
        device.from_board(document)
