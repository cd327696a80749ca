"""The public status, for programs and for people: what it shows, and what it never shows."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from builders.models import Build, Worker
from builders.querysets import ONLINE_SECONDS, from_now
from builders.states import Reason, State
from packages.models import Distribution
from stats import status
from stats.memory import Kept
from tests.factories import in_the_past, make_build, make_worker

pytestmark = pytest.mark.django_db

PLACE = {"distribution": "openwrt", "target": "ath79/generic", "arch": "mips_24kc"}


def ask(client: Client) -> dict[str, Any]:
    answer = client.get("/status.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def page(client: Client) -> str:
    answer = client.get("/status/")
    assert answer.status_code == 200
    return answer.content.decode()


def alive(name: str = "", **fields: Any) -> Worker:
    return make_worker(name, seen_at=timezone.now(), **fields)


def placed(state: State = State.QUEUED, waited: float = 0, **place: str) -> Build:
    build = make_build(state)
    Build.objects.filter(pk=build.pk).update(**{**PLACE, **place})
    in_the_past(build, "queued_at", waited)
    return build


# -- the queue ---------------------------------------------------------------------------------------------


def test_an_idle_server_says_so(client: Client) -> None:
    found = ask(client)

    assert found["queue"] == {"queued": 0, "building": 0, "oldest_seconds": 0}
    assert found["targets"] == found["mirrors"] == found["workers"]["named"] == []
    assert found["last_day"] == {"images": 0, "failed": 0, "reasons": {}}
    assert datetime.fromisoformat(found["at"]).tzinfo is not None


def test_the_queue_is_told_with_its_oldest_wait(client: Client) -> None:
    placed(State.BUILDING)
    placed(waited=100)
    placed(waited=5)

    found = ask(client)

    assert (found["queue"]["queued"], found["queue"]["building"]) == (2, 1)
    assert 100 <= found["queue"]["oldest_seconds"] < 105


def test_builds_under_way_are_told_by_target_the_longest_wait_first(client: Client) -> None:
    placed(waited=10)
    placed(waited=20)
    placed(State.BUILDING)
    placed(waited=300, target="x86/64", arch="x86_64")

    first, second = ask(client)["targets"]

    assert (first["target"], first["arch"], first["queued"], first["building"]) == ("x86/64", "x86_64", 1, 0)
    assert 300 <= first["oldest_seconds"] < 305
    assert second == {**second, **PLACE, "queued": 2, "building": 1}


# -- workers -----------------------------------------------------------------------------------------------


def test_a_worker_that_was_not_heard_of_lately_does_not_count(client: Client) -> None:
    gone = alive("gone")
    Worker.objects.filter(pk=gone.pk).update(seen_at=from_now(-ONLINE_SECONDS - 1))
    alive("here")

    workers = ask(client)["workers"]

    assert (workers["alive"], [worker["name"] for worker in workers["named"]]) == (1, ["here"])


def test_workers_are_counted_by_standing_and_by_what_they_do(client: Client) -> None:
    alive("a")
    alive("b", desired=Worker.Desired.DRAIN)
    alive("c", desired=Worker.Desired.STOP)
    alive("d", complaint="Only 3 MB are free.")
    alive("e", standing=Worker.Standing.SUSPENDED, standing_why="It failed.")
    alive("f", standing=Worker.Standing.PENDING)
    alive("g", standing=Worker.Standing.REVOKED)

    workers = ask(client)["workers"]

    counts = {name: count for name, count in workers.items() if isinstance(count, int)}
    assert counts == {
        **dict.fromkeys(("pending", "suspended", "running", "draining", "stopping", "complaining"), 1),
        "alive": 6,
        "approved": 4,
    }
    states = {worker["name"]: worker["state"] for worker in workers["named"]}
    assert states == {"a": "running", "b": "draining", "c": "stopping", "d": "complaining", "e": "suspended"}


def test_workers_are_counted_by_label(client: Client) -> None:
    alive(labels=["arch:mips_24kc", "target:ath79/*"])
    alive(labels=["arch:mips_24kc"], desired=Worker.Desired.DRAIN)
    alive()

    by_label = {entry["label"]: entry for entry in ask(client)["workers"]["by_label"]}

    assert set(by_label) == {"", "arch:mips_24kc", "target:ath79/*"}
    assert (by_label["arch:mips_24kc"]["running"], by_label["arch:mips_24kc"]["draining"]) == (1, 1)
    assert by_label["target:ath79/*"]["alive"] == by_label[""]["alive"] == 1


def test_a_worker_tells_how_much_it_has_in_work(client: Client) -> None:
    build = placed(State.BUILDING)
    assert build.worker is not None
    Worker.objects.filter(pk=build.worker.pk).update(seen_at=timezone.now())

    assert [worker["building"] for worker in ask(client)["workers"]["named"]] == [1]


@pytest.mark.parametrize(
    ("labels", "may"),
    [
        ([], True),
        (["target:ath79/generic"], True),
        (["target:ath79/*"], True),
        (["target:x86/*", "target:ath79/*"], True),
        (["arch:mips_24kc", "distribution:openwrt", "target:ath79/generic"], True),
        (["target:ath79/nand"], False),
        (["target:ath7/*"], False),
        (["target:ath79/*", "arch:x86_64"], False),
        (["distribution:libremesh"], False),
        (["colour:blue"], False),
    ],
)
def test_a_worker_serves_what_its_labels_say(client: Client, labels: list[str], may: bool) -> None:
    placed(waited=60)
    alive(labels=labels)

    (entry,) = ask(client)["targets"]

    assert (entry["workers"], entry["is_unserved"]) == (int(may), not may)


@pytest.mark.parametrize(
    "fields",
    [
        {"desired": Worker.Desired.DRAIN},
        {"desired": Worker.Desired.STOP},
        {"complaint": "Only 3 MB are free."},
        {"standing": Worker.Standing.PENDING},
        {"standing": Worker.Standing.SUSPENDED},
    ],
)
def test_a_target_whose_workers_take_nothing_is_unserved_and_the_page_says_so(
    client: Client, fields: dict[str, Any]
) -> None:
    placed(waited=60)
    alive(**fields)

    assert ask(client)["targets"][0]["is_unserved"]
    assert "no worker that may build it is there" in page(client)


def test_a_build_that_was_queued_just_now_is_not_called_unserved(client: Client) -> None:
    """Local workers start with the first request."""
    placed()

    assert not ask(client)["targets"][0]["is_unserved"]


# -- mirrors and the last day --------------------------------------------------------------------------------


def make_mirror(**fields: Any) -> Distribution:
    return Distribution.objects.create(name="openwrt", title="OpenWrt", url="https://downloads.example.org", **fields)


def test_mirrors_tell_when_they_were_read_and_what_they_failed_with(client: Client) -> None:
    moment = datetime.fromisoformat("2026-05-01T12:00:00+00:00")
    sentence = "releases/24.10.2/targets: the mirror https://downloads.example.org answered 503."
    make_mirror(synced_at=moment, stale_since=moment, sync_error=sentence)
    Distribution.objects.create(name="hidden", url="https://example.org", is_enabled=False)

    assert ask(client)["mirrors"] == [
        {
            "distribution": "openwrt",
            "title": "OpenWrt",
            "synced_at": "2026-05-01T12:00:00Z",
            "stale_since": "2026-05-01T12:00:00Z",
            "error": sentence,
        }
    ]
    assert sentence in page(client)


@pytest.mark.parametrize("where", ["/srv/mirror", "file:///srv/mirror", "'/srv/x'", "in:/srv", "~/mirror", "(/srv)"])
def test_a_folder_of_this_machine_is_never_told(client: Client, where: str) -> None:
    make_mirror(stale_since=timezone.now(), sync_error=f"It cannot be read: {where}")

    assert ask(client)["mirrors"][0]["error"] == "The mirror could not be read; the admin says why."
    assert "srv" not in page(client)


def test_the_last_day_counts_images_and_failures_by_reason(client: Client) -> None:
    make_build(State.DONE)
    make_build(State.EXPIRED)
    make_build(State.FAILED, reason=Reason.IMAGE_TOO_BIG)
    make_build(State.FAILED, reason=Reason.IMAGE_TOO_BIG)
    make_build(State.FAILED, reason=Reason.TIMEOUT)
    for old in (make_build(State.DONE), make_build(State.FAILED)):
        in_the_past(old, "finished_at", 25 * 3600)

    assert ask(client)["last_day"] == {"images": 2, "failed": 3, "reasons": {"image_too_big": 2, "timeout": 1}}
    assert re.search("2 . the image does not fit the device", page(client))


# -- what is never shown -------------------------------------------------------------------------------------


def test_nothing_of_a_worker_but_its_name_labels_and_state_is_told(client: Client) -> None:
    secrets = {
        "token_hash": "f00dfeed",
        "address": "198.51.100.7",
        "sandbox_detail": "bwrap: /proc is not there",
        "complaint": "/srv/asu is full",
        "standing_why": "It is the one of Eve.",
        "instance": "0123abcd",
        "version": "9.8.7",
    }
    alive("farm-1", **secrets)
    alive("eve", **{**secrets, "token_hash": "2", "standing": Worker.Standing.SUSPENDED})

    for text in (json.dumps(ask(client)), page(client)):
        assert "farm-1" in text
        assert [word for word in secrets.values() if word in text] == []


def test_names_that_strangers_chose_are_not_told(client: Client) -> None:
    alive("buy-cheap-routers", standing=Worker.Standing.PENDING, labels=["target:buy/me"])

    for text in (json.dumps(ask(client)), page(client)):
        assert "buy" not in text


def test_names_are_text_on_the_page(client: Client) -> None:
    alive("<script>alert(1)</script>", labels=["<b>"])

    text = page(client)

    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "<b>" not in text


# -- how it is served ----------------------------------------------------------------------------------------


def test_many_who_ask_cost_one_look_at_the_database(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = ask(client)
    page(client)
    make_build()

    with django_assert_num_queries(0):
        assert [ask(client) for _ in range(20)] == [first] * 20
        page(client)


def test_after_its_time_it_is_made_anew(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "kept", Kept(status.make, 0))
    first = ask(client)
    make_build()

    assert (first["queue"]["queued"], ask(client)["queue"]["queued"]) == (0, 1)


def test_a_full_queue_takes_no_more_queries_than_an_empty_one(
    client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        placed(target=f"t{number}/generic")
        alive(labels=[f"target:t{number}/*"])

    with django_assert_max_num_queries(8):
        assert len(ask(client)["targets"]) == 30


def test_programs_of_other_sites_may_read_it_and_keep_it_for_its_time(client: Client) -> None:
    answer = client.get("/status.json?jsonp=x&x[]=%00")

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "max-age=2"


def test_the_page_loads_itself_again_without_scripts(client: Client) -> None:
    text = page(client)

    assert re.search(r'<meta http-equiv="refresh" content="\d+">', text)


@pytest.mark.parametrize("path", ["/status.json", "/status/"])
def test_head_gives_headers_alone_and_other_methods_are_refused(client: Client, path: str) -> None:
    head = client.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert [client.post(path).status_code, client.delete(path).status_code] == [405, 405]
    assert client.post(path)["Allow"] == "GET, HEAD"


def test_wrong_methods_get_json_from_the_document(client: Client) -> None:
    assert client.post("/status.json", headers={"Accept": "text/html"}).json()["status"] == 405


@pytest.mark.parametrize("path", ["/", "/images/", "/docs/"])
def test_other_pages_lead_to_it(client: Client, path: str) -> None:
    assert 'href="/status/"' in client.get(path).content.decode()


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (119, "119 s"), (750, "12 min"), (11100, "3 h 5 min")])
def test_waits_are_said_as_people_say_them(client: Client, seconds: float, words: str) -> None:
    placed(waited=seconds)

    assert re.search(rf'<dt>longest wait</dt><dd class="nowrap">{words}</dd>', page(client))
