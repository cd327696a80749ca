"""The documents of a target: complete or not at all, and only what changed is read again."""

import gzip
import hashlib
import json

import pytest
from pytest_django import Settings

from packages import generation, index_cache
from packages.exceptions import BadDocumentError, MirrorError, MirrorUnreachableError, NotOnMirrorError
from packages.models import Distribution, Feed, Package, Profile, Target
from packages.sync import SyncReport, complete_target, sync_distribution
from tests.packages.mirrors import MirrorFolder, Server, stanza

pytestmark = pytest.mark.django_db
RELEASE = "releases/24.10.2"
TARGET = f"{RELEASE}/targets/ath79/generic"
BASE = f"{RELEASE}/packages/mips_24kc/base"


def read(distribution: Distribution, name: str = "ath79/generic", version: str = "24.10.2") -> Target:
    """Names, then that target's documents."""
    if not distribution.releases.exists():
        sync_distribution(distribution)
    target = Target.objects.get(release__version=version, name=name)
    complete_target(target)
    return Target.objects.get(pk=target.pk)


def again(distribution: Distribution) -> SyncReport:
    return sync_distribution(distribution, release="24.10.2")


def packages_of(feed: str) -> dict[str, str]:
    return dict(Package.objects.filter(feed__path=feed).values_list("full_name", "version"))


def state() -> Target:
    return Target.objects.get(release__version="24.10.2", name="ath79/generic")


def test_a_target_is_completed_with_all_that_requests_need(distribution: Distribution, folder: MirrorFolder) -> None:
    target = read(distribution)

    archive = f"{TARGET}/{target.imagebuilder_file}"
    assert target.is_complete
    assert target.imagebuilder_sha256 == hashlib.sha256((folder.root / archive).read_bytes()).hexdigest()
    assert target.version_code == "r28739-d9340319c6"
    assert target.default_packages == ["base-files", "busybox", "dnsmasq"]
    assert target.source_date_epoch == 1750711236
    assert {(feed.name, feed.kind) for feed in target.feeds.all()} == {
        *(("core", "target"), ("base", "arch"), ("luci", "arch"))
    }
    assert packages_of(BASE) == {"busybox": "1.36", "dnsmasq": "2.90"}
    profile = Profile.objects.get(target=target, name="tplink_archer-c7-v2")
    assert profile.title == "TP-Link Archer C7 v2"
    assert profile.device_packages == ["kmod-ath10k", "-wpad"]


def test_the_index_in_the_cache_is_the_one_of_the_rows(distribution: Distribution, folder: MirrorFolder) -> None:
    read(distribution)

    feed = Feed.objects.get(path=BASE)
    assert index_cache.load(feed.index_sha256) == (folder.root / BASE / "Packages").read_bytes()


def test_only_the_target_asked_for_is_completed(distribution: Distribution, server: Server) -> None:
    read(distribution)

    assert Target.objects.filter(synced_at__isnull=False).count() == 1
    assert not any("23.05.5" in path and "sha256sums" in path for _, path, _ in server.seen)


@pytest.mark.django_db(transaction=True)
def test_a_target_that_is_disabled_while_it_is_read_stays_disabled(distribution: Distribution) -> None:
    sync_distribution(distribution)
    target = state()

    def disable(what: str, done: int, total: int) -> None:
        Target.objects.filter(pk=target.pk).update(is_enabled=False)

    complete_target(target, disable)

    assert state().is_complete
    assert not state().is_enabled


def test_an_unchanged_target_costs_conditional_requests_only(distribution: Distribution, server: Server) -> None:
    read(distribution)
    before, moment = state().state_hash, generation.current()
    server.seen.clear()

    report = again(distribution)

    assert report.unchanged == 1 and report.completed == 0
    assert [path for path in server.paths(200) if "/targets/ath79" in path or "/packages/" in path] == []
    assert f"/{TARGET}/sha256sums" in server.paths(304)
    assert state().state_hash == before
    assert generation.current() == moment


