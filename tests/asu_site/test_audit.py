"""Whatever changes something leaves an entry: who, what, when, from what to what."""

import io
import shutil
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from builders.models import Worker
from builders.states import State
from images import publishing, storage
from packages import audit
from packages.models import Channel, Distribution, Release
from stats.models import DailyCount
from tests.factories import make_build, make_worker
from tests.images.factories import make_target
from tests.images.publications import make_image

pytestmark = pytest.mark.django_db
AUDIT = "/admin/admin/logentry/"


def done() -> list[tuple[str, str, int]]:
    """What was done by whom since the tests began, without coming and going."""
    rows = LogEntry.objects.filter(action_flag__lt=10).order_by("pk").select_related("user")
    return [(row.user.username, str(row.get_change_message()), row.action_flag) for row in rows]


@pytest.mark.parametrize(
    ("model", "action", "what"),
    [
        ("release", "disable", "Disable."),
        ("target", "enable", "Enable."),
        ("distribution", "sync_now", "Asked for a sync."),
    ],
)
def test_actions_of_lists(admin_client: Client, model: str, action: str, what: str) -> None:
    target = make_target(is_enabled=False)
    row = {"release": target.release, "target": target, "distribution": target.release.distribution}[model]

    form = {"action": action, "_selected_action": [row.pk], "confirmed": "yes"}
    admin_client.post(f"/admin/packages/{model}/", form)

    assert done() == [("admin", what, audit.CHANGE)]
    assert LogEntry.objects.get(action_flag=audit.CHANGE).object_repr == str(row)


def test_what_is_left_alone_is_not_in_the_log(admin_client: Client) -> None:
    target, build = make_target(), make_build(State.BUILDING)

    admin_client.post("/admin/packages/target/", {"action": "enable", "_selected_action": [target.pk]})
    admin_client.post("/admin/builders/build/", {"action": "retry", "_selected_action": [build.pk]})
    admin_client.post(reverse("admin:builders_build_press", args=[build.pk]), {"order": "retry"})

    assert done() == []


def test_buttons_write_one_entry_each(admin_client: Client) -> None:
    build, worker = make_build(State.FAILED), make_worker()
    admin_client.post(reverse("admin:builders_build_press", args=[build.pk]), {"order": "retry"})
    admin_client.post(reverse("admin:builders_worker_press", args=[worker.pk]), {"order": "drain"})
    admin_client.post(reverse("admin:builders_worker_press", args=[worker.pk]), {"order": "no-such"})

    assert [row[:2] for row in done()] == [("admin", "Queued again."), ("admin", "Drain.")]
    assert Worker.objects.get(pk=worker.pk).desired == "drain"


def test_fields_are_told_from_what_to_what(admin_client: Client) -> None:
    channel = make_target().release.channel
    other = Distribution.objects.create(name="other", url="https://b.example")
    page = reverse("admin:packages_channel_change", args=[channel.pk])
    form = {"distribution": other.pk, "name": "24.10", "path": "new/<b>", "is_enabled": "on", "branch_off_rev": ""}

    assert admin_client.post(page, form).status_code == 302

    values = audit.values_of(LogEntry.objects.get(action_flag=audit.CHANGE))
    assert values["Path"] == ["releases/{version}", "new/<b>"]
    assert values["Distribution"] == ["openwrt", "other"]
    shown = admin_client.get(AUDIT).content.decode()
    assert "<del>releases/{version}</del>" in shown and "<ins>new/&lt;b&gt;</ins>" in shown
    assert Channel.objects.get(pk=channel.pk).path == "new/<b>"


def test_passwords_are_never_told(admin_client: Client, admin_user: User) -> None:
    page = reverse("admin:auth_user_password_change", args=[admin_user.pk])
    secret = "lantern above the bay 3"
    answer = admin_client.post(page, {"password1": secret, "password2": secret, "usable_password": "true"})

    assert answer.status_code == 302
    assert secret not in str(list(LogEntry.objects.values()))
    assert done()


def test_commands(tmp_path: Any) -> None:
    (tmp_path / "site" / "etc").mkdir(parents=True)
    (tmp_path / "site" / "etc" / "x").write_text("x")
    out = io.StringIO()
    call_command("add_distribution", "meadow", url="https://m.example", stdout=out)
    call_command("allow_repository", "https://feed.example.org/x", stdout=out)
    call_command("allow_repository", "https://feed.example.org/x", remove=True, stdout=out)
    call_command("network_profile", "import", "a/b", str(tmp_path / "site"), "--general", stdout=out)
    call_command("network_profile", "remove", "a/b", stdout=out)
    call_command("client_token", "Meadow", stdout=out)
    call_command("worker_token", "barn", stdout=out)
    call_command("worker_token", "barn", join=True, stdout=out)

    found = done()
    assert [row[0] for row in found] == [audit.COMMAND_LINE] * 8
    assert [row[1].split()[0] for row in found] == [
        *("add_distribution,", "Allowed:", "No", "Imported", "Removed.", "Made", "Made", "Made")
    ]
    assert "asu-" not in str(list(LogEntry.objects.values()))
    assert not User.objects.get(username=audit.COMMAND_LINE).is_active


