"""The packages of an image are those that were asked for, and real images are never taken for wrong ones."""

from pathlib import Path

import pytest

from builders import contents
from builders.closure import FeedIndex
from builders.drive import _held, build_image
from builders.feeds import FeedSet, LocalFeed
from builders.spec import BuildFailedError, FeedSpec
from builders.states import Reason
from packages.parsing import manifest
from packages.parsing.types import PackageEntry
from tests.builders.fake_runner import HEAD, IMAGE, FakeRunner, make_spec, make_tree

DATA = Path(__file__).resolve().parents[1] / "data"
SPEC = FeedSpec("base", "arch", "opkg", "http://localhost/base", "2" * 64)


def feed_set(*entries: PackageEntry) -> FeedSet:
    index = FeedIndex.of(entries)
    found = FeedSet(feeds=[LocalFeed(SPEC, "base", Path(), index)], names=index.names())
    for entry in entries:
        if entry.provides:
            found.provided[entry.full_name] = set(entry.provides)
    return found


def entry(full_name: str, version: str = "1", name: str = "", provides: tuple[str, ...] = ()) -> PackageEntry:
    return PackageEntry(full_name=full_name, name=name or full_name, version=version, provides=provides)


def complaint(known: FeedSet, image: dict[str, str], *asked: str, defaults: tuple[str, ...] = ()) -> str:
    held, provided = _held(image, known)
    return contents.complaint(
        contents.requested(asked), contents.expected(asked, defaults), held, provided, known.versions_of, known.knows
    )


INDEX = feed_set(
    *(entry("vim", "9"), entry("busybox", "1.36"), entry("dnsmasq"), entry("dnsmasq-full", provides=("dnsmasq",))),
    *(entry("libjson-c5", "0.17", "libjson-c"), entry("libubox2023", "2023", "libubox"), entry("kernel", "6.6")),
    entry("libubox2024", "2024", "libubox"),
)


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        ({"vim": "9"}, ["vim"]),
        ({"busybox": "1.36"}, []),
        ({}, ["-vim"]),
        ({"vim": "9"}, ["-vim"]),  # another package needed it
        ({"libjson-c": "0.17"}, ["libjson-c"]),
        ({"libjson-c": "0.17"}, ["libjson-c5"]),
        ({"libjson-c5": "0.17"}, ["libjson-c"]),
        ({"libubox2023": "2023", "libubox2024": "2024"}, ["libubox"]),
        ({"dnsmasq-full": "1"}, ["dnsmasq", "dnsmasq-full"]),
        ({"kernel": "5.5"}, ["kernel", "libc", "libgcc", "base-files"]),
        ({}, ["of-the-imagebuilder-alone"]),
        ({"unheard-of": "3"}, ["unheard-of"]),
    ],
)
def test_what_was_asked_for_is_in_it(image: dict[str, str], asked: list[str]) -> None:
    assert complaint(INDEX, image, *asked) == ""


@pytest.mark.parametrize(
    ("image", "asked", "said"),
    [
        ({"busybox": "1.36"}, ["vim"], "lacks vim"),
        ({"vim": "8"}, ["vim"], "has vim 8 instead of 9"),
        ({"libjson-c": "0.16"}, ["libjson-c"], "has libjson-c 0.16 instead of 0.17"),
        ({"libjson-c5": "0.16"}, ["libjson-c"], "has libjson-c 0.16 instead of 0.17"),
        ({"libubox2025": "2025"}, ["libubox"], "lacks libubox"),
        ({}, ["libjson-c"], "lacks libjson-c"),
    ],
)
def test_what_is_missing_or_of_another_version_is_named(image: dict[str, str], asked: list[str], said: str) -> None:
    assert complaint(INDEX, image, *asked) == said


def test_defaults_may_be_replaced_but_not_be_of_another_version() -> None:
    defaults = ("busybox", "dnsmasq")

    assert complaint(INDEX, {"busybox": "1.36"}, defaults=defaults) == ""
    assert complaint(INDEX, {"busybox": "1.35"}, defaults=defaults) == "has busybox 1.35 instead of 1.36"
    assert complaint(INDEX, {"busybox": "1.35"}, "-busybox", defaults=defaults) == ""


def test_any_of_the_feeds_may_have_given_it() -> None:
    both = feed_set(entry("vim", "9"))
    both.feeds.append(LocalFeed(SPEC, "extra", Path(), FeedIndex.of([entry("vim", "10")])))
    both.carried_versions = {"vim": "8"}

    assert [complaint(both, {"vim": version}, "vim") for version in ("8", "9", "10")] == ["", "", ""]
    assert complaint(both, {"vim": "11"}, "vim") == "has vim 11 instead of 10 or 8 or 9"


@pytest.mark.parametrize("name", ["23.05.5-ath79-generic", "24.10.5-ath79-generic", "25.12.5-x86-64"])
def test_real_images_are_as_they_should_be(name: str) -> None:
    image = manifest.parse((DATA / "imagebuilder" / f"{name}.manifest").read_bytes())
    known = feed_set(*(entry(full_name, version) for full_name, version in image.items()))

    assert len(image) > 90
    assert complaint(known, image, *image, defaults=tuple(image)) == ""


# -- at the end of a build ------------------------------------------------------------------------------------


def makefile(listed: str) -> str:
    return f"""{HEAD}
image:
\t@echo image > "$(BIN_DIR)/{IMAGE}"
\t@printf '{listed}' > "$(BIN_DIR)/x.manifest"
"""


@pytest.mark.parametrize(
    ("listed", "said"),
    [(r"vim - 8\n", "vim 8 instead of 9"), (r"busybox - 1.36\n", "lacks vim")],
    ids=["other", "none"],
)
def test_a_build_of_other_packages_fails_by_its_own_name(tmp_path: Path, listed: str, said: str) -> None:
    tree = make_tree(tmp_path, makefile(listed))

    with pytest.raises(BuildFailedError) as caught:
        build_image(make_spec(["vim"]), tree, INDEX, FakeRunner(), tmp_path / "out")

    assert caught.value.reason == Reason.WRONG_PACKAGES
    assert said in caught.value.sentence
    assert not caught.value.reason.is_users


def test_a_build_of_the_right_packages_is_one(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, makefile(r"vim - 9\nlibjson-c5 - 0.17\n"))

    result = build_image(make_spec(["vim", "libjson-c"]), tree, INDEX, FakeRunner(), tmp_path / "out")

    assert result.manifest == {"libjson-c": "0.17", "vim": "9"}
