"""Targets that nobody asked for before: the first request waits for their documents."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from builders.ledger import DatabaseLedger
from images import intake, preparing, tasks
from images.models import ImageRequest
from packages import generation, sync
from packages.models import Channel, Distribution, Release, Target
from tests.factories import make_spec
from tests.images.factories import ask
from tests.packages.mirrors import MirrorFolder

VERSION, NAME = "24.10.2", "ath79/generic"


@pytest.fixture
def mirror(tmp_path: Path) -> MirrorFolder:
    folder = MirrorFolder(tmp_path / "mirror")
    folder.versions(VERSION)
    folder.targets(f"releases/{VERSION}", **{NAME: "mips_24kc"})
    folder.target(f"releases/{VERSION}", VERSION, NAME)
    return folder


@pytest.fixture
def target(transactional_db: None, mirror: MirrorFolder, settings: Settings) -> Iterator[Target]:
    """Known by name only, as after the first sync."""
    settings.ASU_PREPARE_WAIT = 0
    owner = Distribution.objects.create(name="openwrt", url=mirror.root.as_uri())
    channel = Channel.objects.create(distribution=owner, name="24.10")
    release = Release.objects.create(distribution=owner, channel=channel, version=VERSION)
    yield Target.objects.create(release=release, name=NAME, arch_packages="mips_24kc")
    intake.close()
    preparing.forget()


def wish() -> dict[str, Any]:
    return {"profile": "tplink_archer-c7-v2", "packages": []}


def poll(client: Client, answer: Any) -> Any:
    return client.get(f"/api/v1/build/{answer.json()['request_hash']}")


def test_the_first_request_waits_as_started(client: Client, target: Target) -> None:
    answer = ask(client, **wish())

    assert answer.status_code == 202
    assert answer.json()["detail"] == "started"
    assert answer.json()["imagebuilder_status"] == answer["X-Imagebuilder-Status"] == "init"
    assert "queue_position" not in answer.json()
    assert poll(client, answer).json() == answer.json()


def test_a_wait_for_an_imagebuilder_that_is_asked_first_says_how_far_it_is(client: Client, target: Target) -> None:
    waiting = ask(client, **wish())
    spec = make_spec(distribution="openwrt", version=VERSION, target=NAME)

    DatabaseLedger().downloading(spec, 10, 100)
    downloading = poll(client, waiting)
    DatabaseLedger().unpacking(spec, 100)
    unpacking = poll(client, waiting)
    DatabaseLedger().ready(spec, 800)
    ready = poll(client, waiting)

    phases = ["download_imagebuilder", "unpack_imagebuilder", "init"]
    assert [answer.json()["imagebuilder_status"] for answer in (downloading, unpacking, ready)] == phases
    assert unpacking["X-Imagebuilder-Status"] == "unpack_imagebuilder"


def test_the_hash_of_the_wait_leads_to_the_build(client: Client, target: Target) -> None:
    waiting = ask(client, **wish())

    tasks.prepare(target.pk)

    polled = poll(client, waiting)
    assert polled.json()["detail"] == "queued"
    assert polled.json()["request_hash"] != waiting.json()["request_hash"]
    # From now on the same request is checked at once, and is the same build.
    assert ask(client, **wish()).json()["request_hash"] == polled.json()["request_hash"]


def test_what_turns_out_wrong_is_refused_under_the_hash_of_the_wait(client: Client, target: Target) -> None:
    waiting = ask(client, **{**wish(), "packages": ["no-such-package"]})

    tasks.prepare(target.pk)

    polled = poll(client, waiting)
    assert polled.status_code == polled.json()["status"] == 422
    assert polled["X-Unknown-Package"] == "no-such-package"


def test_what_is_wrong_in_itself_is_refused_without_waiting(client: Client, target: Target) -> None:
    assert ask(client, **{**wish(), "packages": ["-%"]}).status_code == 400
    assert not ImageRequest.objects.exists()


def test_a_dead_mirror_is_a_failure_that_is_tried_again_later(
    client: Client, target: Target, mirror: MirrorFolder, settings: Settings
) -> None:
    Distribution.objects.update(url=(mirror.root / "nothing").as_uri())
    waiting = ask(client, **wish())
    tasks.prepare(target.pk)
    polled = poll(client, waiting)
    assert polled.status_code == polled.json()["status"] == 500
    assert "mirror" in polled.json()["detail"]
    assert polled.json()["stdout"] == polled.json()["stderr"] == ""  # clients print them
    assert str(mirror.root) not in polled.content.decode()
    assert ask(client, **wish()).status_code == 500

    Distribution.objects.update(url=mirror.root.as_uri())
    passed = timezone.now() - timedelta(seconds=settings.ASU_FAILURE_TTL + 1)
    ImageRequest.objects.update(tried_at=passed)
    again = ask(client, **wish())

    assert again.status_code == 202
    tasks.prepare(target.pk)
    assert poll(client, waiting).json()["detail"] == "queued"


def test_a_dead_mirror_is_not_asked_again_for_everybody_who_comes(
    client: Client, target: Target, mirror: MirrorFolder, settings: Settings
) -> None:
    mirror.root.rename(mirror.root.with_name("away"))
    first = ask(client, **wish())
    tasks.prepare(target.pk)
    mirror.root.with_name("away").rename(mirror.root)

    second = ask(client, **{**wish(), "packages": ["luci"]})
    tasks.prepare(target.pk)
    refused = poll(client, second)
    ImageRequest.objects.update(refusal={**poll(client, first).json(), "headers": {}, "failed_at": 0})
    third = ask(client, **{**wish(), "packages": ["tcpdump"]})
    tasks.prepare(target.pk)

    assert refused.json()["detail"] == poll(client, first).json()["detail"]
    assert "luci" not in refused.json()["detail"]
    # The refusals are as young as before, the failure itself is long past.
    assert not poll(client, third).json()["detail"].startswith("Error: the mirror")


def test_refused_requests_are_kept_for_a_time_and_then_removed(client: Client, target: Target) -> None:
    hours = {"young": timedelta(minutes=50), "old": timedelta(minutes=70)}
    for name, age in hours.items():
        ask(client, **{**wish(), "packages": [f"no-such-{name}"]})
        tasks.prepare(target.pk)
        target.refresh_from_db()
        ImageRequest.objects.filter(echo__packages=[f"no-such-{name}"]).update(tried_at=timezone.now() - age)
        Target.objects.update(synced_at=None)
        generation.bump()
    assert ImageRequest.objects.count() == len(hours)

    tasks.tidy()

    assert [row.echo["packages"] for row in ImageRequest.objects.all()] == [["no-such-young"]]


def test_equal_requests_wait_as_one_and_ask_the_cluster_once(client: Client, target: Target) -> None:
    hashes = {ask(client, **wish()).json()["request_hash"] for _ in range(5)}

    assert len(hashes) == 1
    assert ImageRequest.objects.count() == OrmQ.objects.count() == 1


def test_a_lost_task_is_enqueued_again(client: Client, target: Target) -> None:
    ask(client, **wish())
    OrmQ.objects.all().delete()
    assert preparing.resume_lost() == 0

    ImageRequest.objects.update(tried_at=timezone.now() - timedelta(hours=1))

    assert preparing.resume_lost() == 1
    assert OrmQ.objects.count() == 1


def test_a_request_that_can_wait_is_answered_with_the_build(client: Client, target: Target, settings: Settings) -> None:
    settings.ASU_PREPARE_WAIT = 20

    def cluster() -> None:
        while not ImageRequest.objects.preparing().exists():
            pass
        tasks.prepare(target.pk)
        connections.close_all()

    thread = threading.Thread(target=cluster)
    thread.start()
    answer = ask(client, **wish())
    thread.join()

    assert answer.json()["detail"] == "queued"


def test_one_target_is_prepared_by_one_at_a_time_and_nobody_is_forgotten(client: Client, target: Target) -> None:
    waiting = [ask(client, **{**wish(), "defaults": f"echo {number}"}) for number in range(6)]

    def prepare() -> None:
        tasks.prepare(target.pk)
        connections.close_all()

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {poll(client, answer).json()["detail"] for answer in waiting} == {"queued"}


def test_documents_of_such_a_target_are_sent_for(client: Client, target: Target) -> None:
    path = f"/json/v1/releases/{VERSION}/targets/{NAME}/index.json"

    early = client.get(path)

    assert early.status_code == early.json()["status"] == 503
    assert OrmQ.objects.count() == 1
    sync.complete_target(target)
    assert client.get(path).json()["architecture"] == "mips_24kc"


def test_a_version_in_other_letters_waits_for_the_same_target(client: Client, target: Target) -> None:
    Release.objects.update(version="SNAPSHOT")
    waiting = ask(client, **{**wish(), "version": "snapshot"})
    Target.objects.filter(pk=target.pk).update(synced_at=timezone.now())

    tasks.prepare(target.pk)

    # Checked now: this bare target has no profiles.
    assert poll(client, waiting).json()["detail"].startswith("Unsupported profile")
