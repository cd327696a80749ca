"""The list of images: found by words, in parts."""

from typing import Any

import pytest
from django.test import Client

from builders import queue
from builders.models import Build
from builders.spec import BuildFailedError
from builders.states import Reason
from images import asked_for, listing
from images.models import ImageRequest
from packages.visibility import PUBLIC
from tests.factories import make_spec, make_worker
from tests.images.publications import make_image, make_request

pytestmark = pytest.mark.django_db


def found(*words: str, state: str = "", before: int | None = None, most: int = 25) -> list[str]:
    return [row.profile for row in listing.part(PUBLIC, words, state, before, most).rows]


def request(profile: str, **changes: Any) -> ImageRequest:
    return make_request(make_spec(profile=profile, **changes))


def test_words_mean_devices_targets_releases_distributions_and_hashes() -> None:
    archer = request("tplink_archer-c7-v2", target="ath79/generic", version="24.10.2")
    request("rpi-4", target="bcm27xx/bcm2711", version="23.05.5", distribution="openwrt")

    assert found("ARCHER") == found("ath79", "c7") == found("24.10", "archer") == ["tplink_archer-c7-v2"]
    assert found("openwrt") == found("23.05.5") == ["rpi-4"]
    assert found(archer.request_hash[:8]) == ["tplink_archer-c7-v2"]
    assert found("archer", "bcm27xx") == found("archer", "nonsense") == found("zzz") == []


def test_a_word_that_means_several_things_hides_none_of_them() -> None:
    request("demo-box", distribution="openwrt")
    request("other", distribution="demo")

    assert found("demo") == ["other", "demo-box"]


def test_what_was_asked_for_just_now_is_found_by_processes_that_looked_before() -> None:
    request("first")
    assert found("second") == []

    request("second")

    assert found("second") == ["second"]


def test_beyond_the_window_the_list_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "WINDOW", 10)
    monkeypatch.setattr(listing, "_FEW", 0)
    rows = [request("rare" if number == 0 else f"x{number}") for number in range(25)]

    seen, before, parts = [], None, 0
    while True:
        part = listing.part(PUBLIC, ["rare"], before=before)
        seen += [row.profile for row in part.rows]
        parts += 1
        if part.further is None or part.further <= rows[0].pk:
            break
        before = part.further

    assert seen == ["rare"]
    assert parts == 3


def test_a_device_that_many_asked_for_is_gone_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_OF_EACH", 4)
    rows = [request("popular" if number % 2 else "rare") for number in range(20)]
    wanted = [row.pk for row in reversed(rows) if row.profile == "popular"]

    seen: list[int] = []
    before = None
    while True:
        part = listing.part(PUBLIC, ["popular"], before=before, most=3)
        seen += [row.pk for row in part.rows]
        if part.further is None:
            break
        before = part.further

    assert seen == wanted


def test_states_are_told_apart() -> None:
    make_image()
    request("failed")
    lease = queue.lease(worker := make_worker())
    assert lease is not None
    queue.fail(lease, worker, BuildFailedError(Reason.FILE_CLASH, "It failed."))
    request("waits")

    assert found(state="waiting") == ["waits"]
    assert found(state="failed") == ["failed"]
    assert found(state="ready") == ["tiny"]


def test_all_devices_and_releases_that_were_asked_for_are_known_each_once() -> None:
    pairs = [("a", "x/1"), ("a", "x/2"), ("a", "y/1"), ("b", "x/1"), ("b-c", "a/a"), ("z", "x/1")]
    for number, (profile, target) in enumerate(pairs * 3):
        where = {"distribution": f"d{number % 2}", "version": "24.10", "target": target, "profile": profile}
        ImageRequest.objects.create(request_hash=f"{number:064}", echo={}, **where)

    devices, releases = asked_for.narrowed(["/"], 10), asked_for.narrowed(["24.1"], 10)
    assert devices == [{"profile": profile, "target": target} for profile, target in pairs]
    assert releases == [{"distribution": name, "version": "24.10"} for name in ("d0", "d1")]

    ImageRequest.objects.all().delete()
    assert asked_for.narrowed(["/"], 10) == []


def test_a_part_costs_few_questions_however_many_rows(client: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        request(f"device-{number}")
    client.get("/images/", {"q": "device"})

    with django_assert_max_num_queries(8):
        client.get("/images/", {"q": "device"})
    with django_assert_max_num_queries(8):
        client.get("/images/", {"state": "waiting"})
    asked_for.forget()
    assert Build.objects.count() == 60
