"""The first page of the admin: what it tells, where it leads, and what it costs."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from builders.models import Build, ImageBuilder, JoinToken, Worker
from builders.states import Reason, State
from packages.admin.base import OffIndex
from packages.models import Distribution, Release
from stats import room_use
from tests.factories import make_build, make_worker
from tests.images.factories import make_target

pytestmark = pytest.mark.django_db

HOME = "/admin/"


def part(client: Client, name: str) -> str:
    return str(client.get(reverse("admin:today_live")).json()["parts"][name])


def test_with_nothing_to_do_it_says_so(admin_client: Client) -> None:
    page = admin_client.get(HOME).content.decode()

    assert "Nothing waits for you." in page
    assert "Nothing is being built just now." in page
    assert "No build failed." in page


def test_a_worker_that_asks_to_join_is_approved_from_there(admin_client: Client) -> None:
    worker = make_worker("barn <7>", is_local=False, standing=Worker.Standing.PENDING, address="192.0.2.7")
    shown = part(admin_client, "decisions")
    assert "The worker barn &lt;7&gt; from 192.0.2.7 asks to join." in shown
    press = f"{reverse('admin:builders_worker_press', args=[worker.pk])}?back=today"
    assert f'formaction="{press}"' in shown

    answer = admin_client.post(press, {"order": "approve"})

    assert answer["Location"] == HOME
    worker.refresh_from_db()
    assert worker.standing == Worker.Standing.APPROVED
    assert "asks to join" not in part(admin_client, "decisions")


def test_what_is_wrong_leads_to_where_it_is_decided(admin_client: Client) -> None:
    distribution = make_target().release.distribution
    Distribution.objects.update(
        stale_since=timezone.now(), sync_error="404 \x1b[31m\u202eevil", url="https://a.example"
    )
    make_worker("bad", is_local=False, standing=Worker.Standing.SUSPENDED, standing_why="It failed three.")
    make_build(State.PARKED)
    ImageBuilder.objects.create(sha256="1" * 64, distribution="x", version="1", target="a/b", url="x", status="broken")
    JoinToken.objects.create(token_hash="x", expires_at=timezone.now() + timedelta(hours=1))

    shown = part(admin_client, "decisions")

    for sentence in (
        f"The mirror of {distribution} fails since",
        "No key of openwrt is pinned",
        "The worker bad is suspended: It failed three.",
        "1 build was put aside",
        "1 ImageBuilder is broken.",
        "1 token to join with ends within a day",
    ):
        assert sentence in shown, sentence
    assert "\x1b" not in shown and "\u202e" not in shown
    for url in set(_links(shown)):
        assert admin_client.get(url).status_code == 200, url
    assert f'form="sync-now" name="_selected_action" value="{distribution.pk}"' in shown


def _links(html: str) -> list[str]:
    return [piece.split('"')[0].replace("&amp;", "&") for piece in html.split('href="')[1:]]


def test_releases_that_wait_are_to_be_decided_on_and_those_switched_off_are_not(admin_client: Client) -> None:
    release = make_target().release
    Distribution.objects.update(enables_new_releases=False)
    for version, awaits in (("24.10.3", True), ("23.05.1", False)):
        Release.objects.create(
            distribution=release.distribution,
            channel=release.channel,
            version=version,
            is_enabled=False,
            awaits_decision=awaits,
        )

    shown = part(admin_client, "decisions")

    assert "has a new release that is not offered yet: 24.10.3." in shown
    assert "23.05.1" not in shown
    (place,) = (url for url in _links(shown) if "packages/release" in url)
    rows = admin_client.get(place).context["cl"].result_list
    assert [row.version for row in rows] == ["24.10.3"]


def test_failures_of_the_day_lead_to_their_builds(admin_client: Client) -> None:
    for reason in (Reason.CRASH, Reason.CRASH, Reason.IMAGE_TOO_BIG):
        make_build(State.FAILED, reason=reason)
    old = make_build(State.FAILED, reason=Reason.TIMEOUT)
    Build.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=2))

    shown = part(admin_client, "failures")

    assert shown.index(Reason.CRASH.label) < shown.index(Reason.IMAGE_TOO_BIG.label)
    assert Reason.TIMEOUT.label not in shown and 'width="50"' in shown
    url = f"{reverse('admin:builders_build_changelist')}?reason={Reason.CRASH.value}"
    assert url in _links(shown)
    assert "2 builds" in admin_client.get(url).content.decode()


def test_what_is_built_now_is_shown_with_its_phase(admin_client: Client) -> None:
    build = make_build(State.BUILDING)
    Build.objects.filter(pk=build.pk).update(phase="building_image", progress=40, started_at=timezone.now())

    shown = part(admin_client, "running")

    assert "tiny" in shown and "demo 1.0.0 hill/small" in shown and "40%" in shown
    assert "builds 1 of 1" in part(admin_client, "workers")


def test_room_is_measured_by_a_chore_and_names_with_the_same_bytes_count_once(
    admin_client: Client, settings: Settings
) -> None:
    assert "not measured yet" in part(admin_client, "room")
    cache = settings.ASU_CACHE_DIR
    (cache / "archives").mkdir()
    (cache / "one").write_bytes(b"x" * 2**20)
    (cache / "two").hardlink_to(cache / "one")
    (cache / "archives" / "three").write_bytes(b"x" * 2**21)

    room_use.measure()

    uses = {use.name: use.used for use in room_use.look().uses}
    assert (uses["packages and indexes"], uses["archives for workers"], uses["images"]) == (2**20, 2**21, 0)
    assert "not measured yet" not in part(admin_client, "room")
    (settings.ASU_RUN_DIR / "room.json").write_text("[]")
    assert "not measured yet" in part(admin_client, "room")


def test_a_full_disk_comes_first(admin_client: Client, settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 10**9

    assert "MB are needed" in part(admin_client, "decisions")


def test_a_store_that_is_gone_is_told_and_breaks_nothing(admin_client: Client, settings: Settings) -> None:
    settings.ASU_STORE_DIR.rmdir()

    assert "The free disk space cannot be read: No such file or directory." in part(admin_client, "decisions")


def test_the_number_of_questions_does_not_grow(admin_client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        make_target("ath79/generic", distribution=f"d{number}")
        make_worker(f"w{number}", standing=Worker.Standing.PENDING)
        make_build(State.FAILED)
    Distribution.objects.update(stale_since=timezone.now(), url="https://a.example")
    admin_client.get(HOME)

    with django_assert_max_num_queries(36):
        page = admin_client.get(HOME)

    assert len(page.content) < 60_000


def test_the_menu_is_grouped_by_what_people_do_and_has_everything_once(admin_client: Client) -> None:
    from django.contrib import admin

    groups = admin_client.get(HOME).context["app_list"]

    names = [str(group["name"]) for group in groups]
    assert names == ["Catalogue", "Requests and images", "Farm", "People and access", "Watching", "Chores"]
    listed = [model["model"] for group in groups for model in group["models"]]
    shown = [model for model, owner in admin.site._registry.items() if not isinstance(owner, OffIndex)]
    assert len(listed) == len(set(listed)) and set(listed) == set(shown)
    for group in groups:
        for model in group["models"]:
            assert admin_client.get(model["admin_url"]).status_code == 200


def test_strangers_are_sent_to_the_door(client: Client) -> None:
    assert client.get(HOME)["Location"] == "/admin/login/?next=/admin/"
    assert client.get(reverse("admin:today_live")).status_code == 302
