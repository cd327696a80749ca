"""The lease call: one question, one build, however often it is asked and in whatever order it arrives."""

import base64
import json
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from builders import queue, workers
from builders.models import Attempt, Build, Worker
from builders.querysets import from_now
from builders.spec import BuildSpec, FeedSpec, FileSpec, ImageBuilderSpec, KeySpec
from builders.states import State
from packages.models import Distribution
from tests.builders.api.caller import Caller, approved, leased, of, wanted
from tests.factories import in_the_past, make_spec, make_worker
from tests.races import at_once

pytestmark = pytest.mark.django_db


def test_the_same_question_gets_the_same_build_again() -> None:
    wanted()
    wanted()
    caller = approved()

    first = caller.lease(7)
    again = caller.lease(7)

    assert first is not None and first == again
    assert Build.objects.building().count() == 1
    assert Attempt.objects.count() == 1


def test_the_same_question_gets_the_same_build_when_nothing_else_waits() -> None:
    caller, lease = leased()

    assert caller.lease(caller.number) == lease


@pytest.mark.django_db(transaction=True)
def test_the_same_question_many_times_at_once_gets_one_build() -> None:
    for _ in range(10):
        wanted()
    caller = approved(jobs=8)

    answers = at_once(*[partial(caller.call, "POST", "lease", {"slot": 0, "call": 1})] * 6)

    given = [lease for said in answers if (lease := said.words.get("lease"))]
    assert Build.objects.building().count() == Attempt.objects.count() == 1
    assert given and all(lease == given[0] for lease in given)


def test_an_earlier_question_that_arrives_late_gets_nothing() -> None:
    wanted()
    wanted()
    caller = approved()
    caller.lease(8)

    assert caller.lease(7) is None
    assert Build.objects.building().count() == 1


def test_a_question_that_arrives_again_after_its_build_was_handed_in_gets_nothing() -> None:
    caller, lease = leased()
    wanted()
    caller.call("POST", "fail", {**of(lease), "reason": "package_conflict"})

    assert caller.lease(101) is None
    assert caller.lease(100) is None
    assert caller.lease(102) is not None


def test_a_worker_whose_clock_went_back_gets_builds_in_its_next_life() -> None:
    caller, lease = leased()
    caller.call("POST", "fail", {**of(lease), "reason": "package_conflict"})
    wanted()
    caller.instance, caller.number = "f" * 32, 1
    caller.register()

    assert caller.lease() is not None


def test_a_lease_that_was_never_heard_of_goes_back_and_is_given_out_with_the_next_question() -> None:
    caller, unheard = leased()

    lease = caller.lease()

    assert lease is not None
    assert (lease["build"], lease["epoch"]) == (unheard["build"], unheard["epoch"] + 1)
    assert list(Attempt.objects.values_list("outcome", flat=True)) == ["given back", ""]
    assert Build.objects.get().attempts == 1
    assert caller.beat(unheard).short == (409, "lease_lost")


def test_an_unheard_lease_of_a_cancelled_build_ends_it() -> None:
    caller, _ = leased()
    queue.cancel(Build.objects.get(), why="Its owner has changed his mind.")

    assert caller.lease() is None

    build = Build.objects.get()
    assert (build.state, build.sentence) == (State.DROPPED, "Its owner has changed his mind.")


def test_an_unheard_lease_goes_back_also_when_the_worker_may_have_no_builds_any_more() -> None:
    caller, _ = leased()
    workers.want(caller.row, Worker.Desired.DRAIN)

    assert caller.lease() is None

    assert Build.objects.get().state == State.QUEUED
    assert Attempt.objects.get().outcome == "given back"


def test_a_drained_worker_gets_the_answer_again_that_got_lost() -> None:
    caller, lease = leased()
    workers.want(caller.row, Worker.Desired.DRAIN)

    assert caller.lease(caller.number) == lease
    assert caller.beat(lease).words == {"status": 200, "go_on": True, "desired": "drain"}


def test_a_worker_has_as_many_builds_as_it_has_jobs() -> None:
    for _ in range(4):
        wanted()
    caller = approved(jobs=2)

    leases = [caller.lease(slot=slot) for slot in (0, 1, 2, 3)]

    assert [lease is not None for lease in leases] == [True, True, False, False]


def test_slots_count_their_questions_each_for_itself() -> None:
    for _ in range(3):
        wanted()
    caller = approved(jobs=2)
    zero, one = caller.lease(5, slot=0), caller.lease(3, slot=1)

    assert zero is not None and one is not None and zero["build"] != one["build"]
    assert caller.lease(5, slot=0) == zero
    assert caller.lease(3, slot=1) == one
    other = caller.lease(4, slot=1)
    assert other is not None and other["epoch"] in (1, 2)
    assert caller.beat(zero).words["go_on"] is True


