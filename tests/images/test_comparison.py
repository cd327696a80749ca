"""What differs between two sets of packages."""

import pytest

from images.comparison import Direction, Item, difference, direction


def items(**versions: str) -> dict[str, Item]:
    return {name: Item(name, version) for name, version in versions.items()}


def test_each_package_is_in_one_list() -> None:
    found = difference(items(a="1", b="1", c="1", e=""), items(b="1", c="2", d="1", e="3"), "opkg")

    assert [item.name for item in found.added] == ["d"]
    assert [item.name for item in found.gone] == ["a"]
    assert [change.name for change in found.changed] == ["c"]
    assert [item.name for item in found.same] == ["b", "e"]


def test_the_same_packages_differ_in_nothing() -> None:
    assert difference(items(a="1"), items(a="1"), "apk").is_empty


@pytest.mark.parametrize(
    ("manager", "old", "new", "expected"),
    [
        ("opkg", "1.9-1", "1.10-1", Direction.NEWER),
        ("apk", "1.10-r1", "1.9-r1", Direction.OLDER),
        ("apk", "1.9-1", "1.10-r1", Direction.NEWER),
        ("apk", "25.1.1~abc", "25.1.1~abd", Direction.NEWER),
    ],
)
def test_the_rules_of_the_package_manager_tell_the_direction(
    manager: str, old: str, new: str, expected: Direction
) -> None:
    assert direction(manager, old, new) == expected


def test_a_version_in_another_spelling_is_the_same() -> None:
    assert difference(items(a="2023.08.10-1"), items(a="2023.08.10-r1"), "apk").is_empty
