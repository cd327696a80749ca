"""A maintainer at work with images."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from builders.states import State
from images.models import Image
from tests.factories import make_spec
from tests.images.publications import SYSUPGRADE, make_image, make_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def maintainer(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("maintainer"))
    return client


def act(client: Client, action: str, image: Image, **fields: str) -> Any:
    data = {"action": action, "_selected_action": [image.pk], **fields}
    return client.post("/admin/images/image/", data, follow=True)


@pytest.mark.parametrize("address", ["image/", "image/?q=tiny", "imagerequest/", "imagerequest/?q=tiny"])
def test_lists_open(maintainer: Client, address: str) -> None:
    make_image()

    answer = maintainer.get(f"/admin/images/{address}")

    assert answer.status_code == 200
    assert b"tiny" in answer.content


def test_details_open_and_never_show_the_first_boot_script(maintainer: Client) -> None:
    image = make_image()
    request = make_request(make_spec(defaults="hunter2"))

    texts = [
        maintainer.get(f"/admin/images/imagerequest/{request.pk}/change/").content,
        maintainer.get(f"/admin/images/image/{image.pk}/change/").content,
    ]

    assert b"hunter2" not in texts[0]
    assert SYSUPGRADE.encode() in texts[1]


def test_expiring_removes_the_files(maintainer: Client) -> None:
    image = make_image()

    act(maintainer, "expire", image)

    image.refresh_from_db()
    assert image.expired_at is not None
    assert maintainer.get(f"/store/{image.request.request_hash}/{SYSUPGRADE}").status_code == 410


def test_withdrawing_takes_a_public_reason(maintainer: Client) -> None:
    image = make_image()

    without = act(maintainer, "withdraw", image)
    image.refresh_from_db()
    assert image.withdrawn_at is None
    assert b"Everybody can read this sentence" in without.content

    assert b"Say why" in act(maintainer, "withdraw", image, confirmed="yes", sentence=" ").content
    act(maintainer, "withdraw", image, confirmed="yes", sentence="It had a hole.")
    image.refresh_from_db()
    assert image.withdrawn_why == "It had a hole."
    assert maintainer.get(f"/store/{image.request.request_hash}/{SYSUPGRADE}").status_code == 410


def test_building_again_queues_the_build(maintainer: Client) -> None:
    image = make_image()

    act(maintainer, "rebuild", image)

    assert image.request.build is not None
    image.request.build.refresh_from_db()
    assert image.request.build.state == State.QUEUED


def test_who_may_only_look_may_not_act(client: Client) -> None:
    image = make_image()
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_image"))
    client.force_login(reader)

    act(client, "expire", image)

    image.refresh_from_db()
    assert image.expired_at is None


def test_rows_are_not_made_by_hand(maintainer: Client) -> None:
    assert maintainer.get("/admin/images/image/add/").status_code == 403


def test_counters_open(maintainer: Client) -> None:
    make_image()

    answer = maintainer.get("/admin/stats/dailycount/")

    assert answer.status_code == 200
    assert b"builds" in answer.content
