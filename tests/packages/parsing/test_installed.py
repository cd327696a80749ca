"""What people paste of their routers, in the forms that the programs there print."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages import names
from packages.parsing.installed import MAX_STRANGE, Told, parse

DATA = Path(__file__).parents[2] / "data" / "imagebuilder"
BOARD: dict[str, Any] = {
    "kernel": "6.6.86",
    "hostname": "OpenWrt",
    "system": "Qualcomm Atheros QCA9558 ver 1 rev 0",
    "model": "TP-Link Archer C7 v2",
    "board_name": "tplink,archer-c7-v2",
    "rootfs_type": "squashfs",
    "release": {
        "distribution": "OpenWrt",
        "version": "24.10.1",
        "firmware_url": "https://downloads.openwrt.org/",
        "revision": "r28597-0425664679",
        "target": "ath79/generic",
        "description": "OpenWrt 24.10.1 r28597-0425664679",
        "builddate": "1744562312",
    },
}
TWO = {"base-files": "1637~d9340319c6", "busybox": "1.36.1-r2"}

OPKG_LIST = "base-files - 1637~d9340319c6\nbusybox - 1.36.1-r2\n"
OPKG_INFO = """\
Package: base-files
Version: 1637~d9340319c6
Depends: libc, netifd, jsonfilter
Status: install user installed
Essential: yes
Architecture: mips_24kc
Conffiles:
 /etc/fstab 0f1e
 /etc/group 7d2a
Installed-Time: 1744562312

Package: busybox
Version: 1.36.1-r2
Status: install user installed
Architecture: mips_24kc

Package: vim
Version: 9.1-r1
Status: unknown ok not-installed
Architecture: mips_24kc
"""
APK_LIST = """\
WARNING: opening from cache https://downloads.openwrt.org/: No such file or directory
base-files-1637~d9340319c6 mips_24kc {feeds/base/package/base-files} (GPL-2.0) [installed]
busybox-1.36.1-r3 mips_24kc {feeds/base/package/utils/busybox} (GPL-2.0) [upgradable from: busybox-1.36.1-r2]
vim-9.1-r1 mips_24kc {feeds/packages/utils/vim} (Vim)
"""
APK_INFO = "base-files-1637~d9340319c6\nbusybox-1.36.1-r2\n"
APK_INFO_WORDS = "base-files-1637~d9340319c6 - Base filesystem\nbusybox-1.36.1-r2 - Core utilities for embedded Linux\n"
APK_QUERY = "Name: base-files\nVersion: 1637~d9340319c6\nStatus: installed\n\nName: busybox\nVersion: 1.36.1-r2\n"
APK_QUERY_YAML = "- name: base-files\n  version: 1637~d9340319c6\n- name: busybox\n  version: 1.36.1-r2\n"
APK_DATABASE = """\
C:Q1xV0Z5rVYvIoYqvb0LbJp9XbY3f0=
P:base-files
V:1637~d9340319c6
A:mips_24kc
S:41232
T:Base filesystem: for OpenWrt
D:libc netifd
F:etc
R:banner
Z:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=

C:Q1AbC5rVYvIoYqvb0LbJp9XbY3f0=
P:busybox
V:1.36.1-r2
A:mips_24kc

"""
OWUT = """\
ASU-Server     https://sysupgrade.openwrt.org
Upstream       https://downloads.openwrt.org
Target         ath79/generic
Profile        tplink,archer-c7-v2
Package-arch   mips_24kc
Version-from   24.10.1 r28597-0425664679 (kernel 6.6.86)
Version-to     24.10.2 r28739-d9340319c6 (kernel 6.6.93)
Root-FS-type   squashfs
  base-files   1637~d9340319c6   1640~d9340319c6
  busybox      1.36.1-r2         1.36.1-r3
