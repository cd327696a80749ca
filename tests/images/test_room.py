"""A store that grows over its quota, or whose disk runs full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from builders.models import Build
from builders.states import Reason, State
from images import services, storage, tasks
from images.models import Image, ImageFile, ImageRequest
from tests.images.factories import ask, make_target
from tests.images.publications import DATA, asked, publish, published

pytestmark = pytest.mark.django_db

GB = 2**30
# More than any disk has: this much is always missing, whatever else this machine does.
HUGE = 10**9


@pytest.fixture(autouse=True)
def target() -> None:
    make_target()


@pytest.fixture
def images(client: Client) -> list[Image]:
    """Three, the least recently used first, of the same size: none was asked for within the last hour."""
    made = [published(client, packages=[name]) for name in ("luci", "vim", "tcpdump")]
    for hours, image in enumerate(reversed(made), start=2):
        asked(image, timedelta(hours=hours))
    return made


def are_of(size: int) -> None:
    """Makes each image's rows tell of so many bytes."""
    ImageFile.objects.update(size=0)
    for image in Image.objects.all():
        ImageFile.objects.filter(pk=image.files.all()[0].pk).update(size=size)


def served() -> list[Image]:
    return list(Image.objects.served().order_by("pk"))


# -- quota -------------------------------------------------------------------------------------------------


def test_over_the_quota_the_least_recently_used_go(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_QUOTA_GB = 2
    are_of(GB)
    asked(images[0], timedelta(hours=1, minutes=30))

    tasks.tidy()

    assert served() == [images[0], images[2]]
    assert not storage.folder(images[1].request.request_hash).exists()


def test_within_the_quota_nothing_goes(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_QUOTA_GB = 3
    are_of(GB)

    tasks.tidy()

    assert served() == images


def test_what_was_just_asked_for_stays_though_the_quota_is_exceeded(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_QUOTA_GB = 1
    are_of(GB)
    for image in images[:2]:
        asked(image, timedelta(minutes=50))

    tasks.tidy()

    assert served() == images[:2]


def test_evidence_neither_goes_nor_pushes_others_out(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_QUOTA_GB = 2
    are_of(GB)
    services.withdraw(images[0], "It had a hole.")

    tasks.tidy()

    assert served() == images[1:]
    assert storage.folder(images[0].request.request_hash).is_dir()


# -- free space --------------------------------------------------------------------------------------------


def test_on_a_full_disk_as_many_go_as_are_needed(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_MIN_FREE_GB = HUGE
    are_of(HUGE * GB * 6 // 10)

    tasks.tidy()

    assert served() == images[2:]


def test_a_disk_that_others_filled_costs_no_image(
    images: list[Image], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """All images together would not bring as much free space as is wanted."""
    settings.ASU_STORE_MIN_FREE_GB = HUGE

    tasks.tidy()

    assert served() == images
    assert "no images would help" in caplog.text


def test_a_disk_that_fills_on_and_on_does_not_eat_the_store_at_once(
    images: list[Image], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Room was made a moment ago, and nothing was published since."""
    settings.ASU_STORE_MIN_FREE_GB = HUGE
    are_of(HUGE * GB)
    tasks.tidy()
    left = served()
    assert len(left) == 2
    Image.objects.update(published_at=timezone.now() - timedelta(days=1))

    tasks.tidy()

    assert len(served()) >= 1  # what an hour's share of a few milliseconds comes to: one image at most
    assert "something else than images takes the space" in caplog.text


def test_images_just_asked_for_are_not_counted_as_room(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_MIN_FREE_GB = HUGE
    are_of(HUGE * GB * 6 // 10)
    for image in images[1:]:
        asked(image, timedelta(minutes=50))

    tasks.tidy()

    assert served() == images


# -- a new image on a full disk ----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A store on a disk of its own, with room for three images and a bit."""
    place = tmp_path / "small"
    place.mkdir()
    size = 3 * sum(map(len, DATA.values())) + 500_000
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    settings.ASU_STORE_DIR = place
    settings.ASU_STORE_MIN_FREE_GB = 0
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def one_more(client: Client) -> Build:
    answer: Any = ask(client, packages=["luci", "vim"])
    request = ImageRequest.objects.get(request_hash=answer.json()["request_hash"])
    with suppress(Image.DoesNotExist):
        publish(request)
    return Build.objects.get(request=request)


def test_a_new_image_on_a_full_disk_takes_the_place_of_the_least_recently_used(
    client: Client, small_disk: Path, images: list[Image]
) -> None:
    build = one_more(client)

    assert build.state == State.DONE
    assert served()[:2] == images[1:]
    assert len(list(live.ASU_STORE_DIR.iterdir())) == 3


def test_where_nothing_else_helps_the_hour_of_grace_is_cut_short(
    client: Client, small_disk: Path, images: list[Image]
) -> None:
    for image in images:
        asked(image, timedelta(minutes=20))

    assert one_more(client).state == State.DONE


def test_a_new_image_never_takes_the_place_of_one_just_asked_for(
    client: Client, small_disk: Path, images: list[Image]
) -> None:
    for image in images:
        asked(image, timedelta(minutes=10))

    build = one_more(client)

    assert (build.state, build.reason) == (State.FAILED, Reason.DISK_FULL)
    assert served() == images
    assert len(list(live.ASU_STORE_DIR.iterdir())) == 3


def test_a_disk_too_full_for_a_new_image_costs_no_other(client: Client, small_disk: Path, images: list[Image]) -> None:
    for image in images[:2]:
        services.expire(image)
    (small_disk / ".draft-filler").write_bytes(bytes(2 * sum(map(len, DATA.values())) + 450_000))
    ImageFile.objects.filter(image=images[2]).update(size=1)

    build = one_more(client)

    assert (build.state, build.reason) == (State.FAILED, Reason.DISK_FULL)
    assert served() == images[2:]


# -- pinned ------------------------------------------------------------------------------------------------


def test_a_pinned_image_stays_when_the_store_is_over_its_quota(images: list[Image], settings: Settings) -> None:
    settings.ASU_STORE_QUOTA_GB = 2
    are_of(GB)
    services.pin(images[0])

    tasks.tidy()

    # Without the pin it would have been the first to go.
    assert images[0] in served() and len(served()) == 2


def test_a_pinned_image_does_not_grow_old(images: list[Image]) -> None:
    asked(images[0], timedelta(days=400))
    asked(images[1], timedelta(days=400))
    services.pin(images[0])

    tasks.tidy()

    assert served() == [images[0], images[2]]
