"""opkg's index and control files."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import opkg
from packages.parsing.types import alternatives, dependency_name
from tests.packages.parsing.shared import real

SHA256 = "02ba576609a1dec3739dbd3f9cc36a9d7393ac64d61c6f24b53ed64b24a92b36"
LIBUBOX = f"""Package: libubox20230523
Version: 2023-05-23-75a3b870-1
Depends: libc, kernel (=5.15.167-1-abc), libubus20230605 | libubus
Provides: libubox, libubox-any (=1)
Conflicts: libubox-old
License: ISC
Section: libs
ABIVersion: 20230523
Architecture: mips_24kc
Essential: yes
Installed-Size: 15782
Filename: ./libubox20230523_2023-05-23-75a3b870-1_mips_24kc.ipk
Size: 16478
SHA256sum: {SHA256}
Description:  Basic utility library
 with a second line:
 and a third
"""
VIM = "Package: vim\nVersion: 9.1.0727-r1\nFilename: base/vim_9.1.ipk\n"


def test_an_entry_is_read_with_all_its_relations() -> None:
    [entry] = opkg.parse(LIBUBOX.encode())

    assert (entry.full_name, entry.name, entry.version) == ("libubox20230523", "libubox", "2023-05-23-75a3b870-1")
    assert entry.depends == ("libc", "kernel (=5.15.167-1-abc)", "libubus20230605 | libubus")
    assert entry.provides == ("libubox", "libubox-any (=1)")
    assert entry.conflicts == ("libubox-old",)
    assert (entry.size, entry.installed_size, entry.sha256) == (16478, 15782, SHA256)
    assert entry.file_name == "libubox20230523_2023-05-23-75a3b870-1_mips_24kc.ipk"
    assert entry.description == "Basic utility library\nwith a second line:\nand a third"
    assert (entry.section, entry.architecture, entry.is_essential) == ("libs", "mips_24kc", True)


def test_dependencies_can_be_taken_apart() -> None:
    [entry] = opkg.parse(LIBUBOX)

    assert [dependency_name(item) for item in entry.depends] == ["libc", "kernel", "libubus20230605"]
    assert alternatives(entry.depends[2]) == ["libubus20230605", "libubus"]


def test_an_index_keeps_its_order_and_may_end_with_empty_lines() -> None:
    index = opkg.parse(f"\n{LIBUBOX}\n{VIM}\n\n\n".encode())

    assert [entry.full_name for entry in index] == ["libubox20230523", "vim"]
    assert index[1].file_name == "base/vim_9.1.ipk"


def test_old_indexes_separate_what_they_provide_by_blanks() -> None:
    [entry] = opkg.parse(VIM + "Provides: openvpn openvpn-crypto\n")

    assert entry.provides == ("openvpn", "openvpn-crypto")


@pytest.mark.parametrize(
    "line",
    [
        "Package: china dns\nVersion: 1",
        "Package: $(reboot)\nVersion: 1",
        "Package: x\nVersion: 1;reboot",
        "Package: x",
        "Package: x\nVersion: 1\nFilename: ../../etc/shadow",
        "Package: x\nVersion: 1\nFilename: /etc/shadow",
    ],
)
def test_entries_that_cannot_be_used_are_counted(line: str) -> None:
    index = opkg.parse(f"{line}\n\n{VIM}")

    assert [entry.name for entry in index] == ["vim"]
    assert index.skipped == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html>", "without field name"),
        (f"{VIM}Package: emacs\n", "Package is there twice"),
        (f"{VIM}\nVersion: 1\n", "package 2: no package name"),
        ("\xff", "Packages"),
    ],
)
def test_what_is_no_index_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadDocumentError, match=said):
        opkg.parse(text.encode("latin-1"))


def test_the_suffix_goes_only_where_the_index_names_it() -> None:
    assert opkg.without_abi("libubox20230523", "20230523") == "libubox"
    assert opkg.without_abi("libfoo1-2024", "-2024") == "libfoo1"
    assert opkg.without_abi("libfoo1", "") == "libfoo1"
    assert opkg.without_abi("libfoo1", "2") == "libfoo1"
    assert opkg.without_abi("2024", "2024") == "2024"


def test_a_control_file_describes_one_package() -> None:
    entry = opkg.parse_control(LIBUBOX.encode())

    assert entry == opkg.parse(LIBUBOX)[0]


def test_a_control_file_with_a_bad_name_is_refused() -> None:
    with pytest.raises(BadDocumentError, match="name has characters"):
        opkg.parse_control("Package: ../x\nVersion: 1\n")


def test_a_real_index_is_read_whole() -> None:
    index = opkg.parse(real("packages-ipq806x.xz"))

    assert (len(index), index.skipped) == (3817, 0)
    assert all(entry.sha256 and entry.size and entry.file_name for entry in index)
    assert sum(len(entry.depends) for entry in index) > 5000


def test_the_few_packages_with_capitals_can_be_asked_for() -> None:
    [entry] = opkg.parse("Package: ChinaDNS\nVersion: 1\n")

    assert entry.name == "ChinaDNS"
