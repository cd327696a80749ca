"""Which packages are meant by a few words."""

from typing import Any

import pytest

from packages import package_search, package_tables, suggestions
from packages.models import Feed, Package, Target
from packages.package_search import search, words_of
from packages.package_tables import TargetPackages, packages_of
from tests.images.factories import make_target

TOLD = {
    "wireguard-tools": "WireGuard is a tunnel: fast, modern and secure.",
    "luci-app-wireguard": "Pages for wireguard.",
    "kmod-wireguard": "The tunnel in the kernel.",
    "nano": "A small text editor, with help for wireguard files.",
    "vim": "An editor for those who know it.",
    "Xen": "Upper case.",
}


@pytest.fixture
def target(db: None) -> Target:
    target = make_target(packages=dict.fromkeys(TOLD, "1.0-r1"))
    for name, description in TOLD.items():
        Package.objects.filter(name=name).update(description=description, section="net", size=1000)
    return target


def found(target: Target, text: str) -> list[str]:
    return [package.name for package in search(packages_of(target.pk), text).packages]


def test_a_name_counts_more_than_what_is_told_of_a_package(target: Target) -> None:
    # By the start of the name, by a part of it, and last by what is told.
    assert found(target, "wireguard") == ["wireguard-tools", "kmod-wireguard", "luci-app-wireguard", "nano"]


def test_all_words_have_to_be_there_in_any_order_and_case(target: Target) -> None:
    assert found(target, "EDITOR small") == ["nano"]
    assert found(target, "tunnel kernel") == ["kmod-wireguard"]
    assert found(target, "xen") == ["Xen"]
    assert found(target, "tunnel nothing") == []


def test_no_words_find_nothing_and_many_are_cut(target: Target) -> None:
    assert found(target, "  \0 ") == []
    assert len(words_of("a " * 100)) == package_search.MAX_WORDS
    assert len(words_of("a" * 1000)[0]) == package_search.MAX_WORD


def test_more_than_is_shown_is_counted(target: Target) -> None:
    result = search(packages_of(target.pk), "wireguard", most=2)

    assert len(result.packages) == 2 and result.count == 4


def test_one_or_two_letters_are_the_beginning_of_a_part_of_a_name(target: Target) -> None:
    assert found(target, "w") == ["wireguard-tools", "kmod-wireguard", "luci-app-wireguard"]
    assert found(target, "vi") == ["vim"]


def test_a_feed_that_moved_on_is_read_anew(target: Target) -> None:
    assert found(target, "vim") == ["vim"]
    feed = Feed.objects.get(targets=target, kind=Feed.Kind.ARCH)
    Package.objects.filter(name="vim").update(name="vim-tiny", full_name="vim-tiny")
    assert found(target, "vim-tiny") == []  # the same state of the index: what is in memory is good

    Feed.objects.filter(pk=feed.pk).update(index_sha256="34" * 32)

    assert found(target, "vim-tiny") == ["vim-tiny"]


def test_what_nobody_looks_at_leaves_memory(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_tables, "MAX_PACKAGES", 3)

    assert found(target, "wireguard")
    assert len(package_tables._tables) == 1


def test_libraries_are_known_with_abi_and_without(target: Target, django_assert_num_queries: Any) -> None:
    feed = Feed.objects.get(targets=target, kind=Feed.Kind.ARCH)
    Package.objects.create(feed=feed, name="libz", full_name="libz9", version="1", provides=["libz", "zip (=9)"])
    packages: TargetPackages = packages_of(target.pk)

    assert (
        [one.full_name for one in packages.named("libz")]
        == ["libz9"]
        == [one.full_name for one in packages.named("libz9")]
    )
    assert [one.full_name for one in packages.providing("zip")] == ["libz9"]
    with django_assert_num_queries(1):  # what is asked of the database is which feeds there are
        packages_of(target.pk)


def test_names_that_are_close_are_offered() -> None:
    known = ["wireguard-tools", "luci-app-sqm", "luci", "tcpdump", "sqm-scripts"]

    assert suggestions.close_names("tcpdmp", known) == ("tcpdump",)
    assert suggestions.close_names("sqm", known) == ("sqm-scripts", "luci-app-sqm")
    assert suggestions.close_names("zzzzzz", known) == ()
