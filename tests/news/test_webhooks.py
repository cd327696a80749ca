"""Webhooks: called once to be confirmed, then about each piece of news, once and in order, whatever is answered."""

import hashlib
import hmac
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from images.clients import Client
from news import delivering, keeping, looking, subscribing, tasks
from news.models import Delivery, Making, Subscription
from news.subscribing import Made, RefusedError
from packages import generation
from packages.models import Distribution, Organisation
from packages.visibility import Viewer
from tests.images.factories import make_target
from tests.news.conftest import DEVICE, subscribe
from tests.news.receivers import Handler, Receiver, says

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("releases")]


def later(**waiting: float) -> None:
    """As if that much time had passed for all calls that wait."""
    for row in Delivery.objects.all():
        if row.next_try_at is not None:
            row.next_try_at -= timedelta(**waiting)
            row.save()


@pytest.fixture
def active(receiver: Receiver) -> Made:
    """Confirmed, and told nothing yet."""
    made = subscribe(receiver.url)
    delivering.deliver()
    made.subscription.refresh_from_db()
    assert made.subscription.state == "active"
    receiver.got.clear()
    return made


# -- confirmation --------------------------------------------------------------------------------------------


def test_who_answers_with_the_challenge_is_told_what_is_newer(receiver: Receiver) -> None:
    made = subscribe(receiver.url, packages={"luci": "25.001~aaaaaaa"})

    tasks.deliver()

    assert receiver.events == ["confirmation", "news"]
    told = receiver.got[1][0]
    assert told["format"] == 1 and told["detail"] == "24.10.2 is newer than 24.10.1."
    assert told["release"] == {"from": "24.10.1", "to": "24.10.2", "is_newer": True}
    assert told["check"]["updates"] == {"luci": ["25.191.67434~f5fd9bb", "25.001~aaaaaaa"]}
    assert told["page"] == (
        "http://testserver/devices/openwrt/ath79/generic/tplink_archer-c7-v2/choose/?version=24.10.2&packages=luci"
    )
    made.subscription.refresh_from_db()
    assert made.subscription.state == "active" and made.subscription.delivered_at is not None


def test_the_signature_is_over_time_and_body(receiver: Receiver) -> None:
    made = subscribe(receiver.url)

    tasks.deliver()

    for _, headers, body in receiver.got:
        match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Asu-Signature"])
        assert match and abs(int(match[1]) - time.time()) < 60
        expected = hmac.new(made.subscription.secret.encode(), f"{match[1]}.".encode() + body, hashlib.sha256)
        assert hmac.compare_digest(expected.hexdigest(), match[2])


@pytest.mark.parametrize("status", [200, 404, 500])
def test_who_does_not_answer_with_the_challenge_is_called_three_times_and_never_again(
    receiver: Receiver, status: int
) -> None:
    made = subscribe(receiver.url)
    receiver.answer = lambda handler, told: handler.say(status, b"hello")

    for _ in range(6):
        tasks.go()
        later(days=1)

    made.subscription.refresh_from_db()
    assert receiver.events == ["confirmation"] * 3
    assert made.subscription.state == "ended"


def test_who_was_not_ready_can_be_asked_again_a_few_times(receiver: Receiver) -> None:
    made = subscribe(receiver.url)
    receiver.answer = lambda handler, told: handler.say(503)
    for _ in range(3):
        delivering.deliver()
        later(days=1)
    receiver.answer = says(200)

    made.subscription.refresh_from_db()
    subscribing.confirm_again(made.subscription)
    delivering.deliver()

    made.subscription.refresh_from_db()
    assert made.subscription.state == "active"
    with pytest.raises(RefusedError):
        subscribing.confirm_again(made.subscription)


# -- news ----------------------------------------------------------------------------------------------------


