"""Words for PACKAGES of flavours."""

import pytest

from packages import words


def test_of_two_words_about_a_package_the_later_counts() -> None:
    added, removed = words.latest(["lime-app", "-dnsmasq", "-lime-app", "dnsmasq", "lime-docs"])

    assert (list(added), removed) == (["dnsmasq", "lime-docs"], frozenset({"lime-app"}))


@pytest.mark.parametrize(
    ("listed", "said", "expected"),
    [
        (["a", "b"], [], ["a", "b"]),
        (["a", "b"], ["-a", "c"], ["b", "c"]),
        (["a"], ["a"], ["a"]),
        (["a"], ["-nothing"], ["a"]),
        (["-a", "b"], ["a"], ["b", "a"]),
    ],
)
def test_a_flavours_words_are_on_top_of_the_default_packages(
    listed: list[str], said: list[str], expected: list[str]
) -> None:
    assert words.on_top(listed, said) == expected


@pytest.mark.parametrize(
    ("listed", "of_flavour", "of_device", "expected"),
    [
        (["kmod", "-wpad"], [], [], ["kmod", "-wpad"]),
        (["kmod", "-wpad"], ["-kmod"], [], ["-wpad"]),
        (["-wpad"], ["wpad"], [], []),
        (["kmod-ct"], [], ["-kmod-ct", "kmod"], ["kmod", "-kmod-ct"]),
        (["-wpad"], [], ["wpad"], ["wpad"]),
        ([], ["app"], ["-app"], ["-app"]),
    ],
)
def test_what_is_said_of_a_device_counts_more_than_what_is_said_of_all(
    listed: list[str], of_flavour: list[str], of_device: list[str], expected: list[str]
) -> None:
    assert words.of_device(listed, of_flavour, of_device) == expected


@pytest.mark.parametrize(
    ("listed", "of_flavour", "expected"),
    [
        (["a", "b", "a"], [], ["a", "b"]),
        (["a", "b", "-b"], [], ["a"]),
        (["a", "b"], ["-b", "c", "a"], ["a", "c"]),
        (["a", "-b"], ["b"], ["a", "b"]),
        (["a", "busybox"], ["-busybox", "-a"], ["busybox"]),
    ],
)
def test_an_image_holds_what_the_device_leaves_and_the_flavour_says(
    listed: list[str], of_flavour: list[str], expected: list[str]
) -> None:
    assert words.in_image(listed, of_flavour, {"busybox"}) == expected
