"""Releases without JSON documents: complete once the ImageBuilder has spoken."""

import hashlib
from pathlib import Path

import pytest

from packages import catalogue
from packages.exceptions import MirrorError, NotCompleteError, SignatureError
from packages.models import Distribution, DistributionKey, Feed, Target
from packages.parsing.types import Inspection, PackageEntry, ProfileEntry
from packages.registry import add_targets
from packages.signatures import UsignKey
from packages.sync import complete_target, store_inspection, sync_distribution
from packages.target_catalogue import TargetCatalogue
from tests.packages.mirrors import Handler, MirrorFolder, Server, serving

pytestmark = pytest.mark.django_db
TARGET = "releases/15.05.1/targets/ipq806x/generic"
ARCHIVE = "OpenWrt-ImageBuilder-15.05.1-ipq806x-generic.Linux-x86_64.tar.bz2"
BYTES = b"packed"
INSPECTION = Inspection(
    target_line="ipq806x (Generic)",
    version_code="",
    default_packages=["base-files", "busybox"],
    profiles=[ProfileEntry("Default"), ProfileEntry("AP148", [{"title": "AP148"}], device_packages=["uboot"])],
    packages=[PackageEntry("luci", "luci", "git-15.1"), PackageEntry("tcpdump", "tcpdump", "4.5")],
    arch_packages="ipq806x",
)


@pytest.fixture
def old(tmp_path: Path) -> MirrorFolder:
    """A mirror with nothing but a packed ImageBuilder and its sums."""
    mirror = MirrorFolder(tmp_path / "old")
    mirror.write(f"{TARGET}/{ARCHIVE}", BYTES)
    mirror.sums(TARGET, **{ARCHIVE: hashlib.sha256(BYTES).hexdigest()})
    return mirror


@pytest.fixture
def target(old: MirrorFolder) -> Target:
    """Its target, documents read."""
    row = Distribution.objects.create(name="old", url=f"file://{old.root}")
    report = sync_distribution(row, release="15.05.1", target="ipq806x/generic")
    assert report.errors == []
    return Target.objects.get(name="ipq806x/generic")


def find() -> TargetCatalogue:
    return catalogue.find("old", "15.05.1", "ipq806x/generic")


def test_an_old_target_waits_for_its_imagebuilder(target: Target) -> None:
    assert target.needs_inspection and not target.is_complete
    assert target.imagebuilder_file == ARCHIVE
    assert target.imagebuilder_sha256 == hashlib.sha256(BYTES).hexdigest()
    with pytest.raises(NotCompleteError) as caught:
        find()
    assert caught.value.target_id == target.pk


def test_what_the_imagebuilder_says_completes_it(target: Target) -> None:
    store_inspection(target, INSPECTION)

    found = find()
    assert set(found.profiles) == {"Default", "AP148"}
    assert found.packages == {"luci": "git-15.1", "tcpdump": "4.5"}
    assert found.default_packages == ("base-files", "busybox")
    assert [(feed.kind, feed.url) for feed in found.feeds] == [("imagebuilder", "")]


def test_the_same_words_again_give_the_same_state(target: Target) -> None:
    store_inspection(target, INSPECTION)
    before = Target.objects.get(pk=target.pk).state_hash

    store_inspection(Target.objects.get(pk=target.pk), INSPECTION)

    assert Target.objects.get(pk=target.pk).state_hash == before
    assert Feed.objects.filter(kind="imagebuilder").count() == 1


def test_other_packages_in_the_archive_are_another_state(target: Target) -> None:
    store_inspection(target, INSPECTION)
    before = Target.objects.get(pk=target.pk).state_hash
    other = Inspection("x", "", ["base-files"], list(INSPECTION.profiles), [PackageEntry("luci", "luci", "git-16")])

    store_inspection(Target.objects.get(pk=target.pk), other)

    assert Target.objects.get(pk=target.pk).state_hash != before


