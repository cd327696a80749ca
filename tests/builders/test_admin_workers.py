"""The maintainer sees what workers do, and tells them what to do."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from builders import clock, livelog, queue, waiting, workers
from builders.models import Build, ImageBuilder, Worker
from builders.states import Phase, State
from tests.factories import make_build, make_lease, make_worker
from tests.images.factories import make_target

pytestmark = pytest.mark.django_db

LIST = "admin:builders_worker_changelist"
EVIL = "<script>alert(1)</script>\u202e\x1b"


def page_of(client: Client, worker: Worker) -> str:
    return client.get(reverse("admin:builders_worker_change", args=[worker.pk])).content.decode()


def press(client: Client, worker: Worker, order: str, **more: str) -> str:
    address = reverse("admin:builders_worker_press", args=[worker.pk])
    return client.post(address, {"order": order, **more}, follow=True).content.decode()


def act(client: Client, action: str, *rows: Worker, **more: str) -> str:
    said = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(reverse(LIST), said, follow=True).content.decode()


def remote(name: str = "", **fields: Any) -> Worker:
    values: dict[str, Any] = {"is_local": False, "token_hash": name.ljust(64, "z")}
    return make_worker(name, **values | fields)


def who_may(*codenames: str) -> Client:
    user = User.objects.create_user(f"may-{'-'.join(codenames)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


# -- the list ----------------------------------------------------------------------------------------------


def test_workers_that_wait_for_approval_stand_first_with_a_button(admin_client: Client) -> None:
    make_worker("aaa")
    pending = remote("zzz", standing="pending", address="192.0.2.7")

    page = admin_client.get(reverse(LIST)).content.decode()

    assert "1 worker waits for approval" in page
    assert "from 192.0.2.7" in page
    assert f'formaction="{reverse("admin:builders_worker_press", args=[pending.pk])}"' in page
    assert page.index(f'data-part="standing-{pending.pk}"') < page.index(">aaa<")


def test_the_list_tells_what_each_worker_is_and_does(admin_client: Client) -> None:
    lease, busy = make_lease(make_worker(sandbox="full", version="1.2.3", cpus=4, load=1.5))
    queue.beat(lease, busy, Phase.BUILDING_IMAGE, 42)
    remote("far", seen_at=clock.now() - timedelta(hours=3), memory_mb=8192, free_memory_mb=2048)
    make_worker("ill", complaint="Only 64 MB are free.")

    page = admin_client.get(reverse(LIST)).content.decode()

    assert lease.spec_hash[:12] in page
    assert "builds the image, 42%" in page
    assert 'value="42"' in page
    assert "load 1.5 on 4 cpus" in page
    assert "memory 2.0 GB free" in page
    assert "1.2.3" in page and "sandbox full" in page
    assert "away" in page and "3 h 0 min ago" in page
    assert "Only 64 MB are free." in page


def test_the_list_tells_how_often_builds_succeeded(admin_client: Client) -> None:
    make_build(State.DONE)

    page = admin_client.get(reverse(LIST)).content.decode()

    assert "100%" in page and "1 of 1 done" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"standing__exact": "pending"}, {"p"}),
        ({"desired__exact": "drain"}, {"d"}),
        ({"kind": "local"}, {"l"}),
        ({"kind": "remote"}, {"p", "d"}),
        ({"q": "l"}, {"l"}),
    ],
)
def test_the_list_is_filtered(admin_client: Client, query: dict[str, str], found: set[str]) -> None:
    remote("p", standing="pending")
    remote("d", desired="drain")
    make_worker("l")

    rows = admin_client.get(reverse(LIST), query).context["cl"].result_list

    assert {row.name for row in rows} == found


def test_many_workers_take_no_more_questions_than_few(admin_client: Client) -> None:
    def questions(address: str) -> int:
        waiting.forget()  # or the look at the queue is asked for in some of the rounds only
        with CaptureQueriesContext(connection) as asked:
            assert admin_client.get(address).status_code == 200
        return len(asked)

    def addresses() -> list[str]:
        ids = ",".join(str(pk) for pk in Worker.objects.values_list("pk", flat=True))
        return [reverse(LIST), reverse("admin:builders_worker_live_list") + f"?ids={ids}"]

    make_lease()
    remote("first", standing="pending")
    for address in addresses():
        questions(address)  # content types and the like are remembered
    few = [questions(address) for address in addresses()]
    for number in range(12):
        make_lease()
        remote(f"more-{number}", standing="pending" if number % 2 else "approved")

    assert [questions(address) for address in addresses()] == few


def test_the_farm_is_told_above_the_list(admin_client: Client) -> None:
    make_worker(labels=["target:ath79/*"])
    make_build()

    page = admin_client.get(reverse(LIST)).content.decode()

    assert "1 waiting build has no worker" in page


def test_the_list_keeps_the_rows_that_it_shows_fresh(admin_client: Client) -> None:
    shown_one, *_ = make_worker("one"), remote("two")

    page = admin_client.get(reverse(LIST), {"kind": "local"}).content.decode()
    address = f"{reverse('admin:builders_worker_live_list')}?ids={shown_one.pk}"
    found = admin_client.get(address).json()

    assert f'data-live="{address}"' in page
    cells = {name for name in found["parts"] if name[-1].isdigit()}
    assert cells == {f"{name}-{shown_one.pk}" for name in ("standing", "now", "machine")}
    assert all(f'data-part="{name}"' in page for name in found["parts"])
    assert found["again"] is True


# -- the page ----------------------------------------------------------------------------------------------


def test_a_page_tells_what_runs_with_the_end_of_its_log(admin_client: Client) -> None:
    lease, worker = make_lease()
    queue.beat(lease, worker, Phase.DOWNLOAD_IMAGEBUILDER, 7)
    livelog.append(lease.build_id, lease.epoch, "first line\n\x1b[1mlast <b>line</b>\u202e")

    page = page_of(admin_client, worker)

    assert "downloads the ImageBuilder, 7%" in page
    assert "last &lt;b&gt;line&lt;/b&gt;&lt;U+202E&gt;" in page
    assert "\x1b" not in page and "\u202e" not in page


def test_a_page_is_told_again_with_what_changed(admin_client: Client) -> None:
    lease, worker = make_lease()
    address = reverse("admin:builders_worker_live", args=[worker.pk])
    page = page_of(admin_client, worker)
    before = admin_client.get(address).json()
    queue.beat(lease, worker, Phase.BUILDING_IMAGE, 99)
    livelog.append(lease.build_id, lease.epoch, "more")

    after = admin_client.get(address).json()

    assert f'data-live="{address}"' in page
    assert all(f'data-part="{name}"' in page for name in before["parts"])
    assert "99%" in after["parts"]["running"] and "more" in after["parts"]["running"]
    assert "99%" not in before["parts"]["running"]


def test_a_page_lists_what_the_worker_did_and_holds(admin_client: Client) -> None:
    lease, worker = make_lease()
    queue.give_back(lease, worker)
    ImageBuilder.objects.create(sha256="1" * 64, distribution="demo", version="1.0.0", target="hill/small", url="x")
    make_target("ath79/generic", imagebuilder_sha256="2" * 64)
    workers.hold(worker, ["1" * 64, "2" * 64, "abcdef0123456789".ljust(64, "0")])

    page = page_of(admin_client, worker)

    assert "given back" in page
    assert reverse("admin:builders_build_change", args=[lease.build_id]) in page
    assert "demo 1.0.0 hill/small" in page
    assert "openwrt 24.10.2 ath79/generic" in page
    assert "abcdef012345" in page


def test_a_page_tells_why_a_worker_is_suspended(admin_client: Client) -> None:
    worker = remote("bad", standing="suspended", standing_why="It failed 3 builds in a row.", strikes=3)

    page = page_of(admin_client, worker)

    assert "It failed 3 builds in a row." in page
    assert "3 builds in a row failed here" in page
    assert 'value="approve"' in page and 'value="suspend"' not in page


def test_a_remote_worker_that_was_stopped_has_to_be_started_where_it_is(
    admin_client: Client, settings: Settings
) -> None:
    settings.ASU_BASE_URL = "https://asu.example.org"
    worker = remote("far", desired="stop", seen_at=clock.now() - timedelta(hours=1))

    page = page_of(admin_client, worker)

    assert "the server cannot start it" in page
    assert "python3 asu-worker.pyz --server https://asu.example.org" in page


def test_what_workers_say_is_never_taken_for_html(admin_client: Client) -> None:
    texts = ("name", "version", "sandbox_detail", "complaint", "standing_why", "address")
    worker = remote("x", standing="pending", sandbox="<script>\u202e")
    Worker.objects.filter(pk=worker.pk).update(**{name: EVIL for name in texts if name != "version"}, version=EVIL[:40])

    pages = [admin_client.get(reverse(LIST)).content.decode(), page_of(admin_client, worker)]
    pages += admin_client.get(reverse("admin:builders_worker_live", args=[worker.pk])).json()["parts"].values()
    pages += [press(admin_client, worker, "revoke"), press(admin_client, worker, "approve")]

    for page in pages:
        assert "<script>alert" not in page and "<script>\u202e" not in page
        assert "\x1b" not in page


def test_labels_are_edited_and_nothing_else_is_touched(admin_client: Client) -> None:
    worker = remote("far", strikes=2)
    address = reverse("admin:builders_worker_change", args=[worker.pk])
    Worker.objects.filter(pk=worker.pk).update(complaint="meanwhile")

    said = {"labels": "target:ath79/*, arch:mips_24kc\narch:mips_24kc", "desired": "stop"}
    answer = admin_client.post(address, said)

    worker.refresh_from_db()
    assert answer.status_code == 302
    assert worker.labels == ["arch:mips_24kc", "target:ath79/*"]
    assert (worker.desired, worker.complaint, worker.strikes) == ("run", "meanwhile", 2)
    assert LogEntry.objects.get(action_flag__lt=10).object_id == str(worker.pk)


def test_a_label_that_says_nothing_is_refused_with_what_would_be_right(admin_client: Client) -> None:
    worker = remote("far")

    page = admin_client.post(reverse("admin:builders_worker_change", args=[worker.pk]), {"labels": "mips"}).content

    worker.refresh_from_db()
    assert worker.labels == []
    assert b"is not a label; write distribution:openwrt" in page


# -- buttons -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "order", "after", "sentence"),
    [
        ({"standing": "pending"}, "approve", {"standing": "approved"}, "it gets builds within seconds"),
        ({"standing": "suspended", "strikes": 3}, "approve", {"standing": "approved", "strikes": 0}, "It is approved"),
        ({}, "drain", {"desired": "drain"}, "what it builds now is finished first"),
        ({}, "stop", {"desired": "stop"}, "hears of that within seconds, gives back what it builds, and ends"),
        ({"desired": "drain"}, "run", {"desired": "run"}, "hears of that within seconds"),
        ({"desired": "stop", "seen_at": None}, "run", {"desired": "run"}, "but it does not run. To start it again"),
        ({"is_local": True}, "stop", {"desired": "stop"}, "Run starts it again"),
        ({"is_local": True, "desired": "stop"}, "run", {"desired": "run"}, "the server starts it"),
        ({}, "suspend", {"standing": "suspended"}, "until somebody approves it"),
    ],
)
def test_a_button_does_what_it_says_and_tells_what_will_happen(
    admin_client: Client, before: dict[str, Any], order: str, after: dict[str, Any], sentence: str
) -> None:
    worker = remote("far", **before)

    page = press(admin_client, worker, order)

    worker.refresh_from_db()
    assert {name: getattr(worker, name) for name in after} == after
    assert sentence in page
    assert LogEntry.objects.get(action_flag__lt=10).object_id == str(worker.pk)


def test_the_same_is_done_to_many_from_the_list(admin_client: Client) -> None:
    several = [remote(name) for name in ("a", "b")]
    waits = remote("c", standing="pending")

    page = act(admin_client, "drain", *several, waits)

    assert set(Worker.objects.filter(desired="drain")) == set(several)
    assert "Worker a: It takes no further build" in page
    assert "Worker c was left alone: it is pending; approve it first." in page
    assert LogEntry.objects.filter(action_flag__lt=10).count() == 2


def test_a_worker_is_revoked_only_after_a_second_thought(admin_client: Client) -> None:
    lease, worker = make_lease(remote("far"))

    asked = press(admin_client, worker, "revoke")
    standing = Worker.objects.get(pk=worker.pk).standing
    told = press(admin_client, worker, "revoke", confirmed="yes")

    assert "Revoke 1 worker" in asked and standing == "approved"
    assert Worker.objects.get(pk=worker.pk).standing == "revoked"
    assert Build.objects.get(pk=lease.build_id).state == State.QUEUED
    assert "manage.py worker_token far" in told
    assert LogEntry.objects.filter(action_flag__lt=10).count() == 1


def test_many_are_revoked_from_the_list_after_a_second_thought(admin_client: Client) -> None:
    far, here = remote("far"), make_worker("here")

    asked = act(admin_client, "revoke", far, here)
    act(admin_client, "revoke", far, here, confirmed="yes")

    assert f'name="_selected_action" value="{far.pk}"' in asked
    assert "here will be left alone: it runs on the server&#x27;s own machine" in asked
    assert list(Worker.objects.filter(standing="revoked")) == [far]


def test_a_button_in_the_list_leads_back_to_the_list(admin_client: Client) -> None:
    worker = remote("far", standing="pending")
    address = reverse("admin:builders_worker_press", args=[worker.pk])

    answer = admin_client.post(address, {"order": "approve", "back": "list"})

    assert (answer.status_code, answer["Location"]) == (302, reverse(LIST))


def test_a_button_that_is_none_does_nothing(admin_client: Client) -> None:
    page = press(admin_client, remote("far"), "explode")

    assert "There is no such button" in page


# -- who may -----------------------------------------------------------------------------------------------


def test_who_may_only_look_sees_all_and_changes_nothing() -> None:
    client, worker = who_may("view_worker"), remote("far", standing="pending")

    pages = [client.get(reverse(LIST)).content.decode(), page_of(client, worker)]
    answer = client.post(reverse("admin:builders_worker_press", args=[worker.pk]), {"order": "approve"})
    act(client, "approve", worker)
    client.post(reverse("admin:builders_worker_change", args=[worker.pk]), {"labels": "arch:x86"})

    worker.refresh_from_db()
    assert answer.status_code == 403
    assert (worker.standing, worker.labels) == ("pending", [])
    assert all('value="approve"' not in page for page in pages)
    assert client.get(reverse("admin:builders_worker_live", args=[worker.pk])).status_code == 200


def test_the_log_of_a_build_is_for_those_who_may_look_at_builds() -> None:
    lease, worker = make_lease()
    livelog.append(lease.build_id, lease.epoch, "a line of the log")

    assert "a line of the log" not in page_of(who_may("view_worker"), worker)
    assert "a line of the log" in page_of(who_may("view_worker", "view_build"), worker)


def test_strangers_learn_nothing() -> None:
    client, worker = who_may("view_build"), make_worker()
    addresses = [
        reverse("admin:builders_worker_live_list"),
        reverse("admin:builders_worker_live", args=[worker.pk]),
        reverse(LIST),
    ]

    assert [client.get(address).status_code for address in addresses] == [403, 403, 403]
    assert [Client().get(address).status_code for address in addresses] == [302, 302, 302]


def test_buttons_are_posted_with_a_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    worker = remote("far", standing="pending")
    address = reverse("admin:builders_worker_press", args=[worker.pk])

    assert client.post(address, {"order": "approve"}).status_code == 403
    assert client.get(address, {"order": "approve"}).status_code == 405
    assert Worker.objects.get(pk=worker.pk).standing == "pending"


def test_a_worker_that_may_build_is_not_deleted(admin_client: Client) -> None:
    able, refused, old = remote("able"), remote("refused", standing="revoked"), make_worker("old", seen_at=None)
    here = make_worker("here")

    for worker in (able, refused, old, here):
        admin_client.post(reverse("admin:builders_worker_delete", args=[worker.pk]), {"post": "yes"})

    assert set(Worker.objects.values_list("name", flat=True)) == {"able", "here"}


def test_a_page_that_is_not_there_is_not_found(admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:builders_worker_live", args=[99999])).status_code == 404
    said = {"ids": "99999,x,,-1," + "9" * 18}
    found = admin_client.get(reverse("admin:builders_worker_live_list"), said).json()["parts"]
    assert set(found) == {"farm", "pending"}


def test_no_script_stands_in_the_page(admin_client: Client) -> None:
    """The policy of the admin lets scripts come from files only."""
    answer = admin_client.get(reverse(LIST))

    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "admin-live.js" in answer.content.decode()
    assert "<script>" not in answer.content.decode() and "onclick" not in answer.content.decode()