def hold_up(caller: Caller, how: str) -> dict[str, Any]:
    """Something because of which it gets no builds."""
    row = caller.row
    if how == "pending":
        Worker.objects.filter(pk=row.pk).update(standing="pending")
    elif how == "suspended":
        workers.suspend(row, "It was odd.")
    elif how in ("drain", "stop"):
        workers.want(row, how)
    return {"complaint": "Only 3 MB are free."} if how == "complaining" else {}


@pytest.mark.parametrize("how", ["pending", "suspended", "drain", "stop", "complaining"])
def test_who_may_not_or_cannot_build_gets_nothing_and_hears_why(how: str) -> None:
    caller = approved()
    wanted()
    more = hold_up(caller, how)

    said = caller.call("POST", "lease", {"slot": 0, "call": 1, **more})

    assert said.words["lease"] is None
    assert how in (said.words["standing"], said.words["desired"], "complaining")
    assert Build.objects.get().state == State.QUEUED
    if how == "suspended":
        assert said.words["why"] == "It was odd."


def test_a_complaint_is_seen_at_once_and_goes_at_once() -> None:
    caller = approved()
    caller.lease(complaint="Only 3 MB are free.")
    complaint = caller.row.complaint
    wanted()

    lease = caller.lease()

    assert complaint == "Only 3 MB are free."
    assert caller.row.complaint == ""
    assert lease is not None


@pytest.mark.parametrize(
    ("labels", "fits"),
    [
        ([], True),
        (["target:hill/small"], True),
        (["target:hill/*"], True),
        (["target:hil/*"], False),
        (["target:hill/smal"], False),
        (["arch:mips_24kc"], False),
        (["arch:mips_24kc", "arch:riscv"], True),
        (["distribution:demo", "target:dale/*", "target:hill/*"], True),
        (["distribution:openwrt", "target:hill/*"], False),
    ],
)
def test_a_worker_gets_only_what_its_labels_fit(labels: list[str], fits: bool) -> None:
    wanted(make_spec(arch_packages="riscv"))
    caller = approved(labels=labels)

    assert (caller.lease() is not None) == fits


def test_a_build_waits_a_moment_for_a_worker_that_has_its_imagebuilder(settings: Settings) -> None:
    settings.ASU_WARM_GRACE = 2
    cold, warm = approved(name="cold"), approved(name="warm", imagebuilders=["1" * 64])
    build = wanted()

    assert cold.lease() is None
    in_the_past(build, "queued_at", 3)
    assert cold.lease() is not None
    wanted()
    assert warm.lease() is not None


def test_nobody_waits_for_a_warm_worker_that_is_busy_or_gone(settings: Settings) -> None:
    settings.ASU_WARM_GRACE = 1000
    cold, warm = approved(name="cold"), approved(name="warm", imagebuilders=["1" * 64])
    wanted()
    assert warm.lease() is not None
    wanted()
    assert cold.lease() is not None
    warm.call("POST", "give-back", of({"build": Build.objects.filter(worker=warm.row).get().pk, "epoch": 1}))
    Worker.objects.filter(pk=warm.row.pk).update(seen_at=from_now(-1000))

    assert approved(name="third").lease() is not None


def test_what_a_worker_lost_goes_to_another_one_first(settings: Settings) -> None:
    first, second = approved(name="first"), approved(name="second")
    build = wanted()
    first.lease()
    in_the_past(build, "lease_until", 1)

    assert first.lease() is None
    assert second.lease() is not None


def test_what_a_worker_lost_comes_back_to_it_when_the_others_cannot_build_it() -> None:
    approved(name="other", labels=["arch:riscv"])
    caller = approved()
    build = wanted()
    caller.lease()
    in_the_past(build, "lease_until", 1)

    assert caller.lease() is not None


def test_two_workers_that_both_lost_a_build_try_it_a_third_time() -> None:
    first, second = approved(name="first"), approved(name="second")
    build = wanted()
    for caller in (first, second):
        assert caller.lease() is not None
        in_the_past(build, "lease_until", 1)

    assert first.lease() is not None


def test_the_lease_has_all_that_is_needed_and_no_keys_or_paths_of_the_server() -> None:
    Distribution.objects.create(name="demo", url="file:///srv/secret/demo")
    spec = make_spec(
        defaults="echo the secret of a router\n",
        keys=(KeySpec("usign", "untrusted comment: x\nRWQ="),),
        imagebuilder=ImageBuilderSpec("file:///srv/secret/demo/targets/ib.tar.xz", "ib.tar.xz", "1" * 64),
        feeds=(
            FeedSpec("core", "target", "opkg", "file:///srv/secret/demo/targets/packages", "2" * 64),
            FeedSpec("far", "arch", "opkg", "http://localhost/far", "3" * 64),
            FeedSpec("moved", "arch", "opkg", "file:///srv/secret/demo2/packages", "4" * 64),
        ),
    )
    wanted(spec)
    caller = approved()

    lease = caller.lease()

    assert lease is not None
    text = json.dumps(lease)
    assert lease["spec"]["keys"] == []
    assert lease["spec"]["defaults"] == spec.defaults
    assert "file:" not in text and "secret/" not in text
    assert lease["spec"]["imagebuilder"]["url"] == f"/api/worker/v1/imagebuilders/{'1' * 64}"
    assert lease["spec"]["feeds"][0]["url"] == "/api/worker/v1/files/demo/targets/packages"
    assert lease["spec"]["feeds"][1]["url"] == "http://localhost/far"
    assert lease["spec"]["feeds"][2]["url"] == "/api/worker/v1/files/demo/-"