def test_a_later_sync_keeps_what_was_said(target: Target, old: MirrorFolder) -> None:
    store_inspection(target, INSPECTION)
    old.write(f"{TARGET}/sha256sums", (old.root / TARGET / "sha256sums").read_text() + f"{'e' * 64} *other.bin\n")

    sync_distribution(target.release.distribution)

    assert set(find().packages) == {"luci", "tcpdump"}


def test_another_archive_must_speak_for_itself(target: Target, old: MirrorFolder) -> None:
    store_inspection(target, INSPECTION)
    old.sums(TARGET, **{ARCHIVE: "f" * 64})

    sync_distribution(target.release.distribution)

    assert Target.objects.get(pk=target.pk).needs_inspection


def test_feeds_of_the_architecture_come_with_the_inspection(target: Target, old: MirrorFolder) -> None:
    old.feed("releases/15.05.1/packages/ipq806x/base", vim="7.4")

    store_inspection(target, INSPECTION)

    assert find().packages["vim"] == "7.4"


def test_a_mirror_that_fails_meanwhile_leaves_the_target_waiting(old: MirrorFolder) -> None:
    old.feed("releases/15.05.1/packages/ipq806x/base", vim="7.4")

    def fail(handler: Handler) -> None:
        handler.answer(500, b"")

    with serving(old.root) as server:
        row = Distribution.objects.create(name="old", url=server.url)
        sync_distribution(row, target="ipq806x/generic")
        waiting = Target.objects.get(name="ipq806x/generic")
        server.faults["/releases/15.05.1/packages/ipq806x/base/Packages.gz"] = fail
        with pytest.raises(MirrorError):
            store_inspection(waiting, INSPECTION)

    assert Target.objects.get(pk=waiting.pk).needs_inspection
    assert not waiting.profiles.exists()


# -- the era of md5sums --------------------------------------------------------------------------------------


@pytest.fixture
def ancient(old: MirrorFolder) -> Target:
    (old.root / TARGET / "sha256sums").unlink()
    old.write(f"{TARGET}/md5sums", "x")
    row = Distribution.objects.create(name="ancient", url=f"file://{old.root}")
    release = add_targets(row, "15.05.1", ["ipq806x/generic"])
    return Target.objects.get(release=release)


def test_without_sums_the_archive_is_read_once(ancient: Target) -> None:
    complete_target(ancient)

    assert Target.objects.get(pk=ancient.pk).imagebuilder_sha256 == hashlib.sha256(BYTES).hexdigest()


def test_without_sums_a_pinned_key_refuses(ancient: Target) -> None:
    DistributionKey.objects.create(
        distribution=ancient.release.distribution, kind="usign", text=UsignKey.generate("k").public_text()
    )

    with pytest.raises(SignatureError):
        complete_target(ancient)

    assert Target.objects.get(pk=ancient.pk).imagebuilder_sha256 == ""


def test_feeds_one_folder_each_below_the_target_are_found(ancient: Target, old: MirrorFolder) -> None:
    old.feed(f"{TARGET}/packages/base", vim="7.4")
    old.feed(f"{TARGET}/packages/luci", luci="15")

    complete_target(ancient)

    assert {(feed.name, feed.kind) for feed in ancient.feeds.all()} == {("base", "target"), ("luci", "target")}


def test_a_web_mirror_without_sums_is_hashed_over_the_wire(old: MirrorFolder, db: None) -> None:
    (old.root / TARGET / "sha256sums").unlink()
    with serving(old.root) as server:
        check_over_the_wire(server)


def check_over_the_wire(server: Server) -> None:
    row = Distribution.objects.create(name="web", url=server.url)
    release = add_targets(row, "15.05.1", ["ipq806x/generic"])

    complete_target(Target.objects.get(release=release))

    assert Target.objects.get(release=release).imagebuilder_sha256 == hashlib.sha256(BYTES).hexdigest()