def test_each_piece_of_news_is_told_once(active: Made, receiver: Receiver) -> None:
    for _ in range(3):
        generation.bump()
        tasks.go()
    assert receiver.events == ["news"]

    make_target(version="24.10.3")
    tasks.go()
    tasks.go()

    assert [told["release"]["to"] for told, _, _ in receiver.got] == ["24.10.2", "24.10.3"]
    assert len({told["delivery"] for told, _, _ in receiver.got}) == 2


def test_who_has_the_newest_is_told_nothing_until_there_is_something(receiver: Receiver) -> None:
    subscribe(receiver.url, version="24.10.2")

    tasks.deliver()
    tasks.go()
    assert receiver.events == ["confirmation"]

    make_target(version="25.12.0")
    tasks.go()
    assert receiver.events == ["confirmation", "news"]


def test_nothing_is_looked_for_while_nothing_changes(active: Made) -> None:
    looking.look()
    before = Subscription.objects.get().looked_at

    looking.look()

    assert Subscription.objects.get().looked_at == before


def test_a_target_that_was_not_read_yet_is_sent_for_and_told_of_later(active: Made, receiver: Receiver) -> None:
    tasks.go()
    target = make_target(version="24.10.3", is_complete=False)

    tasks.go()
    assert receiver.events == ["news"]

    target.delete()
    make_target(version="24.10.3")
    tasks.go()
    assert receiver.events == ["news", "news"]


def test_the_order_is_kept_while_the_first_call_fails(active: Made, receiver: Receiver) -> None:
    receiver.answer = says(500)
    tasks.go()
    make_target(version="24.10.3")
    tasks.go()
    assert [told["release"]["to"] for told, _, _ in receiver.got] == ["24.10.2"]

    receiver.answer = says(204)
    later(minutes=2)
    tasks.go()

    assert [told["release"]["to"] for told, _, _ in receiver.got] == ["24.10.2", "24.10.2", "24.10.3"]
    assert receiver.got[0][0]["delivery"] == receiver.got[1][0]["delivery"]


def test_it_is_tried_again_with_growing_pauses_and_then_it_rests(active: Made, receiver: Receiver) -> None:
    receiver.answer = says(500, b"out of\x1b[31m order")
    pauses = []
    for _ in range(12):
        tasks.go()
        row = Delivery.objects.get(event="news")
        if row.next_try_at is None:
            break
        assert row.tried_at is not None
        pauses.append(round((row.next_try_at - row.tried_at).total_seconds()))
        later(days=2)

    active.subscription.refresh_from_db()
    assert pauses == list(delivering.PAUSES) and pauses == sorted(pauses)
    assert active.subscription.state == "suspended"
    assert active.subscription.why == "Answer 500: out of␛[31m order"


def test_resumed_it_goes_on_with_what_was_left(active: Made, receiver: Receiver) -> None:
    receiver.answer = says(410)
    tasks.go()
    active.subscription.refresh_from_db()
    assert active.subscription.state == "suspended" and receiver.events == ["news"]

    receiver.answer = says(200)
    subscribing.resume(active.subscription)
    later(minutes=1)
    tasks.go()

    assert receiver.events == ["news", "news"]
    assert receiver.got[0][0]["delivery"] == receiver.got[1][0]["delivery"]


def test_pausing_and_resuming_all_day_neither_calls_the_receiver_nor_fills_the_queue(
    client: Browser, active: Made, receiver: Receiver, django_capture_on_commit_callbacks: Any
) -> None:
    receiver.answer = says(500)
    tasks.go()
    place = f"/news/webhooks/{active.token}/"

    with django_capture_on_commit_callbacks() as queued:
        for _ in range(5):
            client.post(f"{place}pause")
            client.post(f"{place}resume")
            client.post(f"{place}resume")
            tasks.go()

    assert receiver.events == ["news"]
    assert queued == []


def test_a_host_that_somebody_made_up_is_kept_by_no_webhook(client: Browser, settings: Settings) -> None:
    sent = {**DEVICE, "url": "https://example.org/hook"}

    assert client.post("/news/webhooks/", sent, HTTP_HOST="a" * 400).status_code == 400
    assert not Subscription.objects.exists()