def test_a_lease_carries_the_largest_network_profile_that_there_may_be(settings: Settings) -> None:
    content = base64.b64encode(bytes(range(256)) * 4 * settings.ASU_NETWORK_PROFILE_KB).decode()
    spec = make_spec(files=(FileSpec("etc/large", 0o755, content),), owner="organisation-1")
    wanted(spec)

    lease = approved().lease()

    assert lease is not None
    assert BuildSpec.from_json(lease["spec"]).hash() == spec.hash() == lease["hash"]


def test_a_first_boot_script_reaches_nobody_but_the_worker_that_builds_it() -> None:
    wanted(make_spec(defaults="echo the secret of a router\n"))
    caller, other = approved(), approved(name="other")
    lease = caller.lease()
    assert lease is not None

    answers = [
        other.call("POST", "lease", {"slot": 0, "call": 1}),
        other.beat(lease),
        other.call("POST", "give-back", of(lease)),
        caller.beat(lease),
        caller.put(lease, 0, b"x"),
        caller.call("POST", "fail", {**of(lease), "reason": "crash", "sentence": "It crashed."}),
    ]

    assert not any("secret" in json.dumps(answer.words) for answer in answers)


@pytest.mark.parametrize("field", ["slot", "call"])
@pytest.mark.parametrize("value", [None, -1, "0", 1.0, True, 2**62 + 1, 10**40])
def test_questions_are_numbered_by_whole_numbers(field: str, value: object) -> None:
    said = approved().call("POST", "lease", {"slot": 0, "call": 1, field: value})

    assert said.short == (400, "bad_request")
    assert said.words["detail"].startswith(field)


@pytest.mark.parametrize("value", [None, "", "done", 1, [], {}, "\0"])
def test_a_phase_that_does_not_exist_is_named(value: object) -> None:
    caller, lease = leased()

    said = caller.call("POST", "beat", {**of(lease), "phase": value})

    assert said.short == (400, "bad_request")
    assert "building_image" in said.words["detail"]


@pytest.mark.parametrize("value", [-1, 101, "5", 1.5, True, 10**30])
def test_progress_is_a_number_of_percent(value: object) -> None:
    caller, lease = leased()

    said = caller.call("POST", "beat", {**of(lease), "phase": "init", "progress": value})

    assert said.short == (400, "bad_request")


@pytest.mark.parametrize("build", [0, 999_999, 2**62])
@pytest.mark.parametrize("epoch", [0, 1, 2**31, 2**62])
def test_a_build_that_nobody_leased_to_it_is_no_lease(build: int, epoch: int) -> None:
    caller = approved()
    lease = {"build": build, "epoch": epoch}

    answers = [
        caller.beat(lease),
        caller.put(lease, 0, b"x"),
        caller.call("GET", f"uploads/{build}/{epoch}/0"),
        caller.report(lease, {}),
        caller.call("POST", "fail", {**lease, "reason": "crash"}),
        caller.call("POST", "give-back", lease),
        caller.call("POST", f"log/{build}/{epoch}?offset=0", b"x"),
    ]

    assert {answer.short for answer in answers} == {(409, "lease_lost")}


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "-1", "1.5", "x"])
def test_an_address_with_impossible_numbers_is_no_failure_of_the_server(number: str) -> None:
    caller = approved()

    answers = [
        caller.call("GET", f"uploads/{number}/1/0"),
        caller.call("GET", f"uploads/1/{number}/0"),
        caller.call("POST", f"log/{number}/{number}?offset=0", b"x"),
    ]

    assert all(answer.status in (404, 409) for answer in answers)


def test_a_cancelled_build_is_told_with_the_next_beat_and_may_be_failed_so() -> None:
    caller, lease = leased()
    queue.cancel(Build.objects.get(), why="Its owner has changed his mind.")

    assert caller.beat(lease).words["go_on"] is False
    said = caller.call("POST", "fail", {**of(lease), "reason": "cancelled", "sentence": "x"})

    assert said.words == {"status": 200, "state": "dropped", "reason": "cancelled"}
    assert Build.objects.get().sentence == "Its owner has changed his mind."


@pytest.mark.parametrize("path", ["fail", "give-back"])
def test_an_end_that_is_told_twice_counts_once(path: str) -> None:
    make_worker()
    caller, lease = leased()
    said = {**of(lease), "reason": "package_conflict", "sentence": "They clash."}

    first = caller.call("POST", path, said)
    before = Build.objects.values().get()
    second = caller.call("POST", path, said)

    assert first.status == second.status == 200
    assert Build.objects.values().get() == before
