"""Which packages the new image needs, and which are newer."""

from dataclasses import replace

import pytest

from packages.essential import VIRTUAL
from packages.models import Distribution, Package, Target
from packages.upgrades import Device, is_absolute, look
from tests.packages.upgrades.conftest import DEVICE, PACKAGES, change, make_target

OLD = Device("openwrt", "23.05.5", "ath79/generic", "tplink_archer-c7-v2")


def upgrade(*names: str, version: str = "23.05.5", **more: object) -> tuple[str, ...]:
    device = replace(OLD, version=version, packages=dict.fromkeys(names, ""))
    packages = look(device, reach="distribution").packages
    assert packages is not None
    return packages


def test_a_device_that_tells_no_packages_is_told_none() -> None:
    verdict = look(OLD, reach="distribution")

    assert verdict.packages is None
    assert (verdict.changes, verdict.missing, verdict.updates) == ((), {}, {})


def test_changes_are_applied_and_told_with_what_where_and_why() -> None:
    change("renamed", ["editor"], ["vim"], "24.10", revision=27000, why="It grew.")

    verdict = look(replace(OLD, packages={"editor": "1", "luci": "1"}), reach="distribution")

    assert verdict.packages == ("vim", "luci")
    [applied] = verdict.changes
    assert (applied.change.kind, applied.sources, applied.targets) == ("renamed", ("editor",), ("vim",))
    assert (applied.change.where, applied.change.why) == ("24.10 (r27000)", "It grew.")


def test_a_change_before_the_device_or_after_the_release_is_none_of_its() -> None:
    change("renamed", ["tcpdump"], ["vim"], "23.05")
    change("renamed", ["luci"], ["vim"], "25.12")

    assert upgrade("tcpdump", "luci") == ("tcpdump", "luci")


def test_a_chain_over_two_releases() -> None:
    make_target(version="22.03.7")
    change("renamed", ["ed"], ["vi"], "23.05")
    change("renamed", ["vi"], ["vim"], "24.10")

    assert upgrade("ed", version="22.03.7") == ("vim",)
    assert upgrade("vi") == ("vim",)


def test_changes_of_the_successor_count_too() -> None:
    make_target(version="17.01.7", distribution="lede")
    Distribution.objects.filter(name="lede").update(successor=Distribution.objects.get(name="openwrt"))
    change("renamed", ["vi"], ["vim"], "18.06")
    device = Device("lede", "17.01.7", "ath79/generic", packages={"vi": ""})

    assert look(device, reach="distribution").packages == ("vim",)


def test_what_the_new_release_has_nowhere_is_left_out_and_explained() -> None:
    change("renamed", ["gone"], ["lost"], "24.10")

    verdict = look(replace(OLD, packages={"luci": "", "nowhere": "", "gone": "", "libgone1": ""}), reach="distribution")

    assert verdict.packages == ("luci",)
    assert set(verdict.missing) == {"nowhere", "lost", "libgone1"}
    assert "took the place of gone" in verdict.missing["lost"]
    assert "Libraries come" in verdict.missing["libgone1"]
    assert "nothing is known" in verdict.missing["nowhere"]


# -- whole images and wishes -------------------------------------------------------------------------------------


def test_the_list_of_a_router_is_a_whole_image() -> None:
    assert is_absolute(["base-files", "luci"])
    assert not is_absolute(["luci"])


def test_a_whole_image_gets_what_became_default_and_keeps_out_what_the_device_took_out() -> None:
    old, new = ["base-files", "busybox", "dropbear"], ["base-files", "busybox", "dropbear", "firewall4", "-luci-base"]
    Target.objects.filter(release__version="23.05.5").update(default_packages=old)
    Target.objects.filter(release__version="24.10.2").update(default_packages=new, state_hash="01" * 32)

    assert upgrade("base-files", "busybox", "luci") == ("base-files", "busybox", "luci", "firewall4")


def test_a_whole_image_gets_nothing_that_cannot_be_beside_what_it_has() -> None:
    # The documents of its own release are not here: nobody knows what was taken out.
    Target.objects.filter(release__version="23.05.5").update(synced_at=None)
    Package.objects.filter(name="dnsmasq-full").update(provides=["dnsmasq"])
    make_target(version="24.10.3", profiles=({**DEVICE, "device_packages": []},))
    Package.objects.filter(name="dnsmasq-full").update(provides=["dnsmasq"])

    found = upgrade("base-files", "dnsmasq-full")

    assert "dnsmasq" not in found
    assert {"dropbear", "firewall4", "dnsmasq-full"} <= set(found)