def test_paused_it_is_not_called(active: Made, receiver: Receiver) -> None:
    subscribing.pause(active.subscription)

    tasks.go()

    assert receiver.got == []


def test_a_call_whose_process_was_killed_is_made_again_with_the_same_id(active: Made, receiver: Receiver) -> None:
    looking.look()
    claimed = delivering._claim(8)
    assert len(claimed) == 1 and delivering._claim(8) == []

    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    delivering.deliver()

    assert [told["delivery"] for told, _, _ in receiver.got] == [str(claimed[0].delivery_id)]
    delivering._record(claimed[0], delivering._Outcome(False, "too late"))
    assert Delivery.objects.get(pk=claimed[0].pk).delivered_at is not None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(302, Location="http://127.0.0.1:1/"), ""),
        (says(500, b"x" * 100_000), "x" * 200),
        (lambda handler, told: handler.wfile.write(b"nonsense\r\n\r\n"), "No answer from"),
        (lambda handler, told: time.sleep(1.5), "(timeout)"),
    ],
    ids=["redirect", "huge", "nonsense", "slow"],
)
def test_what_is_no_good_answer_is_tried_again(
    active: Made, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    monkeypatch.setattr(delivering, "_A_CALL", 0.5)
    receiver.answer = answer

    tasks.go()

    row = Delivery.objects.get(event="news")
    assert row.delivered_at is None and row.next_try_at is not None
    assert said in row.said and len(row.said) <= 300


def test_slow_receivers_do_not_hold_up_the_others(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "_A_CALL", 3.0)
    for _ in range(6):
        subscribe(receiver.url)

    def slow(handler: Handler, told: dict[str, Any]) -> None:
        time.sleep(0.3)
        handler.say(200, told["challenge"].encode())

    receiver.answer = slow
    began = time.monotonic()
    delivering.deliver()

    assert time.monotonic() - began < 6 * 0.3
    assert Subscription.objects.filter(state="active").count() == 6


def test_addresses_inside_are_not_called_and_the_webhook_ends(receiver: Receiver, settings: Settings) -> None:
    settings.ASU_WEBHOOKS_INSIDE = False
    made = subscribe(receiver.url)

    tasks.go()

    made.subscription.refresh_from_db()
    assert receiver.got == [] and made.subscription.state == "ended"
    assert "private network" in made.subscription.why


def test_what_becomes_private_is_told_to_members_only(active: Made, receiver: Receiver) -> None:
    Distribution.objects.update(organisation=Organisation.objects.create(name="meadow"))
    generation.bump()

    tasks.go()

    assert receiver.got == []


def test_members_are_told_of_what_is_private(receiver: Receiver) -> None:
    meadow = Organisation.objects.create(name="meadow")
    Distribution.objects.update(organisation=meadow)
    generation.bump()
    subscribe(receiver.url, asker=Client("member", viewer=Viewer(meadow.pk)))

    tasks.deliver()

    assert receiver.events == ["confirmation", "news"]


# -- limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/", "http://example.org:22/", "http://example.org:6379/", "http://127.1/", "//example.org"),
        *("http://user@example.org/", "http://example.org/?token=a", "http://example.org/\x00", "javascript:alert(1)"),
        "http://" + "a" * 400,
    ],
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        subscribe(url)

    assert refused.value.field == "url" and not Subscription.objects.exists() and not Making.objects.exists()


def test_a_final_slash_of_the_address_stays() -> None:
    assert subscribe("HTTPS://Example.org/hook/").subscription.url == "https://example.org/hook/"


def test_one_client_makes_so_many_a_day_also_when_it_deletes_them(settings: Settings) -> None:
    settings.ASU_WEBHOOKS_PER_CLIENT = 2
    for number in range(2):
        subscribing.delete(subscribe(f"https://{number}.example.org/", asker=Client("one")).subscription)

    with pytest.raises(RefusedError, match="enough webhooks"):
        subscribe("https://3.example.org/", asker=Client("one"))
    subscribe("https://3.example.org/", asker=Client("another"))
    assert Making.objects.count() == 3


