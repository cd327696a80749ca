"""Snapshots are rebuilt under one name: the mirror is asked again before anybody is refused for what it had."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Reason
from images import intake, preparing, tasks
from images.models import ImageRequest
from packages import sync
from packages.models import Channel, Distribution, Release, Target
from tests.factories import make_worker
from tests.images.factories import ask
from tests.packages.mirrors import MirrorFolder, profiles_document

NAME, DIR = "ath79/generic", "snapshots"
CORE = f"{DIR}/targets/{NAME}/packages"
OLD, NOW, NEW = "r28000-0123456789", "r28739-d9340319c6", "r29000-abcdef0123"
KERNEL = {"version": "6.6.93", "release": "1", "vermagic": "a1b2c3d4"}


@pytest.fixture
def mirror(tmp_path: Path) -> MirrorFolder:
    folder = MirrorFolder(tmp_path / "mirror")
    publish(folder, NOW)
    return folder


def publish(mirror: MirrorFolder, revision: str, kmods: str = "", **feed: str) -> None:
    """What the build farm uploads: another ImageBuilder, and packages."""
    path, file = f"{DIR}/targets/{NAME}", "openwrt-imagebuilder-ath79-generic.Linux-x86_64.tar.xz"
    archive = mirror.write(f"{path}/{file}", f"archive of {revision}")
    about = {"version_code": revision, "linux_kernel": KERNEL}
    mirror.write(f"{path}/profiles.json", profiles_document(NAME, "SNAPSHOT") | about)
    mirror.sums(path, **{file: hashlib.sha256(archive.read_bytes()).hexdigest()})
    mirror.feed(CORE, **{"base_files": "1", "busybox": "1", "dnsmasq": "1", "luci": "1", **feed})
    if kmods:
        mirror.feed(f"{DIR}/targets/{NAME}/kmods/6.6.93-1-a1b2c3d4", **{kmods: "6.6.93-r1"})


@pytest.fixture
def target(transactional_db: None, mirror: MirrorFolder, settings: Settings) -> Iterator[Target]:
    """Read an hour ago."""
    settings.ASU_PREPARE_WAIT = 0
    owner = Distribution.objects.create(name="openwrt", url=mirror.root.as_uri())
    channel = Channel.objects.create(distribution=owner, name="SNAPSHOT", is_snapshot=True, path=DIR)
    release = Release.objects.create(distribution=owner, channel=channel, version="SNAPSHOT")
    row = Target.objects.create(release=release, name=NAME, arch_packages="mips_24kc")
    sync.complete_target(row)
    an_hour_later()
    yield row
    intake.close()
    preparing.forget()


def an_hour_later() -> None:
    past = timezone.now() - timedelta(hours=1)
    Target.objects.filter(refreshed_at__isnull=False).update(refreshed_at=past)
    Target.objects.update(synced_at=past)
    ImageRequest.objects.update(tried_at=past)


def settled(client: Client, target: Target, **changes: Any) -> Any:
    answer = ask(client, version="SNAPSHOT", **changes)
    if answer.status_code != 202 or answer.json()["detail"] != "started":
        return answer
    tasks.prepare(target.pk)
    return client.get(f"/api/v1/build/{answer.json()['request_hash']}")


def test_the_revision_that_the_mirror_has_now_is_built_though_we_had_an_older_one(
    client: Client, target: Target, mirror: MirrorFolder
) -> None:
    publish(mirror, NEW)

    answer = settled(client, target, version_code=NEW)

    assert answer.json()["detail"] == "queued", answer.content
    assert answer.json()["request"]["version_code"] == NEW


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (OLD, f"Received incorrect version {NOW} (requested {OLD}). The mirror keeps no older snapshots than {NOW}"),
        (NEW, f"Received incorrect version {NOW} (requested {NEW}). The mirror has nothing newer than {NOW}"),
        ("r28739-ffffffffff", f"The mirror has {NOW} now"),
        ("unknown", f"The mirror has {NOW} now"),
    ],
)
def test_another_revision_is_refused_with_what_there_is_and_what_to_do(
    client: Client, target: Target, asked: str, said: str
) -> None:
    answer = settled(client, target, version_code=asked)

    assert answer.status_code == answer.json()["status"] == 500
    assert said in answer.json()["detail"]
    assert answer.json()["stdout"] == ""
    assert not Build.objects.exists()


def test_the_mirror_is_asked_once_a_minute_at_most(client: Client, target: Target) -> None:
    assert settled(client, target, version_code=OLD).status_code == 500
    OrmQ.objects.all().delete()

    others = [ask(client, version="SNAPSHOT", version_code=f"r{number}-0") for number in range(1, 5)]

    assert {answer.status_code for answer in others} == {500}
    assert not OrmQ.objects.exists()
    an_hour_later()
    assert ask(client, version="SNAPSHOT", version_code="r9-0").status_code == 202


def test_what_was_just_read_is_not_read_again(client: Client, target: Target) -> None:
    Target.objects.update(synced_at=timezone.now())

    assert ask(client, version="SNAPSHOT", version_code=OLD).status_code == 500


def test_a_dead_mirror_leaves_us_with_what_we_have(client: Client, target: Target, mirror: MirrorFolder) -> None:
    mirror.root.rename(mirror.root.with_name("away"))

    refused = settled(client, target, version_code=NEW)
    built = settled(client, target, version_code=NOW)

    assert NOW in refused.json()["detail"]
    assert built.json()["detail"] == "queued"


def test_releases_have_one_revision_for_ever(client: Client, target: Target) -> None:
    Channel.objects.update(is_snapshot=False)
    Release.objects.update(version="24.10.2")
    from packages import generation

    generation.bump()

    answer = ask(client, version_code=OLD)

    assert answer.status_code == 500
    assert answer.json()["detail"] == f"Error: Received incorrect version {NOW} (requested {OLD})"
    assert not OrmQ.objects.exists()


def test_versions_of_packages_that_the_mirror_has_now_are_built(
    client: Client, target: Target, mirror: MirrorFolder
) -> None:
    publish(mirror, NOW, luci="2")

    answer = settled(client, target, packages_versions={"luci": "2"})

    assert answer.json()["detail"] == "queued", answer.content
    again = settled(client, target, packages_versions={"luci": "1"})
    assert "luci version not as requested: 1 vs. 2" in again.json()["detail"]


def test_modules_that_are_not_there_yet_are_told_from_those_that_never_are(
    client: Client, target: Target, mirror: MirrorFolder
) -> None:
    answer = settled(client, target, packages=["kmod-wireguard"])
    assert answer.status_code == 422
    assert answer["X-Unknown-Package"] == "kmod-wireguard"
    assert "between two builds" in answer.json()["detail"]

    publish(mirror, NEW, kmods="kmod_wireguard")
    an_hour_later()
    built = settled(client, target, packages=["kmod-wireguard"])
    unknown = settled(client, target, packages=["kmod-nothing"])

    assert built.json()["detail"] == "queued", built.content
    assert unknown.status_code == 422
    assert "between" not in unknown.json()["detail"]


@pytest.mark.parametrize("reason", [Reason.MIRROR_MOVED, Reason.KERNEL_MISMATCH])
def test_a_build_that_failed_because_the_mirror_moved_is_asked_for_anew(
    client: Client, target: Target, mirror: MirrorFolder, reason: Reason
) -> None:
    first = settled(client, target)
    fail(reason)
    publish(mirror, NEW)

    second = settled(client, target)

    assert second.json()["detail"] == "queued", second.content
    assert second.json()["request_hash"] != first.json()["request_hash"]


def test_where_the_mirror_did_not_move_the_failure_stands(client: Client, target: Target) -> None:
    settled(client, target)
    fail(Reason.MIRROR_MOVED)

    second = settled(client, target)

    assert second.status_code == 500
    assert "It moved." in second.json()["detail"]
    OrmQ.objects.all().delete()
    assert ask(client, version="SNAPSHOT").status_code == 500
    assert not OrmQ.objects.exists()


def poll(client: Client, request_hash: str) -> Any:
    return client.get(f"/api/v1/build/{request_hash}")


def test_whoever_polls_on_is_led_from_such_a_failure_to_the_build_of_what_there_is_now(
    client: Client, target: Target, mirror: MirrorFolder
) -> None:
    first = settled(client, target, packages=["luci"], defaults="echo hi\n", rootfs_size_mb=64)
    fail(Reason.MIRROR_MOVED)
    publish(mirror, NOW, luci="2")

    waiting = poll(client, first.json()["request_hash"])
    assert (waiting.status_code, waiting.json()["detail"]) == (202, "started")
    tasks.prepare(target.pk)
    answer = poll(client, first.json()["request_hash"])

    assert answer.json()["detail"] == "queued", answer.content
    assert answer.json()["request_hash"] != first.json()["request_hash"]
    before, after = Build.objects.order_by("id")
    same = ("profile", "packages", "defaults", "rootfs_size_mb", "version_code")
    assert [before.spec[name] for name in same] == [after.spec[name] for name in same]


def test_once_is_enough(client: Client, target: Target, mirror: MirrorFolder) -> None:
    first = settled(client, target)
    fail(Reason.MIRROR_MOVED)
    publish(mirror, NOW, luci="2")
    assert poll(client, first.json()["request_hash"]).status_code == 202
    tasks.prepare(target.pk)
    fail(Reason.MIRROR_MOVED)

    answer = poll(client, first.json()["request_hash"])

    assert answer.status_code == 500
    assert "It moved." in answer.json()["detail"]


def test_where_nothing_moved_whoever_polls_on_hears_of_the_failure(client: Client, target: Target) -> None:
    first = settled(client, target)
    fail(Reason.KERNEL_MISMATCH)
    assert poll(client, first.json()["request_hash"]).status_code == 202

    tasks.prepare(target.pk)

    assert poll(client, first.json()["request_hash"]).status_code == 500
    assert poll(client, first.json()["request_hash"]).status_code == 500


def test_another_revision_than_that_of_the_failure_is_nothing_to_be_led_to(
    client: Client, target: Target, mirror: MirrorFolder
) -> None:
    first = settled(client, target)
    fail(Reason.MIRROR_MOVED)
    publish(mirror, NEW)
    poll(client, first.json()["request_hash"])

    tasks.prepare(target.pk)

    answer = poll(client, first.json()["request_hash"])
    assert answer.status_code == 500
    assert f"The mirror keeps no older snapshots than {NEW}" in answer.json()["detail"]
    assert Build.objects.count() == 1


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_PACKAGE, Reason.TIMEOUT])
def test_other_failures_are_answered_at_once(client: Client, target: Target, reason: Reason) -> None:
    settled(client, target)
    fail(reason)

    assert ask(client, version="SNAPSHOT").status_code == 500


def fail(reason: Reason) -> None:
    worker = make_worker()
    lease = queue.lease(worker)
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(reason, "It moved."), is_final=True)