def test_what_became_default_leaves_wishes_only_where_it_is_default() -> None:
    change("default", ["firewall4", "vim"], [], "24.10")

    verdict = look(replace(OLD, packages={"firewall4": "", "vim": "", "luci": ""}), reach="distribution")

    assert verdict.packages == ("vim", "luci")
    assert not verdict.is_absolute
    assert [applied.sources for applied in verdict.changes] == [("firewall4",)]


def test_a_default_that_is_not_wanted_is_not_wanted_by_its_new_name() -> None:
    change("renamed", ["firewall"], ["firewall4"], "24.10")

    assert upgrade("luci", "-firewall", "-dropbear", "-nowhere") == ("luci", "-firewall4", "-dropbear")


def test_what_is_in_no_index_stays() -> None:
    names = tuple(sorted(VIRTUAL))

    assert upgrade("base-files", *names)[: 1 + len(names)] == ("base-files", *names)


# -- names with ABI suffixes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("libubox20230523", "libubox"),
        ("libnl-tiny1", "libnl-tiny"),
        ("libjson-c5", "libjson-c"),
        ("libpcre2", "libpcre2"),
    ],
)
def test_a_library_is_found_by_its_name_without_suffix(told: str, found: str) -> None:
    names = {"libubox": "1", "libnl-tiny": "1", "libjson-c": "1", "libpcre": "1", "libpcre2": "1", "luci-app-x": "1"}
    make_target(version="24.10.3", packages={**PACKAGES, **names})

    assert upgrade(told, "luci") == (found, "luci")


def test_only_libraries_lose_their_numbers() -> None:
    make_target(version="24.10.3", packages={**PACKAGES, "proxy": "1"})

    assert upgrade("proxy2", "luci") == ("luci",)


def test_the_old_index_knows_best() -> None:
    Package.objects.filter(feed__release__version="23.05.5", name="tcpdump").update(full_name="tcpdump4ng")

    verdict = look(replace(OLD, packages={"tcpdump4ng": "4.0-1"}), reach="distribution")

    assert verdict.packages == ("tcpdump",)
    assert verdict.updates == {"tcpdump": ("4.99.5-r1", "4.0-1")}


def test_a_library_that_was_renamed_is_found_through_its_suffix() -> None:
    change("renamed", ["libustream-wolfssl"], ["vim"], "24.10")

    assert upgrade("libustream-wolfssl20201210") == ("vim",)


# -- newer packages ----------------------------------------------------------------------------------------------


def test_newer_packages_of_the_same_release() -> None:
    installed = {"luci": "25.191.67434~f5fd9bb", "dropbear": "2024.85-r1", "vim": "9.2-r1", "dnsmasq": "", "own": "1"}
    device = replace(OLD, version="24.10.2", packages=installed)

    verdict = look(device)

    assert not verdict.is_newer
    assert verdict.has_news
    assert verdict.updates == {"dropbear": ("2024.86-r1", "2024.85-r1")}
    assert not look(device, want_package_updates=False).has_news


def test_on_the_way_to_a_release_updates_are_told_in_any_case() -> None:
    device = replace(OLD, packages={"dropbear": "2022.83-1"})

    verdict = look(device, want_package_updates=False, reach="distribution")

    assert verdict.updates == {"dropbear": ("2024.86-r1", "2022.83-1")}


def test_the_way_from_opkg_to_apk_is_not_an_update_of_everything() -> None:
    new = {"vim": "9.1-r1", "base-files": "1637~d9340319c6", "luci": "25.191.67434~f5fd9bb", "tcpdump": "4.99.5-r2"}
    make_target(version="25.12.0", packages={**PACKAGES, **new}, package_manager="apk")
    installed = {
        "vim": "9.1-1",
        "base-files": "1637-r24106-10cc5fcd00",
        "luci": "git-25.191.67434-f5fd9bb",
        "tcpdump": "4.99.5-1",
    }

    verdict = look(replace(OLD, packages=installed), reach="distribution")

    assert verdict.updates == {"tcpdump": ("4.99.5-r2", "4.99.5-1")}


def test_a_package_under_another_name_is_no_update() -> None:
    change("renamed", ["auc"], ["vim"], "24.10")

    assert look(replace(OLD, packages={"auc": "0.3"}), reach="distribution").updates == {}