def test_one_host_is_not_called_by_many() -> None:
    for number in range(20):
        subscribe(f"https://victim.example.org/{number}", asker=Client(f"client {number}"))

    with pytest.raises(RefusedError, match="this host"):
        subscribe("https://victim.example.org/", asker=Client("another"))


def test_one_client_has_an_unwilling_host_asked_a_few_times_and_leaves_its_places_to_others() -> None:
    for number in range(3):
        made = subscribe(f"https://shared.example.org/{number}", asker=Client("one"))
        subscribing.delete(made.subscription)  # counts all the same

    with pytest.raises(RefusedError, match="confirm them first") as refused:
        subscribe("https://shared.example.org/3", asker=Client("one"))
    assert refused.value.field == "url"
    subscribe("https://other.example.org/", asker=Client("one"))
    for number in range(17):
        subscribe(f"https://shared.example.org/{number}", asker=Client(f"client {number}"))


def test_webhooks_that_are_confirmed_use_up_no_place_of_their_host(receiver: Receiver, settings: Settings) -> None:
    settings.ASU_WEBHOOKS_PER_CLIENT = 5
    for number in range(5):
        subscribe(f"{receiver.url}/{number}", asker=Client("one"))
        delivering.deliver()
    for number in range(20):
        subscribe(receiver.url, asker=Client(f"client {number}"))
        delivering.deliver()

    assert Subscription.objects.filter(state="active").count() == 25
    with pytest.raises(RefusedError, match="enough webhooks"):
        subscribe(receiver.url, asker=Client("one"))


def test_there_are_so_many_in_all(settings: Settings) -> None:
    settings.ASU_WEBHOOKS = 1
    subscribe("https://example.org/")

    with pytest.raises(RefusedError, match="no more webhooks"):
        subscribe("https://example.org/")


def test_what_nobody_needs_any_more_is_forgotten_but_not_the_last_news(active: Made, receiver: Receiver) -> None:
    tasks.go()
    old = timezone.now() - timedelta(days=400)
    for rows in (Delivery.objects.all(), Subscription.objects.all()):
        rows.update(created_at=old)
    Making.objects.update(at=old)
    ended = subscribe("https://example.org/").subscription
    Subscription.objects.filter(pk=ended.pk).update(state="ended", created_at=old)

    keeping.tidy()
    generation.bump()
    tasks.go()

    assert Subscription.objects.get() == active.subscription
    assert list(Delivery.objects.values_list("event", flat=True)) == ["news"]
    assert receiver.events == ["news"]
    assert Making.objects.count() == 1


# -- pages ---------------------------------------------------------------------------------------------------