"""
RPC = json.dumps({"architecture": "mips_24kc", "packages": TWO}, indent="\t")
QUERY_JSON = json.dumps([{"name": name, "version": version} for name, version in TWO.items()])


@pytest.mark.parametrize(
    "text",
    [
        *(OPKG_LIST, OPKG_INFO, APK_LIST, APK_INFO, APK_INFO_WORDS, APK_QUERY, APK_QUERY_YAML, APK_DATABASE, OWUT),
        *(RPC, QUERY_JSON, json.dumps(TWO), "base-files 1637~d9340319c6\nbusybox 1.36.1-r2"),
    ],
    ids=[
        *("opkg list-installed", "opkg info", "apk list", "apk info -v", "apk info -vv", "apk query", "apk query yaml"),
        *("apk database", "owut", "rpc-sys packagelist", "apk query json", "json", "columns"),
    ],
)
def test_each_form_of_a_list_says_the_same(text: str) -> None:
    told = parse(text)

    assert told.packages == TWO
    assert told.strange == ()


@pytest.mark.parametrize(
    "text", ["luci\nvim\n-ppp", "luci vim -ppp", "luci, vim, -ppp", json.dumps(["luci", "vim", "-ppp"])]
)
def test_names_alone_are_a_list_too(text: str) -> None:
    assert parse(text).packages == {"luci": "", "vim": "", "-ppp": ""}


def test_wishes_of_apks_world_file_are_names() -> None:
    assert parse("luci\nvim@custom\ndnsmasq-full>=2.90\nluci-app-2").packages == {
        "luci": "",
        "vim": "",
        "dnsmasq-full": "",
        "luci-app-2": "",
    }


def test_the_board_tells_device_and_release() -> None:
    assert parse(json.dumps(BOARD, indent="\t")) == Told(
        distribution="OpenWrt",
        version="24.10.1",
        revision="r28597-0425664679",
        target="ath79/generic",
        board="tplink,archer-c7-v2",
        model="TP-Link Archer C7 v2",
        filesystem="squashfs",
    )


def test_an_overlay_is_no_file_system_of_an_image() -> None:
    assert parse(json.dumps({**BOARD, "rootfs_type": "overlay"})).filesystem == ""


RELEASE_FILE = """\
DISTRIB_ID='OpenWrt'
DISTRIB_RELEASE='24.10.1'
DISTRIB_REVISION='r28597-0425664679'
DISTRIB_TARGET='ath79/generic'
DISTRIB_ARCH='mips_24kc'
DISTRIB_DESCRIPTION='OpenWrt 24.10.1 r28597-0425664679'
DISTRIB_TAINTS=''
"""
OS_RELEASE = """\
NAME="OpenWrt"
VERSION="24.10.1"
ID="openwrt"
ID_LIKE="lede openwrt"
PRETTY_NAME="OpenWrt 24.10.1"
VERSION_ID="24.10.1"
HOME_URL="https://openwrt.org/"
BUILD_ID="r28597-0425664679"
OPENWRT_BOARD="ath79/generic"
OPENWRT_ARCH="mips_24kc"
OPENWRT_RELEASE="OpenWrt 24.10.1 r28597-0425664679"
OPENWRT_BUILD_DATE="1744562312"
"""


@pytest.mark.parametrize("text", [RELEASE_FILE, OS_RELEASE], ids=["openwrt_release", "os-release"])
def test_the_release_files_tell_release_and_target(text: str) -> None:
    told = parse(text)

    assert (told.distribution, told.version, told.target) == ("OpenWrt", "24.10.1", "ath79/generic")
    assert told.revision == "r28597-0425664679"
    assert told.strange == () and told.packages is None


def test_owut_tells_device_and_release() -> None:
    told = parse(OWUT)

    assert (told.version, told.revision) == ("24.10.1", "r28597-0425664679")
    assert (told.target, told.board, told.filesystem) == ("ath79/generic", "tplink,archer-c7-v2", "squashfs")


def test_a_whole_session_is_read_with_prompts_colours_and_line_ends_of_any_kind() -> None:
    session = (
        "\ufeff\x1b[1;32mroot@OpenWrt:~#\x1b[0m ubus call system board; opkg list-installed\r\n"
        + json.dumps(BOARD, indent="\t").replace("\n", "\r\n")
        + "\r\n\r\n"
        + OPKG_LIST.replace("\n", "\r\n")
        + "root@OpenWrt:~# "
    )

    told = parse(session.encode())

    assert (told.board, told.version, told.packages) == ("tplink,archer-c7-v2", "24.10.1", TWO)
    assert told.strange == ()


def test_what_is_not_understood_is_said_by_line() -> None:
    told = parse("busybox - 1.36.1-r2\nWhat is this?\n\n<b>and</b> this\nbase-files - 1637~d9340319c6\n{broken")

    assert told.packages == TWO
    assert told.strange == ((2, "What is this?"), (4, "<b>and</b> this"), (6, "{broken"))


def test_of_very_much_that_is_not_understood_only_the_beginning_is_kept() -> None:
    told = parse("What?! " * 1000 + "\n" + "Why?!\n" * 5000)

    assert told.strange_count == 5001 and len(told.strange) == MAX_STRANGE
    assert max(len(line) for _, line in told.strange) == 200


@pytest.mark.parametrize("path", ["23.05.5-ath79-generic.manifest", "25.12.5-x86-64.manifest"])
def test_real_manifests_are_understood_to_the_last_line(path: str) -> None:
    text = (DATA / path).read_text()
    told = parse(text)

    assert told.strange == ()
    assert told.packages is not None and len(told.packages) == len(text.splitlines())
    assert all(told.packages.values())


# -- properties ----------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z][a-z0-9]{1,10}(-[a-z][a-z0-9]{0,8}){0,2}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3}){0,3}(~[0-9a-f]{7})?-r[0-9]{1,2}", fullmatch=True)
LISTS = st.dictionaries(NAMES, VERSIONS, min_size=1, max_size=20)
FORMS = (
    lambda found: "".join(f"{name} - {version}\n" for name, version in found.items()),
    lambda found: "".join(f"{name}-{version}\n" for name, version in found.items()),
    lambda found: "".join(
        f"{name}-{version} x86_64 {{feeds/x}} (GPL) [installed]\n" for name, version in found.items()
    ),
    lambda found: "".join(
        f"Package: {name}\nVersion: {version}\nStatus: install ok installed\n\n" for name, version in found.items()
    ),
    lambda found: "".join(f"C:Q1x=\nP:{name}\nV:{version}\nF:etc\n\n" for name, version in found.items()),
    lambda found: json.dumps({"packages": found}),
)


@given(LISTS, st.sampled_from(FORMS))
def test_every_list_is_read_back_from_every_form(found: dict[str, str], form: Any) -> None:
    told = parse(form(found))

    assert told.packages == found
    assert told.strange == ()


@given(LISTS, LISTS)
def test_several_lists_one_after_the_other_are_all_read(first: dict[str, str], second: dict[str, str]) -> None:
    told = parse(FORMS[3](first) + FORMS[0](second))

    assert told.packages == {**second, **first}


@given(st.one_of(st.text(), st.binary()))
def test_any_text_gives_names_that_are_names(text: str | bytes) -> None:
    told = parse(text)

    assert all(names.PACKAGE.fullmatch(name.removeprefix("-")) for name in told.packages or ())
    assert all(names.PACKAGE_VERSION.fullmatch(version) for version in (told.packages or {}).values())
    assert not told.target or names.TARGET.fullmatch(told.target)
    assert not told.version or names.VERSION.fullmatch(told.version)


@pytest.mark.parametrize(
    "text", ["{\n" * 60_000, "[" * 200_000, "[\n" * 90_000, "a" * 260_000, "a-1 " * 60_000, " - " * 80_000]
)
def test_texts_made_to_take_long_do_not(text: str) -> None:
    assert parse(text).strange_count >= 0


def test_of_very_many_small_documents_each_is_read() -> None:
    told = parse('{"a":1}\n' * 30_000)

    assert told.strange_count == 30_000
