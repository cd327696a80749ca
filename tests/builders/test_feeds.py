"""Packages come from feeds once, verified, and the ImageBuilder sees them as feeds of this machine."""

import base64
import gzip
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from builders import package_cache
from builders.drive import ROUNDS, build_image
from builders.feeds import FeedSet, fetch_missing, missing_packages, prepare
from builders.repositories import has_remote_sources, local_apk, local_opkg
from builders.spec import BuildFailedError, BuildSpec, FeedSpec, KeySpec
from builders.states import Phase, Reason
from packages import index_cache
from packages.parsing import apk
from packages.signatures import UsignKey
from tests.builders.fake_runner import GOOD, HEAD, FakeRunner, make_spec, make_tree

KEY = UsignKey.generate("feed")
REPOSITORIES = """# comment
src/gz openwrt_core https://downloads.invalid/releases/1.0/targets/a/b/packages
src/gz openwrt_base https://downloads.invalid/releases/1.0/packages/arm/base
src/gz openwrt_telephony https://downloads.invalid/releases/1.0/packages/arm/telephony

## This is the local package repository, do not remove!
src imagebuilder file:packages
option check_signature
"""


class Upstream:
    """A feed on a mirror in a folder."""

    def __init__(self, folder: Path, *, key: UsignKey | None = KEY) -> None:
        self.folder, self.key = folder, key
        folder.mkdir(parents=True)
        self.stanzas: list[str] = []

    def add(self, name: str, depends: str = "", content: str = "") -> None:
        data = (content or f"package {name}").encode()
        file_name = f"{name}_1_all.ipk"
        (self.folder / file_name).write_bytes(data)
        self.stanzas.append(
            f"Package: {name}\nVersion: 1\nDepends: {depends}\nFilename: {file_name}\nSize: {len(data)}\n"
            f"SHA256sum: {hashlib.sha256(data).hexdigest()}\n"
        )
        self.publish()

    def publish(self) -> None:
        index = "\n".join(self.stanzas).encode()
        (self.folder / "Packages.gz").write_bytes(gzip.compress(index))
        if self.key:
            (self.folder / "Packages.sig").write_text(self.key.sign(index))

    @property
    def spec(self) -> FeedSpec:
        index = gzip.decompress((self.folder / "Packages.gz").read_bytes())
        return FeedSpec("base", "arch", "opkg", self.folder.as_uri(), hashlib.sha256(index).hexdigest())


@pytest.fixture
def base(tmp_path: Path) -> Upstream:
    feed = Upstream(tmp_path / "mirror" / "releases" / "1.0" / "packages" / "arm" / "base")
    feed.add("luci", "luci-base, libc")
    feed.add("luci-base")
    feed.add("other")
    return feed


def spec_of(*feeds: Upstream, packages: tuple[str, ...] = ("luci",), key: UsignKey = KEY) -> BuildSpec:
    keys = (KeySpec("usign", key.public_text()),)
    return make_spec(packages, feeds=tuple(feed.spec for feed in feeds), keys=keys)


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator["Preparer"]:
    preparer = Preparer(tmp_path)
    yield preparer
    for feed_set in preparer.made:
        feed_set.close()