def test_it_is_made_on_a_page_that_shows_its_secret_once(client: Browser) -> None:
    fields = {**DEVICE, "url": "https://hooks.example.org/x", "packages": "luci=25.1 vim"}

    answer = client.post("/news/webhooks/", fields)

    row = Subscription.objects.get()
    page = answer.content.decode()
    assert row.packages == {"luci": "25.1", "vim": ""} and row.secret in page
    assert answer["Cache-Control"] == "no-store" and answer["X-Robots-Tag"] == "noindex, nofollow"
    token = re.search(r"/news/webhooks/(asu-news-[\w-]+)/", page)
    assert token and token[1] not in str(Subscription.objects.values())
    own = client.get(f"/news/webhooks/{token[1]}/")
    assert own.status_code == 200 and row.secret not in own.content.decode()
    assert own["Referrer-Policy"] == "same-origin" and own["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("url", "http://localhost:22/"), ("distribution", "nobodys"), ("target", "no"), ("target", "no/where")),
        *(("profile", ""), ("profile", "nothing"), ("version", "1.2.3"), ("packages", "<b>"), ("packages", "a=<b>")),
        *(("revision", "\u202e"), ("reach", "everything"), ("version", "\x00")),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(client: Browser, field: str, value: str) -> None:
    answer = client.post("/news/webhooks/", {**DEVICE, "url": "https://example.org/", field: value})

    assert answer.status_code == 400 and answer.context["wrong"]
    assert not Subscription.objects.exists()


def test_the_form_comes_filled_in(client: Browser) -> None:
    page = client.get("/news/webhooks/", {**DEVICE, "packages": "luci=25.1"}).content.decode()

    assert 'value="tplink_archer-c7-v2"' in page and "luci=25.1</textarea>" in page


def test_where_there_are_none_the_page_says_so(client: Browser, settings: Settings) -> None:
    settings.ASU_WEBHOOKS = 0

    assert "takes no webhooks" in client.get("/news/webhooks/").content.decode()
    assert client.post("/news/webhooks/", {**DEVICE, "url": "https://example.org/"}).status_code == 400


def test_the_buttons_of_its_page(client: Browser, active: Made, receiver: Receiver) -> None:
    place = f"/news/webhooks/{active.token}/"

    assert client.post(f"{place}test")["Location"] == place
    assert client.post(f"{place}test").status_code == 409  # just now
    delivering.deliver()
    assert receiver.events == ["test"]
    client.post(f"{place}pause")
    assert "paused" in client.get(place).content.decode()
    client.post(f"{place}resume")
    assert Subscription.objects.get().state == "active"
    assert client.post(f"{place}nonsense").status_code == 404
    assert client.get(f"{place}delete").status_code == 405
    assert client.post(f"{place}delete").status_code == 200
    assert not Subscription.objects.exists() and not Delivery.objects.exists()
    assert client.get(place).status_code == 404


@pytest.mark.parametrize("token", ["x", "asu-news-" + "a" * 43, "0" * 64, "%00", "a" * 5000, "..", "webhooks"])
def test_a_token_that_nobody_has_leads_nowhere(client: Browser, active: Made, token: str) -> None:
    for place in (f"/news/webhooks/{token}/", f"/news/webhooks/{active.subscription.token_hash}/"):
        assert client.get(place).status_code == 404
    assert client.post(f"/news/webhooks/{token}/delete").status_code == 404


def test_other_sites_cannot_press_the_buttons(active: Made) -> None:
    strict = Browser(enforce_csrf_checks=True)

    assert strict.post(f"/news/webhooks/{active.token}/delete").status_code == 403
    assert Subscription.objects.exists()


def test_answers_are_shown_as_text(client: Browser, active: Made, receiver: Receiver) -> None:
    receiver.answer = says(500, "<script>x</script>\u202e\x00".encode())
    tasks.go()

    page = client.get(f"/news/webhooks/{active.token}/").content.decode()

    assert "&lt;script&gt;x&lt;/script&gt;&lt;U+202E&gt;␀" in page


# -- admin ---------------------------------------------------------------------------------------------------


def test_a_maintainer_suspends_calls_again_and_deletes(admin_client: Browser, active: Made, receiver: Receiver) -> None:
    tasks.go()
    delivery = Delivery.objects.get(event="news")
    lists = {name: f"/admin/news/{name}/" for name in ("subscription", "delivery")}

    admin_client.post(lists["delivery"], {"action": "send_again", "_selected_action": [delivery.pk]})
    delivering.deliver()
    admin_client.post(lists["subscription"], {"action": "suspend", "_selected_action": [active.subscription.pk]})

    assert receiver.events == ["news", "news"]
    assert Subscription.objects.get().state == "suspended"
    for name, row in (("subscription", active.subscription), ("delivery", delivery)):
        for place in (lists[name], f"{lists[name]}{row.pk}/change/"):
            answer = admin_client.get(place)
            assert answer.status_code == 200 and active.subscription.secret not in answer.content.decode()
    admin_client.post(f"{lists['subscription']}{active.subscription.pk}/delete/", {"post": "yes"})
    assert not Subscription.objects.exists()