def test_feeds_shared_by_targets_are_asked_for_once(
    distribution: Distribution, folder: MirrorFolder, server: Server
) -> None:
    folder.target(RELEASE, "24.10.2", "ath79/nand")
    folder.write(f"{RELEASE}/targets/ath79/nand/feeds.buildinfo", "")
    folder.targets(RELEASE, ath79__generic="mips_24kc", ath79__nand="mips_24kc")

    report = sync_distribution(distribution, release="24.10.2", full=True)

    assert report.errors == []
    assert [path for _, path, _ in server.seen].count(f"/{BASE}/Packages.gz") == 1
    assert Target.objects.filter(feeds__path=BASE).count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_feed_that_moves_gives_its_targets_a_new_state(distribution: Distribution, folder: MirrorFolder) -> None:
    before, moment = read(distribution).state_hash, generation.current()
    folder.feed(BASE, busybox="1.37", dnsmasq="2.90")

    again(distribution)

    assert state().state_hash != before
    assert packages_of(BASE) == {"busybox": "1.37", "dnsmasq": "2.90"}
    assert generation.current() > moment


def test_the_same_index_in_another_packing_is_the_same_state(distribution: Distribution, folder: MirrorFolder) -> None:
    before = read(distribution).state_hash
    text = (folder.root / BASE / "Packages").read_bytes()
    folder.write(f"{BASE}/Packages.gz", gzip.compress(text, 1, mtime=99))

    again(distribution)

    assert state().state_hash == before


def test_a_new_imagebuilder_gives_a_new_state_and_new_profiles(
    distribution: Distribution, folder: MirrorFolder
) -> None:
    before = read(distribution)
    kept = Profile.objects.get(target=before, name="rpi-4").pk
    document = json.loads((folder.root / TARGET / "profiles.json").read_text())
    del document["profiles"]["tplink_archer-c7-v2"]
    document["profiles"]["new_device"] = {"device_packages": []}
    folder.write(f"{TARGET}/profiles.json", document)
    folder.sums(TARGET, **{before.imagebuilder_file: "b" * 64})

    again(distribution)

    assert state().imagebuilder_sha256 == "b" * 64
    assert state().state_hash != before.state_hash
    assert dict(Profile.objects.filter(target=before).values_list("name", "pk")).keys() == {"rpi-4", "new_device"}
    assert Profile.objects.get(target=before, name="rpi-4").pk == kept


def test_the_kmods_feed_of_the_kernel_is_found(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.target(RELEASE, "24.10.2", linux_kernel={"version": "6.6.93", "release": "1", "vermagic": "abc"})
    folder.feed(f"{TARGET}/kmods/6.6.93-1-abc", kmod_usb="6.6.93")
    folder.feed(f"{TARGET}/kmods/6.6.90-1-old", kmod_usb="6.6.90")

    target = read(distribution)

    assert [feed.path for feed in target.feeds.filter(kind="kmods")] == [f"{TARGET}/kmods/6.6.93-1-abc"]


def test_without_the_kernels_name_a_lone_kmods_folder_is_taken(
    distribution: Distribution, folder: MirrorFolder
) -> None:
    folder.feed(f"{TARGET}/kmods/5.15.167-1-abc", kmod_usb="5.15.167")

    target = read(distribution)

    assert target.feeds.filter(kind="kmods").count() == 1


def test_without_feeds_buildinfo_feeds_come_from_the_listing(distribution: Distribution, folder: MirrorFolder) -> None:
    (folder.root / TARGET / "feeds.buildinfo").unlink()
    folder.feed(f"{RELEASE}/packages/mips_24kc/routing", batman="1")

    target = read(distribution)

    assert {feed.name for feed in target.feeds.filter(kind="arch")} == {"base", "luci", "routing"}


def test_packages_with_names_that_must_not_be_are_left_out_and_counted(
    distribution: Distribution, folder: MirrorFolder
) -> None:
    names = ["good", "-%", "$(id)", "a;b", "../up", "a b", "x" * 200]
    folder.write(f"{BASE}/Packages.gz", gzip.compress("\n".join(stanza(name, "1") for name in names).encode()))
    sync_distribution(distribution)

    report = sync_distribution(distribution, release="24.10.2", target="ath79/generic")

    assert packages_of(BASE) == {"good": "1"}
    assert report.skipped_names == 6


# -- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{TARGET}/profiles.json", b"{"),
        (f"{TARGET}/profiles.json", b'{"profiles": []}'),
        (f"{TARGET}/profiles.json", b"[" * 200_000),
        (f"{TARGET}/sha256sums", b"<html>busy</html>"),
        (f"{BASE}/Packages.gz", b"no gzip"),
        (f"{BASE}/Packages.gz", gzip.compress(b"no package")),
    ],
)
def test_a_broken_document_leaves_the_last_good_state(
    distribution: Distribution, folder: MirrorFolder, path: str, content: bytes
) -> None:
    before = read(distribution)
    folder.sums(TARGET, **{before.imagebuilder_file: "b" * 64})
    folder.write(path, content)

    report = again(distribution)

    now = state()
    assert len(report.errors) == 1
    assert now.imagebuilder_sha256 == before.imagebuilder_sha256
    assert now.state_hash == before.state_hash
    assert now.is_complete
    assert now.stale_since is not None
    assert path.rsplit("/", 1)[-1].removesuffix(".gz") in now.sync_error
    assert Profile.objects.filter(target=now).count() == 2
    assert packages_of(BASE) == {"busybox": "1.36", "dnsmasq": "2.90"}


