"""Register: who may join, as whom, and what becomes of what an earlier life had leased."""

from functools import partial
from typing import Any

import pytest

from builders import tokens, workers
from builders.models import Attempt, Build, JoinToken, Worker
from builders.querysets import from_now
from builders.states import State
from tests.builders.api.caller import Caller, approved, each, leased, of, wanted
from tests.factories import make_worker
from tests.races import at_once

pytestmark = pytest.mark.django_db


def test_a_stranger_with_a_token_of_its_own_waits_for_approval_and_gets_no_builds() -> None:
    wanted()
    caller = Caller()

    said = caller.register(labels=["target:ath79/*", "arch:mips_24kc", "arch:mips_24kc"], version="1.2", cpus=4)

    assert (said.status, said.words["standing"]) == (200, "pending")
    assert said.words["chunk_bytes"] > 0 and said.words["lease_seconds"] > 0
    row = Worker.objects.get()
    assert (row.name, row.is_local, row.version, row.cpus) == ("far-away", False, "1.2", 4)
    assert row.labels == ["arch:mips_24kc", "target:ath79/*"]
    assert row.token_hash == tokens.digest(caller.token)
    assert caller.lease() is None
    assert workers.approve(row)
    assert caller.lease(labels=[]) is None  # its labels do not fit


def test_an_approved_worker_gets_what_waits() -> None:
    caller = Caller()
    caller.register()
    wanted()
    assert caller.lease() is None

    workers.approve(caller.row)

    assert caller.lease() is not None


def test_a_join_token_approves_the_machine_that_brings_it_once() -> None:
    join = workers.new_join_token("for the shed")
    first, second = Caller(), Caller()

    said = first.register(join=join)
    again = second.register(join=join)

    assert said.words["standing"] == "approved"
    assert again.short == (403, "not_welcome")
    assert "Ask a maintainer" in again.words["detail"]
    assert JoinToken.objects.get().worker == first.row
    assert Worker.objects.count() == 1


def test_a_join_whose_answer_got_lost_is_repeated_without_harm() -> None:
    join = workers.new_join_token()
    caller = Caller()
    caller.register(join=join)
    before = Worker.objects.values("name", "standing", "instance", "started_at").get()

    said = caller.register(join=join)

    assert (said.status, said.words["standing"]) == (200, "approved")
    assert Worker.objects.values("name", "standing", "instance", "started_at").get() == before


@pytest.mark.parametrize("how", ["expired", "unknown", "a worker's token", "\ud800", "with\0nul", "x" * 10_000])
def test_a_join_token_that_does_not_count_lets_nobody_in(how: str) -> None:
    join = {"expired": workers.new_join_token(), "a worker's token": approved().token}.get(how, how)
    JoinToken.objects.update(expires_at=from_now(-1))
    before = Worker.objects.count()

    said = Caller().register(join=join)

    assert said.short == (403, "not_welcome")
    assert Worker.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_two_machines_with_one_join_token_at_the_same_time_one_is_approved() -> None:
    join = workers.new_join_token()
    callers = [Caller() for _ in range(4)]

    answers = at_once(*[partial(caller.register, join=join) for caller in callers])

    assert sorted(answer.status for answer in answers) == [200, 403, 403, 403]
    assert Worker.objects.filter(standing="approved").count() == 1
    assert JoinToken.objects.get().worker == Worker.objects.get(standing="approved")


def test_a_pending_worker_may_bring_a_join_token_later() -> None:
    caller = Caller()
    caller.register()

    said = caller.register(join=workers.new_join_token())

    assert said.words["standing"] == "approved"
    assert Worker.objects.count() == 1


def test_workers_of_one_name_are_told_apart_by_a_number() -> None:
    long = "n" * 74

    names = [Caller().register(name=name).words["worker"] for name in ("shed", "shed", "shed", long, long)]

    assert names == ["shed", "shed-2", "shed-3", long, f"{long}-2"]


def test_a_worker_keeps_its_row_and_name_when_it_comes_back() -> None:
    caller = approved(name="shed")
    caller.instance = "f" * 32

    said = caller.register(name="another-name")

    assert said.words["worker"] == "shed"
    assert Worker.objects.count() == 1


def test_a_new_life_takes_back_what_the_former_one_had_leased() -> None:
    caller, lease = leased()
    caller.instance = "f" * 32

    caller.register()

    assert Build.objects.get().state == State.QUEUED
    assert Attempt.objects.get().outcome == "crashed"
    assert caller.beat(lease).short == (409, "lease_lost")


def test_registering_again_in_the_same_life_takes_nothing_away() -> None:
    caller, lease = leased()

    caller.register()

    assert caller.beat(lease).words["go_on"] is True


def test_of_two_agents_with_one_token_the_older_one_hears_that_it_was_replaced() -> None:
    older, lease = leased()
    newer = Caller(token=older.token)
    newer.register()

    answers = [
        older.call("POST", "lease", {"slot": 0, "call": 1}),
        older.beat(lease),
        older.put(lease, 0, b"x"),
        older.report(lease, {}),
        older.call("POST", "fail", {**of(lease), "reason": "crash"}),
        older.call("POST", "give-back", of(lease)),
        older.call("POST", f"log/{lease['build']}/{lease['epoch']}?offset=0", b"x"),
    ]

    assert {answer.short for answer in answers} == {(409, "replaced")}
    assert newer.lease() is not None