def test_commands_that_change_no_row_are_in_it_too_and_what_changes_nothing_is_not(admin_client: Client) -> None:
    """Keys, files and counters: an entry is about whoever did it, the command line."""
    out = io.StringIO()
    image = make_image()
    shutil.rmtree(storage.folder(image.request.request_hash))
    (settings.ASU_STORE_DIR / ("a" * 64)).mkdir()
    DailyCount.objects.all().delete()

    for _ in range(2):
        call_command("check_store", repair=True, idle=True, stdout=out)
        call_command("recount", stdout=out)
    call_command("make_signing_key", stdout=out)

    made, *others = reversed([row[1] for row in done()])
    key = publishing.signing_key()
    assert key is not None and made == f"Made the key that images are signed with, {key.fingerprint}."
    counted, removed, expired = others
    assert removed.startswith("check_store removed ")
    assert expired == "Expired by check_store: files of it were missing."
    assert counted.startswith("recount: Counted from ")
    assert {row[0] for row in done()} == {audit.COMMAND_LINE}
    shown = admin_client.get(AUDIT).content.decode()
    assert made in shown and key.secret_text().split()[-1] not in str(list(LogEntry.objects.values()))


def test_a_million_entries_are_paged_through_without_counting(
    admin_client: Client, admin_user: User, django_assert_max_num_queries: Any
) -> None:
    kind = ContentType.objects.get_for_model(Release)
    LogEntry.objects.bulk_create(
        LogEntry(user=admin_user, content_type=kind, object_id=str(n), object_repr=f"r{n}", action_flag=2)
        for n in range(120)
    )
    seen: list[str] = []
    place = AUDIT
    while place:
        with django_assert_max_num_queries(12):
            page = admin_client.get(place)
        seen += [row["object"] for row in page.context["entries"]]
        place = f"{AUDIT}{page.context['older']}" if page.context["older"] else ""

    assert [name for name in seen if name.startswith("r")] == [f"r{n}" for n in range(119, -1, -1)]


def test_it_is_filtered_by_person_kind_and_object(admin_client: Client, admin_user: User) -> None:
    other = User.objects.create_user("wren")
    target = make_target()
    audit.note(other, [target], "Looked after.")
    audit.note(admin_user, [target.release], "Did.")
    kind = ContentType.objects.get_for_model(target)

    def names(query: str) -> list[str]:
        return [row["message"] for row in admin_client.get(f"{AUDIT}?{query}").context["entries"]]

    assert names(f"person={other.pk}") == ["Looked after."]
    assert names(f"type={kind.pk}&object={target.pk}") == ["Looked after."]
    assert names(f"kind={audit.SIGNED_IN}&person={admin_user.pk}") == ["Signed in."]


@pytest.mark.parametrize(
    "query",
    [
        *("person=x", "person=-1", f"person={'9' * 18}", "kind=99999999999", "kind=123456", "before=%00", "before=-5"),
        *("type=1&object=%00", "type=99999999999999", "type=1&object=" + "x" * 500, "person=1&person=2", "before[]=3"),
        *(f"before={'9' * 18}", "kind=%ed%a0%80", "type=%F0%9F%98%80"),
    ],
)
def test_any_query_gives_a_page(admin_client: Client, query: str) -> None:
    assert admin_client.get(f"{AUDIT}?{query}").status_code == 200


def test_hostile_text_is_shown_as_text(admin_client: Client, admin_user: User) -> None:
    channel = make_target().release.channel
    Channel.objects.filter(pk=channel.pk).update(name="<script>\u202e\x1b[1m")
    channel.refresh_from_db()
    audit.note(admin_user, [channel], "<img src=x>\u202e")

    shown = admin_client.get(AUDIT).content.decode()

    assert "<script>\\" not in shown and "<img src=x" not in shown and "\u202e" not in shown and "\x1b" not in shown


def test_nobody_changes_it(admin_client: Client) -> None:
    make_target()
    form = {"action": "disable", "_selected_action": [Release.objects.get().pk], "confirmed": "yes"}
    admin_client.post("/admin/packages/release/", form)
    row = LogEntry.objects.get(action_flag=audit.CHANGE)

    assert admin_client.post(f"{AUDIT}{row.pk}/change/", {"change_message": "x"}).status_code == 403
    assert admin_client.post(f"{AUDIT}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"/admin/auth/user/{row.user_id}/delete/", {"post": "yes"}).status_code == 403