def test_an_index_that_unpacks_without_end_is_refused(
    distribution: Distribution, folder: MirrorFolder, settings: Settings
) -> None:
    settings.ASU_MAX_DOCUMENT_MB = 1
    folder.write(f"{BASE}/Packages.gz", gzip.compress(b"\0" * 3_000_000))

    with pytest.raises(MirrorError, match="more than 1048576 bytes when unpacked"):
        read(distribution)

    assert not state().is_complete
    assert not Profile.objects.exists()


def test_a_stale_target_recovers(distribution: Distribution, server: Server) -> None:
    read(distribution)
    server.faults[f"/{TARGET}/sha256sums"] = lambda handler: handler.answer(500, b"")
    again(distribution)
    assert state().stale_since is not None

    server.faults.clear()
    again(distribution)

    assert state().stale_since is None


def test_a_mirror_that_breaks_off_at_the_first_read_leaves_a_name(distribution: Distribution, server: Server) -> None:
    server.faults[f"/{BASE}/Packages.gz"] = lambda handler: handler.answer(500, b"")

    with pytest.raises(MirrorUnreachableError):
        read(distribution)

    assert state().synced_at is None
    assert "500" in state().sync_error


def test_a_target_without_imagebuilder_says_so(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.sums(TARGET, **{"config.buildinfo": "c" * 64})

    with pytest.raises(NotOnMirrorError, match="names no ImageBuilder"):
        read(distribution)


def test_profiles_json_that_is_gone_for_a_while_does_not_undo_the_target(
    distribution: Distribution, folder: MirrorFolder
) -> None:
    before = read(distribution)
    (folder.root / TARGET / "profiles.json").unlink()
    folder.sums(TARGET, **{before.imagebuilder_file: "b" * 64})

    report = again(distribution)

    assert "profiles.json" in report.errors[0]
    assert state().is_complete


def test_profiles_json_that_the_sums_do_not_name_is_refused(distribution: Distribution, folder: MirrorFolder) -> None:
    before = read(distribution)
    folder.sums(TARGET, **{before.imagebuilder_file: "b" * 64, "profiles.json": "c" * 64})

    report = again(distribution)

    assert "profiles.json: not the file that sha256sums names" in report.errors[0]
    assert state().imagebuilder_sha256 == before.imagebuilder_sha256


def test_a_profile_name_that_could_reach_a_shell_is_left_out(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.target(RELEASE, "24.10.2", profiles={"$(id)": {}, "../x": {}, "good": {}, "new\nline": {}})

    read(distribution)

    assert list(Profile.objects.values_list("name", flat=True)) == ["good"]


def test_an_index_with_the_same_package_twice_keeps_the_first(distribution: Distribution, folder: MirrorFolder) -> None:
    folder.write(f"{BASE}/Packages.gz", gzip.compress(f"{stanza('a', '2')}\n{stanza('a', '1')}".encode()))

    read(distribution)

    assert packages_of(BASE) == {"a": "2"}


def test_no_such_target_is_an_error_of_the_run(distribution: Distribution) -> None:
    report = sync_distribution(distribution, target="no/such")

    assert report.errors == ["openwrt has no target no/such in these releases."]


def test_bad_documents_are_permanent_and_dead_mirrors_are_not() -> None:
    assert BadDocumentError.permanent
    assert not MirrorUnreachableError.permanent