def test_a_revoked_worker_is_shut_out_of_everything_at_once() -> None:
    caller, lease = leased()
    assert workers.revoke(caller.row)

    answers = [
        caller.register(),
        caller.call("POST", "lease", {"slot": 0, "call": 1}),
        caller.beat(lease),
        caller.put(lease, 0, b"x"),
        caller.call("GET", f"uploads/{lease['build']}/{lease['epoch']}/0"),
        caller.report(lease, {}),
        caller.call("POST", "fail", {**of(lease), "reason": "crash"}),
        caller.call("POST", "give-back", of(lease)),
        caller.call("POST", f"log/{lease['build']}/{lease['epoch']}?offset=0", b"x"),
        caller.call("GET", f"imagebuilders/{'1' * 64}"),
        caller.call("GET", f"indexes/{'1' * 64}"),
        caller.call("GET", "files/demo/x"),
    ]

    assert {answer.status for answer in answers} == {403}
    assert all(answer.words["detail"] for answer in answers)
    assert Build.objects.get().state == State.QUEUED
    assert not workers.approve(caller.row)


def test_whom_nobody_knows_is_told_to_register() -> None:
    stranger = Caller()

    assert stranger.call("POST", "lease", {"slot": 0, "call": 1}).short == (401, "unknown_token")
    assert stranger.call("POST", "lease", Authorization="").short == (401, "unknown_token")
    assert stranger.call("POST", "lease", Authorization="Basic eDp5").short == (401, "unknown_token")
    assert stranger.register(token="x").status == 200


@pytest.mark.parametrize("token", ["short", "x" * 201, "with space inside the token", "é" * 30])
def test_a_token_that_could_be_guessed_is_refused(token: str) -> None:
    said = Caller(token=token).register()

    assert said.short == (403, "not_welcome")
    assert "24 to 200" in said.words["detail"]
    assert not Worker.objects.exists()


def test_strangers_cannot_fill_the_list_of_who_waits_for_approval() -> None:
    Worker.objects.bulk_create(
        Worker(name=f"w{number}", standing="pending", is_local=False) for number in range(workers.MOST_PENDING)
    )

    refused = Caller().register()
    welcome = Caller().register(join=workers.new_join_token())

    assert refused.short == (403, "not_welcome")
    assert "join token" in refused.words["detail"]
    assert welcome.words["standing"] == "approved"


NONSENSE = [
    *each("name", None, 1, [], {}, "", "-x", "x" * 75, "a b", "a/b", "..", "a\n", "a\0", "\ud800", "a\u202eb", "é"),
    *each("instance", None, 1, "", "x" * 32, "F" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"),
    *each("jobs", None, "1", 1.5, -1, 65, 10**30, True, []),
    *each("labels", "arch:x", {"arch": "x"}, [1], [None], [[]], ["x"], ["arch:"], ["arch:a\n"], ["target:*"]),
    *each("labels", ["target:*/*"], ["arch:\u0661"], ["arch:a"] * 101),
    *each("join", 1, ["x"], {"a": 1}, True),
]


@pytest.mark.parametrize(("field", "changes"), NONSENSE, ids=lambda value: ascii(value)[:50])
def test_nonsense_is_told_with_the_name_of_the_field_and_nothing_is_written(
    field: str, changes: dict[str, Any]
) -> None:
    said = Caller().register(**changes)

    assert said.short == (400, "bad_request")
    assert said.words["detail"].startswith(field)
    assert len(said.words["detail"]) < 300
    assert not Worker.objects.exists()


BODIES = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"1" * 5000, b"[" * 100_000, b'{"a":' * 100_000]
BODIES += [b'{"name": NaN}', b'{"name": ' + b"9" * 5000 + b"}", b"[" * 900 + b"]" * 900]


@pytest.mark.parametrize("path", ["register", "lease", "beat", "finish", "fail", "give-back"])
@pytest.mark.parametrize("number", range(len(BODIES)))
def test_a_body_that_is_no_object_is_bad_input_and_no_failure_of_the_server(path: str, number: int) -> None:
    caller = approved()

    said = caller.call("POST", path, BODIES[number])

    assert said.short == (400, "bad_request")


@pytest.mark.parametrize("path", ["register", "lease", "beat", "finish", "fail", "give-back", "log/1/1"])
def test_other_methods_are_refused_in_words(path: str) -> None:
    said = approved().call("GET", path)

    assert said.short == (405, "bad_request")


FACTS: list[dict[str, Any]] = [
    {"version": "v\0\ud800\u202e" + "x" * 100},
    {"sandbox": {"a": 1}, "sandbox_detail": ["x"]},
    {"cpus": 10**9, "memory_mb": 2**31 - 1, "disk_mb": 2**31, "free_disk_mb": -1, "free_memory_mb": 1.5},
    {"load": float("nan")},
    {"load": float("inf")},
    {"load": -1},
    {"imagebuilders": "1" * 64},
    {"imagebuilders": [None, "x", "1" * 64, "1" * 64, ["1" * 64]] + ["2" * 64] * 5000},
]


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: next(iter(facts)))
def test_facts_that_make_no_sense_are_left_out(facts: dict[str, Any]) -> None:
    caller = approved(**facts)

    assert caller.lease(**facts) is None  # said again with each question
    row = caller.row
    assert "\0" not in row.version and "\u202e" not in row.version and len(row.version) <= 40
    assert row.cpus is None or row.cpus <= 32767


def test_a_worker_of_this_server_cannot_be_taken_over_by_its_name_nor_its_name_beforehand() -> None:
    local = make_worker(name="local-here-0")

    said = [Caller().register(name="local-here-0"), Caller().register(name="local-here-1")]

    assert {answer.short for answer in said} == {(403, "not_welcome")}
    assert "--name" in said[0].words["detail"]
    assert list(Worker.objects.all()) == [local]
    assert local.token_hash is None
