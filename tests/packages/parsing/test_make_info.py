"""`make info` of ImageBuilders of all eras."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import make_info
from packages.parsing.types import ProfileEntry
from tests.packages.parsing.shared import real

CHAOS_CALMER = """Current Target: "ipq806x (Qualcomm Atheros IPQ806X)"
Default Packages: base-files libc libgcc busybox dropbear mtd uci opkg
Available Profiles:

Default:
\tDefault Profile
\tPackages: kmod-usb-core kmod-ath10k
AP148:
\tQualcomm Atheros AP148
\tPackages: kmod-usb-core
Nameless:
\tPackages:
"""

LEDE = """Current Target: "ar71xx (Generic)"
Default Packages: base-files libc busybox
Available Profiles:

Default:
    Default Profile (all drivers)
    Packages: kmod-usb-core kmod-usb2
ALFAAP120C:
    ALFA Network AP120C board
    Packages:\x20
HORNETUBx2:
    ALFA Network Hornet-UB-x2 board (16MB flash, 64MB ram)
    Packages: kmod-usb-core -swconfig
"""

TODAY = """make[1]: Entering directory '/builder'
Current Target: "ath79/generic"
Current Architecture: "mips"
Current Revision: "r29087-d9c5716d1d"
Default Packages: base-files ca-bundle dropbear
Available Profiles:

8dev_carambola2:
    8devices Carambola2
    Packages: kmod-usb-chipidea2
    hasImageMetadata: 1
    SupportedDevices: 8dev,carambola2 carambola2
adtran_bsap1800-v2:
    Adtran/Bluesocket: BSAP-1800 v2
    Packages: -swconfig -uboot-envtools fconfig
    hasImageMetadata: 0
"""


def test_15_05_indents_with_tabs_and_knows_no_revision() -> None:
    info = make_info.parse(CHAOS_CALMER)

    assert info.target_line == "ipq806x (Qualcomm Atheros IPQ806X)"
    assert (info.version_code, info.arch_packages) == ("", "")
    assert info.default_packages == ["base-files", "libc", "libgcc", "busybox", "dropbear", "mtd", "uci", "opkg"]
    assert info.profiles == [
        ProfileEntry("Default", [{"title": "Default Profile"}], [], ["kmod-usb-core", "kmod-ath10k"]),
        ProfileEntry("AP148", [{"title": "Qualcomm Atheros AP148"}], [], ["kmod-usb-core"]),
        ProfileEntry("Nameless"),
    ]


def test_17_01_has_profiles_in_upper_case() -> None:
    info = make_info.parse(LEDE)

    assert info.target_line == "ar71xx (Generic)"
    assert [profile.name for profile in info.profiles] == ["Default", "ALFAAP120C", "HORNETUBx2"]
    assert info.profiles[1].device_packages == []
    assert info.profiles[2].titles == [{"title": "ALFA Network Hornet-UB-x2 board (16MB flash, 64MB ram)"}]
    assert info.profiles[2].device_packages == ["kmod-usb-core", "-swconfig"]


def test_today_there_are_a_revision_and_supported_devices() -> None:
    info = make_info.parse(TODAY.encode())

    assert (info.target_line, info.version_code) == ("ath79/generic", "r29087-d9c5716d1d")
    carambola, adtran = info.profiles
    assert carambola.supported_devices == ["8dev,carambola2", "carambola2"]
    assert adtran.titles == [{"title": "Adtran/Bluesocket: BSAP-1800 v2"}]
    assert adtran.supported_devices == []


def test_names_and_words_from_outside_the_rules_are_left_out() -> None:
    text = TODAY.replace("8dev_carambola2:", "../evil:").replace("-swconfig", "$(reboot)")

    info = make_info.parse(text)

    assert [profile.name for profile in info.profiles] == ["adtran_bsap1800-v2"]
    assert info.profiles[0].device_packages == ["-uboot-envtools", "fconfig"]
    assert info.skipped == 1


@pytest.mark.parametrize("missing", ["Current Target", "Default Packages", "Available Profiles"])
def test_output_without_its_headings_is_refused(missing: str) -> None:
    with pytest.raises(BadDocumentError, match=missing):
        make_info.parse(TODAY.replace(missing, "Something"))


@pytest.mark.parametrize(
    ("name", "target_line", "count"),
    [
        ("17.01.7-ar71xx-generic", "ar71xx (Generic)", 296),
        ("23.05.5-ath79-generic", "ath79/generic", 358),
        ("23.05.5-x86-64", "x86/64", 1),
        ("25.12.5-ath79-generic", "ath79/generic", 377),
    ],
)
def test_real_output_is_read_whole(name: str, target_line: str, count: int) -> None:
    info = make_info.parse(real(f"imagebuilder-output/info/{name}.txt"))

    assert (info.target_line, len(info.profiles), info.skipped) == (target_line, count, 0)
    assert all(profile.titles for profile in info.profiles)
