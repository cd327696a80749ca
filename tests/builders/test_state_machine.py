"""Builds, workers, clients and maintainers in any order, with time passing at will: what has to hold holds all along.

Hypothesis chooses who does what next. Leases go by the database's clock: time passes by moving stored times back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, F
from django.db.models.functions import Now
from hypothesis import HealthCheck, seed
from hypothesis import Phase as HypothesisPhase
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from builders import queue, workers
from builders.models import Attempt, Build, Worker
from builders.queue import CRASHED, GIVEN_BACK, LOST
from builders.spec import BuildFailedError
from builders.states import FINAL, OPEN, Phase, Reason, State
from builders.transports.base import Call, Lease, LeaseLostError
from tests.factories import make_result, make_spec

REMOTES = {"far": 1, "wide": 2}  # name -> jobs
LOCAL = "near"
EVERYBODY = [*REMOTES, LOCAL]
SPECS = [make_spec(packages=(f"machine-{number}",)) for number in range(3)]
CLIENTS = ["", "ann", "bob"]
EXAMPLES = 60  # more find more: 1000 take minutes
# A beat's while; a lease; a failure's memory of ours; until a build is dropped; a user's failure's memory.
WHILES = [1, 20, 20, 61, 61, 301, 901, 86401]
ARROWS = {
    State.QUEUED: {State.BUILDING, State.DROPPED, State.FAILED, State.PARKED},
    State.BUILDING: {State.QUEUED, State.DONE, State.FAILED, State.PARKED, State.DROPPED},
    State.DONE: {State.EXPIRED},
    State.EXPIRED: {State.QUEUED},
    State.FAILED: {State.QUEUED},
    State.DROPPED: {State.QUEUED},
    State.PARKED: {State.QUEUED},
}

# Of a build; specs and logs are long, and never change or never matter here.
COLUMNS = [
    *("id", "state", "phase", "worker_id", "lease_until", "cancel_requested", "attempts", "epoch", "turn"),
    *("queued_at", "finished_at", "reason", "sentence", "is_shared"),
]
SECOND_THOUGHTS: dict[str, tuple[Callable[[Build], bool], frozenset[State]]] = {
    "cancel": (lambda build: queue.cancel(build, "I changed my mind."), frozenset(OPEN)),
    "cancel, by a maintainer": (queue.cancel, frozenset(OPEN)),
    "expire": (queue.expire, frozenset({State.DONE})),
    "retry": (
        lambda build: queue.retry(build, client="ann"),
        frozenset({State.FAILED, State.EXPIRED, State.DROPPED}),
    ),
    "retry, by a maintainer": (queue.retry, FINAL - {State.DONE}),
}
MEDDLING: dict[str, Callable[[Worker], object]] = {
    "suspend": lambda worker: workers.suspend(worker, "It smells."),
    "revoke": workers.revoke,
    "drain": lambda worker: workers.want(worker, Worker.Desired.DRAIN),
    "stop": lambda worker: workers.want(worker, Worker.Desired.STOP),
}

which = st.sampled_from(range(len(SPECS)))
Row = Mapping[str, Any]
whom = st.sampled_from(EVERYBODY)
remote = st.sampled_from(sorted(REMOTES))


@dataclass(frozen=True)
class Held:
    """A lease as its worker remembers it, over or not."""

    lease: Lease
    worker: str


@dataclass(frozen=True)
class Picture:
    """All rows that count, at one moment."""

    builds: dict[int, Row]
    attempts: dict[int, list[Row]]  # of a build, in the order of their epochs
    workers: dict[str, Row]

    @classmethod
    def taken(cls) -> "Picture":
        attempts: dict[int, list[Row]] = defaultdict(list)
        for attempt in Attempt.objects.order_by("epoch").values():
            attempts[attempt["build_id"]].append(attempt)
        return cls(
            {build["id"]: build for build in Build.objects.order_by("pk").values(*COLUMNS)},
            dict(attempts),
            {
                worker["name"]: worker
                for worker in Worker.objects.values("id", "name", "standing", "desired", "jobs", "strikes")
            },
        )

    def lately(self, build: Row) -> list[Row]:
        """The attempts since the build was queued."""
        mine = self.attempts.get(build["id"], [])
        return [attempt for attempt in mine if attempt["started_at"] >= build["queued_at"]]


class Farm(RuleBasedStateMachine):
    """What may happen are the rules; what has to hold are the invariants, by their names."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self._outer = transaction.savepoint()
        self.tokens = {name: workers.new_worker_token(name) for name in REMOTES}
        self.lives = 0
        self.numbers: dict[tuple[str, int], int] = defaultdict(int)
        self.is_maintainer = False
        self.before = self.now = Picture.taken()

    def teardown(self) -> None:
        transaction.savepoint_rollback(self._outer)

    @initialize()
    def everybody_arrives(self) -> None:
        for name in EVERYBODY:
            self._arrive(name)
        for spec in SPECS[:-1]:
            queue.submit(spec)
        self.before = self.now = Picture.taken()

    # -- clients ---------------------------------------------------------------------------------------------

    @rule(which=which, client=st.sampled_from(CLIENTS), outdated=st.booleans(), watched=st.booleans())
    def submit(self, which: int, client: str, outdated: bool, watched: bool) -> None:
        with self._step():
            build, queued = queue.submit(SPECS[which], client=client, is_outdated=outdated, is_watched=watched)
            queue.share(build, client)
        assert not queued or build.state == State.QUEUED

    @rule(which=which, what=st.sampled_from(sorted(SECOND_THOUGHTS)))
    def have_second_thoughts(self, which: int, what: str) -> None:
        """Of clients and maintainers; each counts only where the build stands so that it can."""
        with self._step(by_maintainer=what == "retry, by a maintainer"):
            build = Build.objects.filter(spec_hash=SPECS[which].hash()).first()
            if build is not None:
                act, states = SECOND_THOUGHTS[what]
                can = State(build.state) in states and not (what == "cancel" and build.is_shared)
                assert act(build) == can

    # -- workers ---------------------------------------------------------------------------------------------

    @rule(target=leases, name=remote, slot=st.integers(0, 1))
    def ask_for_a_build(self, name: str, slot: int) -> Any:
        return self._ask(name, slot, late=0)

    @rule(target=leases, name=remote, slot=st.integers(0, 1))
    def ask_for_another_build(self, name: str, slot: int) -> Any:
        """The same once more, since nothing happens without it."""
        return self._ask(name, slot, late=0)

    @rule(target=leases, name=remote, slot=st.integers(0, 1), late=st.integers(1, 2))
    def ask_what_was_asked_before(self, name: str, slot: int, late: int) -> Any:
        """The last question again, or the one before that."""
        return self._ask(name, slot, late=late)

    @rule(target=leases)
    def local_worker_asks(self) -> Any:
        with self._step():
            worker = self._speaks(LOCAL)
            # A slot works on one build at a time; its process asks when it has none.
            lease = None if worker.builds.building().exists() else queue.lease(worker)
        return multiple() if lease is None else Held(lease, LOCAL)

    @rule(held=leases, phase=st.sampled_from(list(Phase)))
    def beat(self, held: Held, phase: Phase) -> None:
        asked = self.now.builds[held.lease.build_id]["cancel_requested"]

        def say(worker: Worker) -> None:
            assert queue.beat(held.lease, worker, phase) != asked

        self._tell(held, say)

    @rule(held=consumes(leases))
    def finish(self, held: Held) -> None:
        self._tell(held, lambda worker: queue.finish(held.lease, worker, make_result(), Path("/nowhere")), State.DONE)

    @rule(held=leases)
    def finish_and_go_on_remembering(self, held: Held) -> None:
        self._tell(held, lambda worker: queue.finish(held.lease, worker, make_result(), Path("/nowhere")), State.DONE)

    @rule(held=leases, reason=st.sampled_from([Reason.IMAGE_TOO_BIG, Reason.CRASH, Reason.BAD_RESULT, Reason.TIMEOUT]))
    def fail(self, held: Held, reason: Reason) -> None:
        failure = BuildFailedError(reason, f"It failed: {reason.label}.")
        self._tell(held, lambda worker: queue.fail(held.lease, worker, failure), reason)

    @rule(held=leases)
    def give_back(self, held: Held) -> None:
        self._tell(held, lambda worker: queue.give_back(held.lease, worker), GIVEN_BACK)

    @rule(held=leases, thief=whom)
    def somebody_else_beats(self, held: Held, thief: str) -> None:
        if thief == held.worker:
            return
        with self._step(), pytest.raises(LeaseLostError):
            queue.beat(held.lease, self._speaks(thief), Phase.INIT)
        assert self.now == self.before

    @rule(name=whom)
    def start_anew(self, name: str) -> None:
        """It crashed, or was told to; it knows nothing of its builds."""
        with self._step():
            self._arrive(name)

    @rule(seconds=st.sampled_from(WHILES), tidy=st.booleans())
    def time_passes(self, seconds: int, tidy: bool) -> None:
        """With the chores of each minute, or before they come."""
        for model in (Build, Attempt, Worker):
            names = [field.name for field in model._meta.fields if isinstance(field, DateTimeField)]
            model._default_manager.update(**{name: F(name) - timedelta(seconds=seconds) for name in names})
        self.now = Picture.taken()
        if tidy:
            with self._step():
                queue.drop_unwanted()
            with self._step(), transaction.atomic():
                queue.reclaim_overdue()

    # -- maintainers ------------------------------------------------------------------------------------------

    @rule(name=remote, what=st.sampled_from(sorted(MEDDLING)))
    def a_maintainer_meddles(self, name: str, what: str) -> None:
        """And puts it right again later, mostly."""
        with self._step():
            MEDDLING[what](Worker.objects.get(name=name))

    @rule(name=remote)
    def a_maintainer_lets_it_work(self, name: str) -> None:
        with self._step():
            worker = Worker.objects.get(name=name)
            if worker.standing == Worker.Standing.REVOKED:
                self.tokens[name] = workers.new_worker_token(name)
            workers.approve(worker)
            workers.want(worker, Worker.Desired.RUN)

    # -- what has to hold ------------------------------------------------------------------------------------

    @invariant()
    def builds_move_along_the_arrows(self) -> None:
        for pk, build in self.now.builds.items():
            was = self.before.builds.get(pk, build)
            if was["state"] != build["state"]:
                assert build["state"] in ARROWS[was["state"]], (was["state"], build["state"])

    @invariant()
    def only_a_maintainer_takes_a_build_out_of_parked(self) -> None:
        for pk, was in self.before.builds.items():
            if was["state"] == State.PARKED:
                assert self.now.builds[pk]["state"] == State.PARKED or self.is_maintainer

    @invariant()
    def one_attempt_is_open_while_a_build_is_under_way_and_none_otherwise(self) -> None:
        for pk, build in self.now.builds.items():
            is_open = [attempt for attempt in self.now.attempts.get(pk, []) if not attempt["outcome"]]
            if build["state"] == State.BUILDING:
                assert [(a["epoch"], a["worker_id"]) for a in is_open] == [(build["epoch"], build["worker_id"])]
            else:
                assert is_open == []

    @invariant()
    def epochs_only_grow_and_count_the_attempts(self) -> None:
        for pk, build in self.now.builds.items():
            epochs = [attempt["epoch"] for attempt in self.now.attempts.get(pk, [])]
            assert epochs == list(range(1, build["epoch"] + 1))
            assert build["epoch"] >= self.before.builds.get(pk, build)["epoch"]

    @invariant()
    def what_is_done_was_done_once_and_by_its_last_lease(self) -> None:
        for build in self.now.builds.values():
            done = [a["epoch"] for a in self.now.lately(build) if a["outcome"] == State.DONE]
            if build["state"] in (State.DONE, State.EXPIRED):
                assert done == [build["epoch"]]
            else:
                assert done == []

    @invariant()
    def final_states_say_why_and_keep_to_it(self) -> None:
        for pk, build in self.now.builds.items():
            was = self.before.builds.get(pk)
            if build["state"] in (State.FAILED, State.PARKED):
                assert build["reason"] in Reason.values()
                assert build["sentence"]
                assert build["finished_at"]
            if was and was["state"] == build["state"] and build["state"] in FINAL:
                assert (was["reason"], was["sentence"]) == (build["reason"], build["sentence"])

    @invariant()
    def nobody_works_on_more_than_its_jobs(self) -> None:
        held: dict[int, int] = defaultdict(int)
        for build in self.now.builds.values():
            if build["state"] == State.BUILDING:
                held[build["worker_id"]] += 1
        for worker in self.now.workers.values():
            assert held[worker["id"]] <= worker["jobs"]

    @invariant()
    def nobody_gets_builds_who_may_not(self) -> None:
        names = {worker["id"]: worker for worker in self.before.workers.values()}
        for pk, attempts in self.now.attempts.items():
            for attempt in attempts[len(self.before.attempts.get(pk, [])) :]:
                worker = names[attempt["worker_id"]]
                assert (worker["standing"], worker["desired"]) == (Worker.Standing.APPROVED, Worker.Desired.RUN)

    @invariant()
    def a_revoked_worker_holds_nothing(self) -> None:
        gone = {worker["id"] for worker in self.now.workers.values() if worker["standing"] == Worker.Standing.REVOKED}
        assert not [b for b in self.now.builds.values() if b["state"] == State.BUILDING and b["worker_id"] in gone]

    @invariant()
    def only_what_was_under_way_goes_before_all_turns(self) -> None:
        for build in self.now.builds.values():
            if build["state"] == State.QUEUED:
                assert (build["turn"] == 0) == bool(self.now.lately(build)), build["turn"]
                assert (build["worker_id"], build["lease_until"], build["phase"]) == (None, None, "")

    @invariant()
    def attempts_are_limited_and_counted_against_workers_only(self) -> None:
        for build in self.now.builds.values():
            counted = [attempt for attempt in self.now.lately(build) if attempt["outcome"] != GIVEN_BACK]
            assert len(counted) <= build["attempts"] <= settings.ASU_MAX_ATTEMPTS
            assert build["attempts"] == len(counted) or build["state"] in FINAL

    @invariant()
    def builds_are_given_up_for_a_reason(self) -> None:
        for build in self.now.builds.values():
            lost = [a for a in self.now.lately(build) if a["outcome"] in (LOST, CRASHED)]
            fallen = {a["worker_name"] for a in lost if a["outcome"] == CRASHED}
            if build["state"] == State.PARKED:
                assert len(fallen) >= 2
            elif build["state"] == State.FAILED and build["reason"] == Reason.INFRASTRUCTURE:
                assert build["attempts"] == settings.ASU_MAX_ATTEMPTS
                assert lost

    @invariant()
    def what_was_cancelled_does_not_wait_again_unless_somebody_else_wants_it(self) -> None:
        for pk, was in self.before.builds.items():
            if was["state"] == State.BUILDING and was["cancel_requested"]:
                build = self.now.builds[pk]
                if was["sentence"] and build["is_shared"] and not was["is_shared"]:
                    continue  # it was its requester's wish, and another one came
                assert build["state"] in FINAL or (build["epoch"], build["cancel_requested"]) == (was["epoch"], True)

    # -- how -------------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, *, by_maintainer: bool = False) -> Iterator[None]:
        """The pictures before and after what is done within."""
        self.before, self.is_maintainer = self.now, by_maintainer
        yield
        self.now = Picture.taken()

    def _ask(self, name: str, slot: int, *, late: int) -> Any:
        slot = min(slot, REMOTES[name] - 1)
        if not late:
            self.numbers[name, slot] += 1
        call = Call(slot, max(0, self.numbers[name, slot] + 1 - max(1, late)))
        with self._step():
            lease = queue.lease(self._speaks(name), call)
        return multiple() if lease is None else Held(lease, name)

    def _tell(self, held: Held, say: Callable[[Worker], None], outcome: str = "") -> None:
        """A call under a lease. A stale one changes nothing; it is refused, unless it tells its own end once more."""
        build = self.now.builds[held.lease.build_id]
        worker = self._speaks(held.worker)
        is_alive = (build["state"], build["epoch"], build["worker_id"]) == (
            State.BUILDING,
            held.lease.epoch,
            worker.pk,
        )
        (attempt,) = [a for a in self.now.attempts[held.lease.build_id] if a["epoch"] == held.lease.epoch]
        with self._step():
            try:
                say(worker)
            except LeaseLostError:
                assert not is_alive
            else:
                assert is_alive or attempt["outcome"] == outcome != ""
        if not is_alive:
            assert self.now == self.before

    def _speaks(self, name: str) -> Worker:
        """The row of a worker that is heard of just now."""
        Worker.objects.filter(name=name).update(seen_at=Now())
        return Worker.objects.get(name=name)

    def _arrive(self, name: str) -> None:
        self.lives += 1
        intro = workers.Introduction(name, f"{self.lives:032x}", jobs=REMOTES.get(name, 1))
        if name == LOCAL:
            workers.arrive(Worker.objects.get_or_create(name=name)[0], intro)
        elif Worker.objects.get(name=name).standing == Worker.Standing.REVOKED:
            with pytest.raises(workers.NotWelcomeError):
                workers.introduce(self.tokens[name], intro)
        else:
            workers.introduce(self.tokens[name], intro)


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_invariants_hold() -> None:
    run = seed(3)(Farm)
    run_state_machine_as_test(
        run,
        settings=how(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=(HypothesisPhase.generate, HypothesisPhase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
