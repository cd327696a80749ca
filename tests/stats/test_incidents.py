"""Incidents: told by maintainers or found by the server, shown on the status page, and on all pages while they last."""

import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from builders.models import Build
from images import client_tokens
from packages import generation
from packages.models import Distribution, Organisation
from stats import incidents, watch
from stats.models import DailyCount, Incident
from tests.factories import in_the_past, make_build, make_worker

pytestmark = pytest.mark.django_db


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def incident(**fields: Any) -> Incident:
    return Incident.objects.create(**{"title": "The mirror is being moved", "started_at": ago(hours=1), **fields})


def text_of(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return str(answer.content.decode())


# -- what people see -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/images/", "/statistics/", "/about/", "/docs/", "/status/"])
def test_while_it_lasts_it_is_on_all_pages(client: Client, path: str) -> None:
    row = incident()

    assert f'href="/incidents/{row.pk}/">The mirror is being moved</a>' in text_of(client, path)


@pytest.mark.parametrize(
    "fields",
    [
        {"ended_at": timezone.now() - timedelta(minutes=1)},
        {"started_at": timezone.now() + timedelta(hours=1)},
        {"severity": "notice"},
    ],
)
def test_what_is_over_planned_or_only_a_notice_is_not(client: Client, fields: dict[str, Any]) -> None:
    incident(**fields)

    assert "being moved" not in text_of(client, "/")


def test_the_banner_costs_no_query_a_page(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    incident()
    text_of(client, "/about/")

    with django_assert_num_queries(0):
        assert "being moved" in text_of(client, "/about/")


def test_once_ended_it_goes_from_all_pages_and_stays_in_the_list(client: Client) -> None:
    row = incident()
    assert "being moved" in text_of(client, "/about/")

    row.ended_at = timezone.now()
    row.save()

    assert "being moved" not in text_of(client, "/about/")
    text = text_of(client, "/status/")
    assert "being moved" in text and "over" in text
    assert "All is well" not in text or "being moved" not in text.split("<h1>")[1].split("</h1>")[0]


def test_what_is_long_over_is_listed_no_more_and_still_has_its_page(client: Client) -> None:
    row = incident(started_at=ago(days=100), ended_at=ago(days=91))

    assert "being moved" not in text_of(client, "/status/")
    assert "being moved" in text_of(client, f"/incidents/{row.pk}/")


def test_its_page_tells_the_updates_in_order_and_as_text(client: Client) -> None:
    row = incident(text="<script>alert(1)</script>")
    row.updates.create(at=ago(minutes=5), text="Second <b>")
    row.updates.create(at=ago(minutes=50), text="First")

    text = text_of(client, f"/incidents/{row.pk}/")

    assert text.index("First") < text.index("Second &lt;b&gt;")
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    "number", ["0", "-1", "9" * 5000, "9223372036854775808", "x", "%00", "1.0", "٣", "1%0a", "%ff", "²"]
)
def test_addresses_of_any_kind_are_not_found(client: Client, number: str) -> None:
    text_of(client, f"/incidents/{number}/", 404)


def test_a_planned_one_has_no_page_yet(client: Client) -> None:
    text_of(client, f"/incidents/{incident(started_at=timezone.now() + timedelta(days=1)).pk}/", 404)


def test_the_headline_of_the_status_is_what_a_maintainer_says(client: Client) -> None:
    make_worker()
    incident(title="No power", severity="outage")

    text = text_of(client, "/status/")

    assert '<span role="status">No power</span>' in text
    assert 'class="led bad"' in text


def test_one_of_a_private_distribution_is_for_who_sees_that(client: Client, admin_client: Client) -> None:
    organisation = Organisation.objects.create(name="meadow")
    secret = Distribution.objects.create(name="secretnet", url="https://example.org", organisation=organisation)
    generation.bump()
    row = incident(distribution=secret)

    for path in ("/", "/status/"):
        assert "being moved" not in text_of(client, path)
        assert "being moved" in text_of(admin_client, path)
    text_of(client, f"/incidents/{row.pk}/", 404)
    text_of(admin_client, f"/incidents/{row.pk}/")


def test_without_a_database_pages_have_no_banner(monkeypatch: pytest.MonkeyPatch, rf: Any) -> None:
    from django.db import OperationalError

    def away() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(incidents._kept, "_make", away)
    incidents.forget()

    assert incidents.banners(rf.get("/")) == ()


# -- what the server finds by itself -----------------------------------------------------------------------------


def mirror(**fields: Any) -> Distribution:
    return Distribution.objects.create(name="openwrt", title="OpenWrt", url="https://example.org", **fields)


def waiting(seconds: float) -> Build:
    build = make_build()
    in_the_past(build, "queued_at", seconds)
    return build


def test_a_mirror_that_fails_for_long_becomes_an_incident_from_its_first_failure_on(client: Client) -> None:
    since = ago(hours=4).replace(microsecond=0)
    row = mirror(stale_since=since)

    watch.look()
    watch.look()

    found = Incident.objects.get()
    assert (found.distribution, found.started_at, found.ended_at) == (row, since, None)
    assert "OpenWrt cannot be read" in found.title
    assert "OpenWrt cannot be read" not in text_of(client, "/about/")  # a notice

    Distribution.objects.update(stale_since=None)
    watch.look()
    assert Incident.objects.get().ended_at is not None


def test_a_mirror_that_failed_once_is_none(client: Client) -> None:
    mirror(stale_since=ago(hours=1))

    watch.look()

    assert not Incident.objects.exists()
    assert "OpenWrt cannot be read" in text_of(client, "/status/")


def test_builds_that_nobody_can_build_become_an_incident_until_somebody_can() -> None:
    waiting(3600)
    watch.look()
    found = Incident.objects.get()

    assert found.severity == "disturbance" and found.title == "No worker is there: images have to wait"
    make_worker()
    watch.look()
    found.refresh_from_db()
    assert found.ended_at is not None


def test_what_comes_and_goes_is_one_incident() -> None:
    row = mirror(stale_since=ago(hours=4))
    for stale_since in (ago(hours=4), None, ago(hours=4)):
        Distribution.objects.filter(pk=row.pk).update(stale_since=stale_since)
        watch.look()

    assert Incident.objects.count() == 1


def test_what_maintainers_tell_is_theirs_to_end() -> None:
    incident()

    watch.look()

    assert Incident.objects.get().ended_at is None


def test_private_mirrors_and_queues_are_no_public_incident() -> None:
    organisation = Organisation.objects.create(name="meadow")
    mirror(stale_since=ago(hours=4), organisation=organisation)
    build = waiting(3600)
    Build.objects.filter(pk=build.pk).update(distribution="openwrt")
    generation.bump()

    watch.look()

    assert not Incident.objects.exists()


def test_the_longest_queue_of_an_hour_is_noted() -> None:
    builds = [make_build() for _ in range(3)]
    watch.look()
    Build.objects.filter(pk=builds[0].pk).delete()
    watch.look()

    assert DailyCount.objects.get(name="queue-hour").count == 3


# -- the status in words -------------------------------------------------------------------------------------------


def headline(client: Client) -> str:
    return text_of(client, "/status/").split('role="status">')[1].split("</span>")[0]


def test_all_is_well_when_workers_are_there_and_nobody_waits(client: Client) -> None:
    make_worker()

    assert headline(client) == "All is well"


def test_without_workers_it_says_so(client: Client) -> None:
    assert headline(client).startswith("No worker is there just now")


def test_a_long_wait_is_said_to_be_long(client: Client) -> None:
    make_worker()
    waiting(11_110)

    assert headline(client) == "Builds wait longer than usual: 3 h 5 min"


def test_the_worst_comes_first_and_the_others_after_it(client: Client) -> None:
    mirror(stale_since=ago(hours=1))
    waiting(700)

    text = text_of(client, "/status/")

    assert headline(client) == "No worker is there: images have to wait"
    assert "The mirror of OpenWrt cannot be read" in text


def test_the_last_day_is_drawn_beside_its_table(client: Client) -> None:
    make_worker()
    from builders.states import State

    make_build(State.DONE)

    text = text_of(client, "/status/")

    assert text.count('class="drawn"') == 1
    assert text.count("<tr>") > 24


# -- maintainers -----------------------------------------------------------------------------------------------------


def test_a_maintainer_tells_and_ends_one(admin_client: Client, client: Client) -> None:
    form = {
        "title": "Power is out",
        "text": "",
        "severity": "outage",
        "distribution": "",
        "started_at_0": f"{ago(hours=1):%Y-%m-%d}",
        "started_at_1": f"{ago(hours=1):%H:%M:%S}",
        "ended_at_0": "",
        "ended_at_1": "",
        "updates-TOTAL_FORMS": "0",
        "updates-INITIAL_FORMS": "0",
    }

    assert admin_client.post("/admin/stats/incident/add/", form).status_code == 302
    assert "Power is out" in text_of(client, "/about/")

    row = Incident.objects.get()
    action = {"action": "end", "_selected_action": [row.pk]}
    assert admin_client.post("/admin/stats/incident/", action).status_code == 302
    assert "Power is out" not in text_of(client, "/about/")


def test_an_end_before_the_start_is_refused(admin_client: Client) -> None:
    row = incident()
    form = {
        "title": "x",
        "severity": "outage",
        "started_at_0": "2026-05-02",
        "started_at_1": "10:00:00",
        "ended_at_0": "2026-05-01",
        "ended_at_1": "10:00:00",
        "updates-TOTAL_FORMS": "0",
        "updates-INITIAL_FORMS": "0",
    }

    answer = admin_client.post(f"/admin/stats/incident/{row.pk}/change/", form)

    assert answer.status_code == 200
    assert "It cannot end before it started." in answer.content.decode()


@pytest.mark.parametrize(
    "path", ["/admin/stats/incident/", "/admin/stats/dailycount/?name=builds", "/admin/stats/incident/add/"]
)
def test_the_lists_of_the_admin_open(admin_client: Client, path: str) -> None:
    incident()

    text_of(admin_client, path)


# -- the feed --------------------------------------------------------------------------------------------------

ATOM = "{http://www.w3.org/2005/Atom}"
FEED = "/status/incidents.atom"


def entries(client: Client, **headers: str) -> list[tuple[str, str]]:
    """Title and summary of each."""
    answer = client.get(FEED, headers=headers)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    found = ElementTree.fromstring(answer.content).iter(f"{ATOM}entry")
    return [(str(entry.findtext(f"{ATOM}title")), str(entry.findtext(f"{ATOM}summary"))) for entry in found]


def test_the_status_page_leads_to_the_feed(client: Client) -> None:
    page = text_of(client, "/status/")

    assert f'<link rel="alternate" type="application/atom+xml" href="{FEED}" title="Incidents">' in page
    assert f'<a class="button quiet" href="{FEED}">' in page


def test_the_feed_tells_how_each_stands_what_changed_last_first(client: Client) -> None:
    lasting = incident(text="It is <slow>.\r\nBe patient.", started_at=ago(days=2))
    incident(title="It is over", severity="outage", started_at=ago(days=3), ended_at=ago(days=2, hours=-1))
    incident(title="Too long ago", started_at=ago(days=200), ended_at=ago(days=199))
    incident(title="Planned", started_at=timezone.now() + timedelta(days=1))
    said_at = ago(hours=2)
    lasting.updates.create(at=said_at, text="Half of it is there.")
    lasting.updates.create(at=timezone.now() + timedelta(hours=1), text="Not yet.")

    (first, about), (second, _) = entries(client)

    assert (first, second) == ("Disturbance: The mirror is being moved", "Over: It is over")
    assert about == f"It is &lt;slow&gt;.<br>Be patient.<br>{said_at:%Y-%m-%d %H:%M} UTC: Half of it is there."


def test_an_incident_that_goes_on_stays_the_same_entry(client: Client) -> None:
    def seen() -> tuple[str | None, str | None]:
        (entry,) = ElementTree.fromstring(client.get(FEED).content).iter(f"{ATOM}entry")
        return entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated")

    row = incident()
    before = seen()
    row.updates.create(text="It goes on.")
    told = seen()
    Incident.objects.update(ended_at=timezone.now())

    over = seen()
    assert before[0] == told[0] == over[0]
    assert str(before[1]) < str(told[1]) <= str(over[1])


def test_while_nothing_changes_the_feed_is_not_sent_again(client: Client) -> None:
    incident()
    first = client.get(FEED)

    assert client.get(FEED, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert first["Cache-Control"] == "public, max-age=60"


def test_members_find_theirs_in_the_feed_and_nobody_else_does(client: Client) -> None:
    meadow = Organisation.objects.create(name="meadow")
    secret = Distribution.objects.create(name="veiled", url="https://mirror.example.org", organisation=meadow)
    incident(title="A private matter", distribution=secret)
    generation.bump()
    token = client_tokens.issue("member", organisation=meadow)

    assert entries(client) == []
    answer = client.get(FEED, headers={"Authorization": f"Bearer {token}"})
    assert "veiled: A private matter" in answer.content.decode() and answer["Cache-Control"] == "private, no-cache"