class Preparer:
    """Prepares feeds for one tree, as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.tree = make_tree(folder, **{"repositories.conf": REPOSITORIES})
        self.made: list[FeedSet] = []
        self.reports: list[tuple[Phase, int | None]] = []

    def __call__(self, spec: BuildSpec, *, go_on: bool = True) -> FeedSet:
        feed_set = prepare(
            spec, self.tree, FakeRunner(), lambda phase, percent: self.reports.append((phase, percent)), lambda: go_on
        )
        self.made.append(feed_set)
        return feed_set

    def failure(self, spec: BuildSpec, *, go_on: bool = True) -> BuildFailedError:
        with pytest.raises(BuildFailedError) as caught:
            self(spec, go_on=go_on)
        return caught.value


def test_packages_and_their_dependencies_lie_in_a_folder_of_the_feed(base: Upstream, prepared: Preparer) -> None:
    feed_set = prepared(spec_of(base))

    folder = feed_set.read_only["/feeds/base"]
    assert {path.name for path in folder.iterdir()} == {
        *("Packages", "Packages.gz", "Packages.sig", "luci_1_all.ipk", "luci-base_1_all.ipk")
    }
    assert gzip.decompress((folder / "Packages.gz").read_bytes()) == (folder / "Packages").read_bytes()
    assert (folder / "Packages.sig").read_bytes() == (base.folder / "Packages.sig").read_bytes()
    assert (folder / "luci_1_all.ipk").read_text() == "package luci"


def test_the_imagebuilders_list_names_the_local_feed_and_keeps_the_rest(base: Upstream, prepared: Preparer) -> None:
    feed_set = prepared(spec_of(base))

    text = feed_set.read_only["/builder/repositories.conf"].read_text()
    folder = feed_set.read_only["/feeds/base"]
    assert text.splitlines() == [
        "# comment",
        "",
        "## This is the local package repository, do not remove!",
        f"src/gz openwrt_base file:{folder}",
        "src imagebuilder file:packages",
        "option check_signature",
    ]


def test_a_second_build_touches_no_mirror(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    spec = spec_of(base)
    first = prepared(spec)
    first.close()
    shutil.rmtree(tmp_path / "mirror")

    second = prepared(spec)

    assert first.downloaded > 0
    assert second.downloaded == 0
    assert (second.read_only["/feeds/base"] / "luci_1_all.ipk").exists()


def test_a_package_is_kept_once_for_all_feeds(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    prepared(spec_of(base))
    base.add("new")
    prepared(spec_of(base))

    files = list((tmp_path / "data" / "cache" / "packages").iterdir())

    assert len(files) == 2
    assert all(path.stat().st_nlink == 3 for path in files)


def test_progress_is_told_in_percent(base: Upstream, prepared: Preparer) -> None:
    prepared(spec_of(base))

    assert (Phase.CALCULATE_PACKAGES_HASH, None) in prepared.reports
    assert all(percent is None or 0 <= percent <= 100 for _, percent in prepared.reports)
    assert any(percent is not None for _, percent in prepared.reports)


def test_a_package_with_other_bytes_is_a_wrong_checksum(base: Upstream, prepared: Preparer) -> None:
    (base.folder / "luci_1_all.ipk").write_text("PACKAGE luci")

    failed = prepared.failure(spec_of(base))

    assert failed.reason == Reason.BAD_CHECKSUM
    assert "luci_1_all.ipk" in failed.sentence


def test_a_wrong_package_leaves_nothing_behind(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    (base.folder / "luci_1_all.ipk").write_text("PACKAGE luci")
    prepared.failure(spec_of(base))

    names = [path.name for path in (tmp_path / "data" / "cache" / "packages").iterdir()]

    assert all(len(name) == 64 for name in names)
    assert hashlib.sha256(b"PACKAGE luci").hexdigest() not in names


def test_a_package_that_is_gone_means_that_the_mirror_moved(base: Upstream, prepared: Preparer) -> None:
    (base.folder / "luci-base_1_all.ipk").unlink()

    assert prepared.failure(spec_of(base)).reason == Reason.MIRROR_MOVED


def test_an_index_that_is_not_the_one_of_the_spec_means_that_the_mirror_moved(
    base: Upstream, prepared: Preparer
) -> None:
    spec = spec_of(base)
    base.add("newer")

    assert prepared.failure(spec).reason == Reason.MIRROR_MOVED


def test_a_mirror_that_does_not_answer_is_unreachable(base: Upstream, prepared: Preparer) -> None:
    spec = make_spec(feeds=(FeedSpec("base", "arch", "opkg", "http://127.0.0.1:9/feed", base.spec.index_sha256),))

    assert prepared.failure(spec).reason == Reason.MIRROR_UNREACHABLE


def test_an_index_signed_by_somebody_else_is_refused(base: Upstream, prepared: Preparer) -> None:
    assert prepared.failure(spec_of(base, key=UsignKey.generate("other"))).reason == Reason.BAD_SIGNATURE


def test_an_index_without_signature_is_refused_where_a_key_is_pinned(base: Upstream, prepared: Preparer) -> None:
    (base.folder / "Packages.sig").unlink()

    assert prepared.failure(spec_of(base)).reason == Reason.BAD_SIGNATURE


def test_an_index_that_was_signed_anew_is_used_with_its_new_signature(base: Upstream, prepared: Preparer) -> None:
    prepared(spec_of(base))
    base.key = UsignKey.generate("next year")
    base.publish()

    feed_set = prepared(spec_of(base, key=base.key))

    signature = (feed_set.read_only["/feeds/base"] / "Packages.sig").read_bytes()
    assert signature == (base.folder / "Packages.sig").read_bytes()


def test_the_index_of_the_catalogue_is_used_without_asking_the_mirror(base: Upstream, prepared: Preparer) -> None:
    index = gzip.decompress((base.folder / "Packages.gz").read_bytes())
    spec = spec_of(base)
    index_cache.save(index, (base.folder / "Packages.sig").read_bytes())
    (base.folder / "Packages.gz").unlink()

    assert prepared(spec).feeds[0].index.by_name.keys() == {"luci", "luci-base", "other"}


def test_a_package_in_the_place_of_a_folder_is_the_fault_of_the_index(base: Upstream, prepared: Preparer) -> None:
    base.add("one")
    base.stanzas.append(base.stanzas[-1].replace("one_1_all.ipk", "one_1_all.ipk/two.ipk").replace(": one", ": two", 1))
    base.publish()
    prepared(spec_of(base, packages=("one",)))

    failed = prepared.failure(spec_of(base, packages=("two",)))

    assert "one_1_all.ipk/two.ipk: the index has another package" in failed.sentence


def test_no_feed_name_becomes_a_path(base: Upstream, prepared: Preparer) -> None:
    feed = base.spec
    spec = make_spec(feeds=(FeedSpec("../../etc", feed.kind, feed.format, feed.url, feed.index_sha256),))

    assert prepared.failure(spec).reason == Reason.CRASH


def test_a_cancelled_build_fetches_nothing(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    assert prepared.failure(spec_of(base), go_on=False).reason == Reason.CANCELLED
    assert not (tmp_path / "data" / "cache" / "packages").exists()


def test_packages_inside_the_imagebuilder_need_no_feed(prepared: Preparer) -> None:
    spec = make_spec(["luci"], feeds=(FeedSpec("imagebuilder", "imagebuilder", "opkg", "", ""),))

    feed_set = prepared(spec)

    assert feed_set.feeds == []
    assert "https://" not in feed_set.read_only["/builder/repositories.conf"].read_text()


def test_a_tree_that_names_no_mirror_keeps_its_list(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, **{"repositories.conf": "src imagebuilder file:packages\n"})

    with prepare(make_spec(), tree, FakeRunner(), lambda phase, percent: None, lambda: True) as feed_set:
        assert feed_set.read_only == {}


def test_what_the_imagebuilder_missed_is_found_in_its_log_and_fetched(base: Upstream, prepared: Preparer) -> None:
    feed_set = prepared(spec_of(base))
    folder = feed_set.read_only["/feeds/base"]
    log = f" * opkg_download: Failed to open {folder}/other_1_all.ipk\n * luci_1_all.ipk is there\n"

    missing = missing_packages(feed_set, log)
    fetch_missing(feed_set, missing)

    assert missing == ["other"]
    assert (folder / "other_1_all.ipk").exists()
    assert missing_packages(feed_set, log) == []


def test_a_build_that_missed_a_package_is_run_again_with_it(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    feed_set = prepared(spec_of(base))
    wanted = feed_set.read_only["/feeds/base"] / "other_1_all.ipk"
    (tmp_path / "missing").mkdir()
    tree = make_tree(
        tmp_path / "missing", f"{GOOD}\t@test -e {wanted} || {{ echo 'Failed to open {wanted}'; exit 1; }}\n"
    )
    runner = FakeRunner()

    result = build_image(spec_of(base, packages=()), tree, feed_set, runner, tmp_path / "out")

    assert len(runner.runs) == 2
    assert result.files
    assert result.details["downloaded_bytes"] == feed_set.downloaded > 0


def test_a_package_that_stays_missing_does_not_make_a_build_endless(
    base: Upstream, prepared: Preparer, tmp_path: Path
) -> None:
    feed_set = prepared(spec_of(base))
    (tmp_path / "missing").mkdir()
    say = 'Failed to open other_1_all.ipk; rm -f "$(FEED)/other_1_all.ipk"; exit 1'
    tree = make_tree(tmp_path / "missing", f"{HEAD}FEED={feed_set.read_only['/feeds/base']}\nimage:\n\t@echo {say}\n")
    runner = FakeRunner()

    with pytest.raises(BuildFailedError):
        build_image(spec_of(base), tree, feed_set, runner, tmp_path / "out")

    assert len(runner.runs) == ROUNDS


def test_a_feed_of_apk_is_laid_out_by_its_signed_index(prepared: Preparer, tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "data" / "apk"
    folder = tmp_path / "mirror" / "apk"
    folder.mkdir(parents=True)
    for source in data.glob("*.b64"):
        (folder / source.name.removesuffix(".b64")).write_bytes(base64.b64decode(source.read_text()))
    index = (folder / "packages.adb").read_bytes()
    feed = FeedSpec("base", "arch", "apk", folder.as_uri(), hashlib.sha256(index).hexdigest())
    [name] = [entry.full_name for entry in apk.parse(index) if (folder / entry.file_name).exists()][:1]
    spec = make_spec([name], feeds=(feed,), keys=(KeySpec("apk", (data / "key.pem").read_text()),))

    feed_set = prepared(spec)

    local = feed_set.read_only["/feeds/base"]
    [package] = local.glob("*.apk")
    assert (local / "packages.adb").read_bytes() == index
    assert package.read_bytes() == (folder / package.name).read_bytes()


# -- the cache ---------------------------------------------------------------------------------------------------


def test_a_feed_in_use_stays_when_room_is_needed(base: Upstream, prepared: Preparer, settings: Settings) -> None:
    feed_set = prepared(spec_of(base))

    package_cache.trim(0)

    assert (feed_set.read_only["/feeds/base"] / "luci_1_all.ipk").exists()


def test_what_nobody_uses_goes_when_room_is_needed(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    prepared(spec_of(base)).close()

    package_cache.trim(0)

    assert list((tmp_path / "data" / "cache" / "packages").iterdir()) == []
    assert [path for path in (tmp_path / "data" / "cache" / "feeds").iterdir() if path.is_dir()] == []


def test_nothing_goes_while_there_is_room(base: Upstream, prepared: Preparer, tmp_path: Path) -> None:
    prepared(spec_of(base)).close()

    package_cache.trim(10**9)

    assert len(list((tmp_path / "data" / "cache" / "packages").iterdir())) == 2


# -- lists of sources --------------------------------------------------------------------------------------------


def test_feeds_keep_the_names_that_the_imagebuilder_gave_them() -> None:
    feeds = [
        ("core", "http://mirror/releases/1.0/targets/a/b/packages", "/feeds/core"),
        ("extra", "http://mirror/releases/1.0/packages/arm/extra", "/feeds/extra"),
    ]

    text = local_opkg(REPOSITORIES, feeds)

    assert [line for line in text.splitlines() if line.startswith("src/gz")] == [
        "src/gz openwrt_core file:/feeds/core",
        "src/gz asu_extra file:/feeds/extra",
    ]


def test_apk_reads_indexes_by_their_path() -> None:
    text = "# comment\nhttps://downloads.invalid/releases/25.12/packages/arm/base/packages.adb\n"

    assert local_apk(text, [("base", "http://m/base", "/feeds/base")]) == "# comment\n/feeds/base/packages.adb\n"


def test_only_the_imagebuilders_own_packages_are_not_remote() -> None:
    assert has_remote_sources(REPOSITORIES)
    assert has_remote_sources("src custom file:///srv/packages\n")
    assert not has_remote_sources("# src/gz x http://h/x\nsrc imagebuilder file:packages\n")
