"""A maintainer at work with images."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from builders.models import Build
from builders.states import State
from images import impact, tallies, tasks
from images.models import ClientToken, DownloadCount, Image
from packages.models import Organisation
from stats.models import DailyCount
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


@pytest.mark.parametrize(("days", "is_shown"), [("7", True), ("1", False), ("nonsense", False), ("9" * 30, False)])
def test_counters_are_found_by_their_day(maintainer: Client, days: str, is_shown: bool) -> None:
    day = timezone.now().date() - timedelta(days=3)
    DailyCount.objects.create(day=day, name="package", key="tiny-editor", count=4)

    answer = maintainer.get(f"/admin/stats/dailycount/?days={days}")

    assert (b"tiny-editor" in answer.content) is is_shown


def test_images_of_a_release_are_counted_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    request = make_image().request
    place = request.distribution, request.version

    exactly = list(impact.counts([place]))
    monkeypatch.setattr(impact, "MOST_IMAGES", 0)
    so_far = list(impact.counts([place]))

    assert exactly == ["1 request so far", "1 image that can be downloaded"]
    assert so_far == ["1 request so far", "more than 0 images that can be downloaded"]


# -- pinned, withdrawn, counted ----------------------------------------------------------------------------


def press(client: Client, image: Image, order: str, **more: str) -> str:
    address = f"/admin/images/image/{image.pk}/press/"
    return client.post(address, {"order": order, **more}, follow=True).content.decode()


def test_a_pinned_image_is_not_expired_by_hand_until_it_is_unpinned(maintainer: Client) -> None:
    image = make_image()

    press(maintainer, image, "pin")
    said = press(maintainer, image, "expire")
    image.refresh_from_db()
    assert image.is_pinned and image.is_served
    assert "Left alone: 1." in said

    press(maintainer, image, "unpin")
    press(maintainer, image, "expire")
    assert not Image.objects.served().exists()
    assert {"Pinned.", "Unpinned.", "Expired."} <= set(LogEntry.objects.values_list("change_message", flat=True))


def test_an_image_is_withdrawn_from_the_page_of_its_build(maintainer: Client) -> None:
    image = make_image()
    build = image.request.build
    assert build is not None
    address = f"/admin/builders/build/{build.pk}/"

    page = maintainer.get(f"{address}change/").content.decode()
    asked = maintainer.post(f"{address}press/", {"order": "withdraw"}).content.decode()
    said = {"order": "withdraw", "confirmed": "yes", "suggestion": "It has a hole.", "sentence": ""}
    maintainer.post(f"{address}press/", said)

    image.refresh_from_db()
    assert 'value="withdraw"' in page and f"/images/{image.request.request_hash}/" in page
    assert "What will happen" in asked and "tiny" in asked
    assert image.withdrawn_why == "It has a hole."
    assert "It has a hole." in maintainer.get(f"/images/{image.request.request_hash}/").content.decode()
    assert 'value="withdraw"' not in maintainer.get(f"{address}change/").content.decode()


def test_a_withdrawn_image_is_not_built_again_and_keeps_its_sentence(maintainer: Client) -> None:
    image = make_image()
    act(maintainer, "withdraw", image, confirmed="yes", sentence="It had a hole.")

    act(maintainer, "rebuild", image)
    act(maintainer, "withdraw", image, confirmed="yes", sentence="Something else.")

    image.refresh_from_db()
    assert image.withdrawn_why == "It had a hole."
    assert image.request.build is not None and Build.objects.get().state == State.DONE


@pytest.mark.parametrize("sentence", ["", " \n ", "x" * 501, "turned \u202e around", "bell \x07"], ids=ascii)
def test_a_sentence_that_cannot_be_shown_withdraws_nothing(maintainer: Client, sentence: str) -> None:
    image = make_image()

    act(maintainer, "withdraw", image, confirmed="yes", sentence=sentence)

    image.refresh_from_db()
    assert image.withdrawn_at is None


def test_who_may_change_builds_only_withdraws_no_image(client: Client) -> None:
    image = make_image()
    assert image.request.build is not None
    user = User.objects.create_user("builder", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_build", "change_build")))
    client.force_login(user)
    said = {"order": "withdraw", "confirmed": "yes", "sentence": "No."}

    client.post(f"/admin/builders/build/{image.request.build.pk}/press/", said)

    image.refresh_from_db()
    assert image.withdrawn_at is None


def test_downloads_are_counted_by_kind_of_client_and_never_by_whom(maintainer: Client) -> None:
    image = make_image()
    address = f"/store/{image.request.request_hash}/{SYSUPGRADE}"
    for agent in ("owut/2026.04", "owut/2025.1", "curl/8.1", "Mozilla/5.0 (X11)", ""):
        b"".join(Client().get(address, headers={"User-Agent": agent}).streaming_content)  # type: ignore[attr-defined]

    assert tallies.by_kind(image) == [("owut", 2), ("browser", 1), ("curl", 1), ("other", 1)]
    page = maintainer.get(f"/admin/images/image/{image.pk}/change/").content.decode()
    assert "<dt>owut</dt><dd>2</dd>" in page


def test_counts_of_long_ago_go_and_the_sum_stays(maintainer: Client) -> None:
    image = make_image()
    tallies.add(image.pk, "owut")
    DownloadCount.objects.update(day=timezone.now().date() - timedelta(days=tallies.DAYS + 1))
    tallies.add(image.pk, "curl")

    tasks.tidy()

    assert tallies.by_kind(image) == [("curl", 1)]


def test_the_page_of_an_organisation_shows_a_bounded_number_of_tokens(maintainer: Client) -> None:
    meadow = Organisation.objects.create(name="meadow", title="Meadow")
    ClientToken.objects.bulk_create(
        ClientToken(name=f"router-{number:03}", token_hash=f"{number:064}", organisation=meadow) for number in range(60)
    )

    page = maintainer.get(f"/admin/packages/organisation/{meadow.pk}/change/").content.decode()
    listed = maintainer.get("/admin/packages/organisation/").content.decode()

    assert "router-059" in page and "router-009" not in page
    assert ">60</a>" in listed


def test_tokens_are_disabled_and_enabled_together(maintainer: Client) -> None:
    token = ClientToken.objects.create(name="router", token_hash="0" * 64)

    for action, is_enabled in (("disable", False), ("enable", True)):
        maintainer.post("/admin/images/clienttoken/", {"action": action, "_selected_action": [token.pk]})
        token.refresh_from_db()
        assert token.is_enabled is is_enabled
    assert LogEntry.objects.filter(action_flag=CHANGE).count() == 2
