"""A distribution's page: its state, its buttons, trying its mirror, adding one."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from packages.models import Channel, Distribution, Release, SyncRun
from packages.signatures import UsignKey
from packages.sync import journal, sync_distribution
from tests.packages.mirrors import MirrorFolder, Server

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>\u202e\x1b"
ADD = "admin:packages_distribution_add"


@pytest.fixture
def synced(distribution: Distribution) -> Distribution:
    journal.carry_out(journal.ask(distribution))
    distribution.refresh_from_db()
    return distribution


def page(client: Client, row: Distribution) -> str:
    return client.get(reverse("admin:packages_distribution_change", args=[row.pk])).content.decode()


def press(client: Client, row: Any, order: str, **more: str) -> str:
    address = reverse(f"admin:packages_{row._meta.model_name}_press", args=[row.pk])
    with TestCase.captureOnCommitCallbacks(execute=True):
        return client.post(address, {"order": order, **more}, follow=True).content.decode()


def release(version: str = "24.10.2") -> Release:
    return Release.objects.get(version=version)


def who_may(*codenames: str) -> Client:
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


# -- the page ----------------------------------------------------------------------------------------------


def test_a_healthy_distribution_says_so(synced: Distribution, admin_client: Client) -> None:
    found = page(admin_client, synced)

    assert "The mirror is fine" in found
    assert "none pinned" in found
    assert "24.10.2" in found and "stable" in found


def test_a_broken_one_says_what_failed_and_what_still_works(
    synced: Distribution, folder: MirrorFolder, admin_client: Client
) -> None:
    folder.write(".versions.json", "<html>")
    journal.carry_out(journal.ask(synced))

    found = page(admin_client, synced)

    assert "The mirror has failed since" in found
    assert ".versions.json" in found
    assert "3 releases on offer" in found


def test_what_a_mirror_says_is_shown_as_text(synced: Distribution, admin_client: Client) -> None:
    run = journal.ask(synced)
    changes = {"feeds": [{"feed": EVIL, "added": 1, "added_names": [[EVIL, EVIL]]}], "releases": {"new": [EVIL]}}
    SyncRun.objects.filter(pk=run.pk).update(
        state="failed", errors=[EVIL], notes=[EVIL], message=EVIL, changes=changes, has_changes=True
    )
    Distribution.objects.update(sync_error=EVIL, stale_since="2026-01-01T00:00Z")

    for address in (
        reverse("admin:packages_distribution_change", args=[synced.pk]),
        reverse("admin:packages_syncrun_change", args=[run.pk]),
        reverse("admin:packages_syncrun_changelist"),
    ):
        found = admin_client.get(address).content.decode()
        assert "&lt;script&gt;alert(1)" in found
        assert "<script>alert" not in found and "\u202e" not in found and "\x1b" not in found


def test_many_releases_take_no_more_questions_than_few(synced: Distribution, admin_client: Client) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert page(admin_client, synced)
        return len(asked)

    questions()  # the first page of a session notes that somebody is there
    before = questions()
    channel = Channel.objects.get(name="24.10")
    Release.objects.bulk_create(
        Release(distribution=synced, channel=channel, version=f"24.10.{number}") for number in range(10, 60)
    )

    assert questions() == before <= 50


def test_who_may_only_look_has_no_buttons_and_cannot_press(synced: Distribution) -> None:
    client = who_may("view_distribution", "view_release")

    assert "farm-button is-grave" not in page(client, synced)
    address = reverse("admin:packages_distribution_press", args=[synced.pk])
    assert client.post(address, {"order": "sync"}).status_code == 403
    check = reverse("admin:packages_distribution_check", args=[synced.pk])
    assert client.post(check, {"url": synced.url}).status_code == 403
    assert client.post(reverse(ADD), {"step": "try"}).status_code == 403


# -- syncs -------------------------------------------------------------------------------------------------


def test_sync_now_leads_to_its_page(synced: Distribution, admin_client: Client) -> None:
    found = press(admin_client, synced, "sync")

    run = SyncRun.objects.latest("id")
    assert (run.state, run.origin, run.asked_by and run.asked_by.username) == ("queued", "person", "admin")
    assert "It begins as soon as a background process is free" in found
    assert LogEntry.objects.filter(object_id=str(synced.pk), change_message__contains="Asked for a sync").exists()


def test_a_release_can_be_synced_alone_from_the_table(synced: Distribution, admin_client: Client) -> None:
    press(admin_client, synced, f"release:sync:{release().pk}")

    assert SyncRun.objects.latest("id").release == "24.10.2"


def test_the_page_of_a_sync_tells_how_far_it_is(synced: Distribution, admin_client: Client) -> None:
    run = journal.ask(synced)
    SyncRun.objects.filter(pk=run.pk).update(
        state="running", stage="names of 24.10.2", done=1, total=4, machine="elsewhere", started_at="2026-01-01T00:00Z"
    )
    SyncRun.objects.filter(pk=run.pk).update(beat_at=run.queued_at)

    answer = admin_client.get(reverse("admin:packages_syncrun_live", args=[run.pk])).json()

    assert answer["again"] is True
    assert "names of 24.10.2 \N{EN DASH} 1 of 4" in answer["parts"]["head"]
    assert 'value="25"' in answer["parts"]["head"]


# -- decisions ---------------------------------------------------------------------------------------------


def test_what_hurts_is_asked_about_first_with_what_hangs_on_it(synced: Distribution, admin_client: Client) -> None:
    order = f"release:disable:{release().pk}"

    question = press(admin_client, synced, order)
    assert "2 targets" in question
    assert release().is_enabled

    press(admin_client, synced, order, confirmed="yes")
    assert not release().is_enabled
    assert LogEntry.objects.filter(object_id=str(release().pk), change_message__contains="Disable").exists()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [("hide", "is_hidden", True), ("pin", "is_pinned", True), ("unhide", "is_hidden", False)],
)
def test_a_button_decides_at_once(
    synced: Distribution, admin_client: Client, name: str, field: str, value: bool
) -> None:
    Release.objects.update(**{field: not value})

    press(admin_client, synced, f"release:{name}:{release().pk}")

    assert getattr(release(), field) is value


def test_the_stable_release_is_chosen_and_left_to_the_mirror_again(synced: Distribution, admin_client: Client) -> None:
    press(admin_client, synced, f"release:stable:{release('23.05.5').pk}")
    synced.refresh_from_db()
    assert synced.stable_version == "23.05.5"
    assert "chosen by hand; the mirror says 24.10.2" in page(admin_client, synced)

    press(admin_client, synced, "follow")
    synced.refresh_from_db()
    assert synced.stable_version == "24.10.2"


def test_a_waiting_release_is_approved_from_the_page(synced: Distribution, admin_client: Client) -> None:
    Release.objects.filter(version="24.10.2").update(is_enabled=False, awaits_decision=True)
    assert "wait for a decision" in page(admin_client, synced)

    press(admin_client, synced, f"release:approve:{release().pk}")

    assert (release().is_enabled, release().awaits_decision) == (True, False)


def test_no_button_reaches_another_distributions_release(synced: Distribution, admin_client: Client) -> None:
    other = Distribution.objects.create(name="other", url="https://x.org")

    press(admin_client, other, f"release:hide:{release().pk}")

    assert not release().is_hidden


@pytest.mark.parametrize(
    "order",
    [
        *("", "release", "release:hide", "release:hide:x", "release:hide:" + "9" * 40, "target:hide:1", EVIL),
        *("release:sync:0", "release:approve:\x00", "channel:stable:1", "nonsense"),
    ],
)
def test_a_button_that_is_none_changes_nothing(synced: Distribution, admin_client: Client, order: str) -> None:
    before = list(Release.objects.values())

    press(admin_client, synced, order)

    assert list(Release.objects.values()) == before


# -- trying the mirror -------------------------------------------------------------------------------------


def test_the_mirror_is_tried_and_another_address_taken_over(
    synced: Distribution, server: Server, admin_client: Client
) -> None:
    check = reverse("admin:packages_distribution_check", args=[synced.pk])
    assert "The mirror fails" in admin_client.post(check, {"url": f"{server.url}/nowhere"}).content.decode()

    url = server.url.replace("127.0.0.1", "localhost")
    found = admin_client.post(check, {"url": url}).content.decode()
    assert "The mirror is fine" in found and "Use this address" in found
    with TestCase.captureOnCommitCallbacks(execute=True):
        admin_client.post(check, {"url": url, "take": ""})

    synced.refresh_from_db()
    assert synced.url == url
    assert SyncRun.objects.latest("id").state == "queued"


@pytest.mark.parametrize("url", ["", "file:///etc", "ftp://x", "http://a:b@x.org", "\x00", "x" * 600])
def test_no_odd_address_is_tried(synced: Distribution, admin_client: Client, url: str) -> None:
    check = reverse("admin:packages_distribution_check", args=[synced.pk])

    answer = admin_client.post(check, {"url": url, "take": ""})

    assert answer.status_code == 200
    assert answer.context["finding"] is None


# -- adding ------------------------------------------------------------------------------------------------


def test_one_that_ships_is_one_click_away(admin_client: Client, db: None) -> None:
    assert "Add LibreMesh" in admin_client.get(reverse(ADD)).content.decode()

    admin_client.post(reverse(ADD), {"step": "shipped", "name": "libremesh"})
    admin_client.post(reverse(ADD), {"step": "shipped", "name": "nonsense"})

    assert set(Distribution.objects.values_list("name", flat=True)) == {"openwrt", "libremesh"}


def test_another_is_tried_then_saved_with_its_keys(server: Server, admin_client: Client, db: None) -> None:
    keys = "".join(UsignKey.generate(name).public_text() for name in ("a", "b")).replace("\n", "\r\n")
    fields = {"name": "mesh", "title": "Mesh", "url": server.url, "keys": keys}

    tried = admin_client.post(reverse(ADD), {**fields, "step": "try"}).content.decode()
    assert "not signed" in tried and "Add it all the same" in tried
    assert not Distribution.objects.exists()

    with TestCase.captureOnCommitCallbacks(execute=True):
        admin_client.post(reverse(ADD), {**fields, "step": "save"})
    row = Distribution.objects.get()
    assert (row.title, row.url, row.keys.count()) == ("Mesh", server.url, 2)
    assert row.sync_runs.get().state == "queued"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "admin"},
        {"name": "Ö\x00"},
        {"url": "file:///etc"},
        {"url": "https://x.org", "is_hosted": "on"},
        {"url": "nonsense"},
        {"keys": "nonsense"},
        {"keys": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"},
    ],
)
def test_nothing_odd_is_added(admin_client: Client, wrong: dict[str, str], db: None) -> None:
    answer = admin_client.post(reverse(ADD), {"name": "mesh", "url": "https://x.org", **wrong, "step": "save"})

    assert answer.status_code == 200
    assert not Distribution.objects.exists()


def test_a_flavour_is_added_by_hand(distribution: Distribution, admin_client: Client) -> None:
    sync_distribution(distribution)

    found = admin_client.get(reverse(ADD), {"by": "hand"}).content.decode()

    assert "Be guided instead" in found and "Built on" in found


def test_what_the_page_shows_of_a_distribution_can_be_saved(synced: Distribution, admin_client: Client) -> None:
    address = reverse("admin:packages_distribution_change", args=[synced.pk])
    shown = admin_client.get(address)
    form = {name: value for name, value in shown.context["adminform"].form.initial.items() if value is not None}
    for inline in shown.context["inline_admin_formsets"]:
        form |= {f"{inline.formset.prefix}-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS")}

    answer = admin_client.post(address, {**form, "aliases": "[]", "contact": "mia@example.org"})

    assert answer.status_code == 302
    synced.refresh_from_db()
    assert synced.contact == "mia@example.org"


# -- deleting ----------------------------------------------------------------------------------------------


def delete_page(row: Any) -> str:
    return reverse(f"admin:packages_{row._meta.model_name}_delete", args=[row.pk])


def test_a_distribution_is_deleted_with_what_was_read_of_it_counted_first(
    synced: Distribution, admin_client: Client
) -> None:
    releases = synced.releases.count()

    asked = admin_client.get(delete_page(synced)).content.decode()
    answer = admin_client.post(delete_page(synced), {"post": "yes"})

    assert f"<li>Releases: {releases}</li>" in asked
    assert "<li>Sync runs: 1</li>" in asked
    assert answer.status_code == 302
    assert not Distribution.objects.exists() and not Release.objects.exists() and not SyncRun.objects.exists()


def test_the_question_before_deleting_takes_no_look_at_each_copy(synced: Distribution, admin_client: Client) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(delete_page(synced))
        return len(captured)

    questions()  # what a process asks once
    few = questions()
    for number in range(30):
        SyncRun.objects.create(distribution=synced, state="done", message=f"{number}")

    assert questions() == few
