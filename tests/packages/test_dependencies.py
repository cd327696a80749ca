"""What the package manager will make of a list of packages."""

from packages.dependencies import Conflict, Missing, PackageInfo, Resolution, resolve, satisfies


class Feeds:
    """Packages by their names."""

    def __init__(self, *packages: PackageInfo) -> None:
        self.packages = packages

    def named(self, name: str) -> list[PackageInfo]:
        return [package for package in self.packages if name in (package.full_name, package.name)]

    def providing(self, name: str) -> list[PackageInfo]:
        return [one for one in self.packages if name in [item.split(" ")[0] for item in one.provides]]


def package(full_name: str, version: str = "1.0-r1", *, name: str = "", size: int = 100, **lists: str) -> PackageInfo:
    relations = {key: tuple(text.split(", ")) for key, text in lists.items()}
    return PackageInfo(0, full_name, name or full_name, version, size=size, **relations)  # type: ignore[arg-type]


EDITOR = package("editor", depends="libc, libtext20240101, terminal | screen")
LIBRARY = package("libtext20240101", name="libtext", size=40, depends="libc")
TERMINAL = package("terminal")
SMALL = package("names", provides="resolver")
FULL = package("names-full", provides="names, resolver", conflicts="names", depends="crypto")
CRYPTO = package("crypto")


def resolved(*wanted: str, feeds: Feeds | None = None, manager: str = "opkg") -> Resolution:
    return resolve(feeds or Feeds(EDITOR, LIBRARY, TERMINAL, SMALL, FULL, CRYPTO), wanted, manager)


def test_a_package_brings_what_it_needs() -> None:
    found = resolved("editor")

    assert set(found.packages) == {"editor", "libtext20240101", "terminal"}
    assert found.needed_by["libtext20240101"] == ["editor"]
    assert found.size == 240
    assert not (found.missing or found.conflicts or found.unknown)


def test_what_is_asked_for_meets_a_need_before_another_is_fetched() -> None:
    screen = package("screen")

    found = resolved("screen", "editor", feeds=Feeds(EDITOR, LIBRARY, TERMINAL, screen))

    assert "terminal" not in found.packages


def test_a_library_is_found_with_its_abi_and_without() -> None:
    assert resolved("libtext").packages.keys() == resolved("libtext20240101").packages.keys() == {"libtext20240101"}


def test_a_name_that_others_provide_is_told_with_who_does() -> None:
    found = resolved("resolver")

    assert found.provider_of == {"resolver": "names"}


def test_a_provider_that_is_asked_for_anyway_is_preferred() -> None:
    needy = package("needy", depends="resolver")

    found = resolved("needy", "names-full", feeds=Feeds(needy, SMALL, FULL, CRYPTO))

    assert set(found.packages) == {"needy", "names-full", "crypto"}


def test_opkg_takes_both_of_a_package_and_its_stand_in_and_they_exclude_each_other() -> None:
    found = resolved("names", "names-full")

    assert found.conflicts == [Conflict("names-full", "names")]


def test_for_apk_a_stand_in_is_enough() -> None:
    found = resolved("names", "names-full", manager="apk")

    assert set(found.packages) == {"names-full", "crypto"}
    assert found.conflicts == []


def test_two_that_provide_a_name_in_a_version_exclude_each_other_for_apk_only() -> None:
    feeds = Feeds(package("a", provides="shared (=1)"), package("b", provides="shared (=2)"))

    assert resolved("a", "b", feeds=feeds, manager="apk").conflicts == [Conflict("a", "b")]
    assert resolved("a", "b", feeds=feeds).conflicts == []


def test_a_stand_in_that_declares_no_conflict_is_told_as_doubtful() -> None:
    feeds = Feeds(package("mail"), package("mail-full", provides="mail"))

    assert resolved("mail", "mail-full", feeds=feeds).conflicts == [Conflict("mail-full", "mail", is_certain=False)]


def test_a_need_that_nobody_meets_is_told_with_who_has_it() -> None:
    feeds = Feeds(package("new", depends="lib (>= 2)"), package("lib", "1.9-r1"))

    assert resolved("new", feeds=feeds).missing == [Missing("lib (>= 2)", "new")]


def test_of_two_versions_the_newest_counts() -> None:
    feeds = Feeds(package("lib", "1.9-r1"), package("lib", "1.10-r1"))

    assert resolved("lib", feeds=feeds).packages["lib"].version == "1.10-r1"


def test_what_nobody_has_is_unknown_and_kernel_and_libc_are_always_there() -> None:
    found = resolved("kernel", "libc", "nonsense")

    assert found.unknown == ["nonsense"] and not found.packages


def test_packages_that_need_each_other_end() -> None:
    feeds = Feeds(package("hen", depends="egg"), package("egg", depends="hen"))

    assert resolved("hen", feeds=feeds).reach("hen") == {"hen", "egg"}


def test_versions_are_compared_as_the_package_manager_does() -> None:
    lib = package("lib", "2.0-r1", provides="api (=5)")

    answers = {
        relation: satisfies(lib, relation, "opkg") for relation in ("lib", "lib (>=1.9)", "lib (<2)", "api (=5)")
    }
    assert answers == {"lib": True, "lib (>=1.9)": True, "lib (<2)": False, "api (=5)": True}
    assert not satisfies(lib, "lib (<<2.0-r1)", "opkg") and satisfies(lib, "lib (<=2.0-r1)", "opkg")
    assert satisfies(lib, "lib (~2.0)", "apk") and not satisfies(lib, "other", "apk")
