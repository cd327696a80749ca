"""packages/changes.py: where changes took effect, and what they do to a list of packages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packages.changes import Change, Kind, Offer, Point, Timeline, apply, circle_with, shape_problem
from packages.models import PackageChange
from packages.openwrt_changes import OPENWRT_CHANGES

TIMELINE = Timeline([("SNAPSHOT", None), ("22.03", 19160), ("23.05", 23069), ("24.10", 27990), ("25.12", None)])


def renamed(source: str, target: str, **more: Any) -> Change:
    return Change(Kind.RENAMED, (source,), (target,), **more)


def applied(
    names: list[str],
    *changes: Change,
    offered: tuple[str, ...] = (),
    defaults: tuple[str, ...] = (),
    is_crossed: bool = True,
    is_absolute: bool = False,
) -> list[str]:
    offer = Offer({*offered, *defaults}, defaults)
    return apply(names, changes, offer, lambda change: is_crossed, is_absolute=is_absolute)[0]


# -- where ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "version", "has"),
    [
        # By the release, where that is known: a branch has it in all that it makes.
        ({"version": "22.03"}, "21.02.7", False),
        ({"version": "22.03"}, "22.03.0-rc1", True),
        ({"version": "22.03"}, "22.03-SNAPSHOT", True),
        ({"version": "22.03"}, "22.03.0", True),
        ({"version": "22.03"}, "23.05.5", True),
        ({"version": "22.03", "revision": 20282}, "22.03.0", True),
        ({"version": "22.03.3"}, "22.03.2", False),
        ({"version": "22.03.3"}, "22.03.3", True),
        ({"version": "25.12"}, "SNAPSHOT", True),
        # By the revision: branches have what was there when they left.
        ({"revision": 21994}, "22.03.7", False),
        ({"revision": 21994}, "23.05.0", True),
        ({"revision": 28056}, "24.10.2", False),
        # A branch of which only the name is known is as new as its name says.
        ({"revision": 28056}, "25.12.0", False),
        ({"revision": 21994}, "25.12.0", True),
    ],
)
def test_a_release_has_what_took_effect_before(change: dict[str, Any], version: str, has: bool) -> None:
    point = Point(version, version[:5])

    assert TIMELINE.has(renamed("a", "b", **change), point) is has


@pytest.mark.parametrize(
    ("revision", "has"),
    [(28055, False), (28056, True), (28057, True), (None, True)],
    ids=str,
)
def test_a_snapshot_has_what_its_revision_says(revision: int | None, has: bool) -> None:
    point = Point("SNAPSHOT", "SNAPSHOT", revision)

    assert TIMELINE.has(renamed("opkg", "apk-mbedtls", version="25.12", revision=28056), point) is has


def test_changes_are_put_in_the_order_of_time() -> None:
    a, b, c = renamed("a", "b", version="19.07"), renamed("b", "c", revision=18611), renamed("c", "d", version="23.05")

    assert TIMELINE.order([c, a, b]) == [a, b, c]


# -- what they do --------------------------------------------------------------------------------------------


def test_a_chain_over_several_releases_ends_at_its_last_link() -> None:
    changes = (renamed("a", "b", version="19.07"), renamed("b", "c", version="22.03"))

    assert applied(["x", "a", "y"], *changes, offered=("c", "x", "y")) == ["x", "c", "y"]


def test_a_change_is_used_once_so_a_circle_over_time_ends() -> None:
    changes = (renamed("a", "b", version="19.07"), renamed("b", "a", version="22.03"))

    assert applied(["a"], *changes, offered=("a",)) == ["a"]
    assert applied(["b"], *changes, offered=("a",)) == ["a"]


def test_several_merge_into_one_which_is_there_once() -> None:
    merge = Change(Kind.MERGED, ("a", "b"), ("c",), "22.03")

    assert applied(["b", "x", "a"], merge, offered=("c", "x")) == ["c", "x"]
    assert applied(["a"], merge, offered=("c",)) == ["c"]


def test_one_splits_into_several_and_may_stay_itself() -> None:
    assert applied(["a"], Change(Kind.SPLIT, ("a",), ("b", "c"), "22.03"), offered=("b", "c")) == ["b", "c"]
    assert applied(["a"], Change(Kind.SPLIT, ("a",), ("a", "b"), "22.03"), offered=("a", "b")) == ["a", "b"]


def test_what_is_dropped_goes_unless_the_release_still_has_it() -> None:
    drop = Change(Kind.DROPPED, ("a",), (), "22.03")

    assert applied(["a", "b"], drop, offered=("b",)) == ["b"]
    assert applied(["a"], drop, offered=("a",)) == ["a"]
    assert applied(["a"], Change(Kind.DROPPED, ("a",), (), "22.03", is_mandatory=True), offered=("a",)) == []


def test_what_became_default_leaves_wishes_but_not_a_whole_image() -> None:
    change = Change(Kind.DEFAULT, ("a",), (), "22.03")

    assert applied(["a", "b"], change, offered=("b",), defaults=("a",)) == ["b"]
    assert applied(["a", "b"], change, offered=("b",), defaults=("a",), is_absolute=True) == ["a", "b"]
    # This target does not have it by default.
    assert applied(["a", "b"], change, offered=("a", "b")) == ["a", "b"]


def test_what_is_new_for_everybody_is_added_on_the_way_only() -> None:
    change = Change(Kind.ADDED, (), ("n",), "22.03")

    assert applied(["a"], change, offered=("a", "n")) == ["a", "n"]
    assert applied(["a"], change, offered=("a", "n"), is_crossed=False) == ["a"]
    assert applied(["a"], change, offered=("a",)) == ["a"]


@pytest.mark.parametrize(
    ("circumstances", "expected"),
    [
        ({"offered": ("old", "new")}, ["new"]),
        # Installed after the change, by somebody who wants it.
        ({"offered": ("old", "new"), "is_crossed": False}, ["old"]),
        # Default of the new image: on this device it is the right one still.
        ({"offered": ("new",), "defaults": ("old",)}, ["old"]),
        # The successor is not offered for this target.
        ({"offered": ("old",)}, ["old"]),
        # It is gone, whenever the change was.
        ({"offered": ("new",), "is_crossed": False}, ["new"]),
    ],
)
def test_what_the_release_still_has_is_replaced_only_on_the_way_and_for_no_other_reason(
    circumstances: dict[str, Any], expected: list[str]
) -> None:
    assert applied(["old"], renamed("old", "new", version="22.03"), **circumstances) == expected


def test_whoever_has_both_keeps_both() -> None:
    assert applied(["old", "new"], renamed("old", "new", version="22.03"), offered=("old", "new")) == ["old", "new"]


def test_translations_go_with_their_app() -> None:
    rename = renamed("luci-app-opkg", "luci-app-package-manager", version="24.10")
    drop = Change(Kind.DROPPED, ("luci-app-ahcp",), (), "24.10")
    offered = ("luci-app-package-manager", "luci-i18n-package-manager-de", "luci-i18n-base-de")
    names = ["luci-app-opkg", "luci-i18n-opkg-de", "luci-i18n-ahcp-de", "luci-i18n-base-de"]

    found = applied(names, rename, drop, offered=offered)

    assert found == ["luci-app-package-manager", "luci-i18n-package-manager-de", "luci-i18n-base-de"]


NAMES = st.sampled_from(list("abcdef"))
CHANGES = st.builds(
    Change,
    kind=st.sampled_from(Kind),
    sources=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    targets=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    version=st.just("22.03"),
    is_mandatory=st.booleans(),
)


@given(st.lists(NAMES), st.lists(CHANGES, max_size=6), st.frozensets(NAMES), st.frozensets(NAMES), st.booleans())
def test_whatever_the_changes_it_ends_and_each_name_is_there_once(
    names: list[str], changes: list[Change], offered: frozenset[str], defaults: frozenset[str], is_crossed: bool
) -> None:
    offer = Offer(offered | defaults, defaults)

    found, hits = apply(names, changes, offer, lambda change: is_crossed, is_absolute=False)

    assert len(found) == len(set(found))
    assert len(hits) <= len(changes)
    if not is_crossed:
        # What the release has stays.
        assert {name for name in names if name in offer.names} <= set(found)


# -- what may be written --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sources", "targets", "version", "revision", "field"),
    [
        ("moved", ["a"], ["b"], "22.03", None, "kind"),
        ("renamed", "a", ["b"], "22.03", None, "sources"),
        ("renamed", [1], ["b"], "22.03", None, "sources"),
        ("renamed", ["a b"], ["b"], "22.03", None, "sources"),
        ("renamed", ["a;reboot"], ["b"], "22.03", None, "sources"),
        ("renamed", ["a", "b"], ["c"], "22.03", None, "sources"),
        ("renamed", ["a"], [], "22.03", None, "targets"),
        ("renamed", ["a"], ["a"], "22.03", None, "targets"),
        ("merged", ["a"], ["c"], "22.03", None, "sources"),
        ("merged", ["a", "a"], ["c"], "22.03", None, "sources"),
        ("split", ["a"], ["b"], "22.03", None, "targets"),
        ("dropped", ["a"], ["b"], "22.03", None, "targets"),
        ("dropped", [], [], "22.03", None, "sources"),
        ("default", ["a"], ["b"], "22.03", None, "targets"),
        ("added", ["a"], ["b"], "22.03", None, "sources"),
        ("renamed", ["a"], ["b"], "", None, "version"),
        ("renamed", ["a"], ["b"], "22 03", None, "version"),
    ],
)
def test_nonsense_names_its_field(
    kind: str, sources: Any, targets: Any, version: str, revision: int | None, field: str
) -> None:
    problem = shape_problem(kind, sources, targets, version, revision)

    assert problem is not None
    assert problem[0] == field


def test_a_circle_at_one_place_in_time_is_found_however_long() -> None:
    others = [renamed("b", "c", version="22.03"), renamed("c", "a", version="22.03")]

    assert circle_with(renamed("a", "b", version="22.03"), others) == ["a", "b", "c", "a"]
    assert circle_with(renamed("a", "b", version="23.05"), others) == []
    assert circle_with(renamed("a", "d", version="22.03"), others) == []


# -- what is shipped ------------------------------------------------------------------------------------------


def test_the_kinds_are_those_of_the_rows() -> None:
    assert set(Kind) == set(PackageChange.Kind.values)


@pytest.mark.parametrize("change", OPENWRT_CHANGES, ids=lambda change: f"{change.version}-{'+'.join(change.sources)}")
def test_what_is_shipped_is_in_order_and_says_why(change: Change) -> None:
    problem = shape_problem(change.kind, change.sources, change.targets, change.version, change.revision)

    assert problem is None
    assert circle_with(change, OPENWRT_CHANGES) == []
    assert change.version
    assert change.why.endswith(".")


def test_all_kinds_are_shipped_and_none_twice() -> None:
    assert {change.kind for change in OPENWRT_CHANGES} == set(Kind) - {Kind.ADDED}
    sides = [(change.sources, change.targets) for change in OPENWRT_CHANGES]
    assert len(set(sides)) == len(sides) >= 50
