"""The way to the queue for an agent on a machine that has the database: plain calls, one slot an agent.

A slot is a number below ASU_LOCAL_WORKERS and a lock file that the agent's process holds. The lock goes with the
process, however that ends; so whoever gets it knows that the former holder is dead and takes back its builds at once.
"""

import fcntl
import functools
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from builders import labels, livelog, machine, queue, receiving, shelf, tokens, wake, workers
from builders.models import Build, Worker
from builders.spec import BuildFailedError, BuildResult
from builders.states import Phase
from builders.transports.base import Lease, TransportError
from builders.transports.http import Connection, HttpTransport
from packages import upstream

_P = ParamSpec("_P")
_R = TypeVar("_R")

_TICK = 0.02  # seconds between two looks at the wake file


def _reaches_queue(
    call: Callable[Concatenate["LocalTransport", _P], _R],
) -> Callable[Concatenate["LocalTransport", _P], _R]:
    """A database that went away is a TransportError; the next call gets a fresh connection."""

    @functools.wraps(call)
    def reach(self: "LocalTransport", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return call(self, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            self.close()
            raise TransportError(str(error)) from error

    return reach


class LocalTransport:
    """The queue, as a worker on this machine."""

    def __init__(self, slot: int) -> None:
        self.name = name_of(slot)
        self.is_told_to_stop = False
        self.is_resting = False  # drained or stopped: what waits is not for us
        self._held: frozenset[str] | None = None
        self._main: HttpTransport | None = None  # the main server, where the store is on another machine

    @functools.cached_property
    def worker(self) -> Worker:
        """The row of this slot."""
        return row_of(self.name)

    @_reaches_queue
    def arrive(self, sandbox: str, detail: str) -> None:
        """Introduce the worker. Only for the holder of the slot's lock: what the slot left unfinished is taken back."""
        facts = {"sandbox": sandbox, "sandbox_detail": detail, **machine.facts(), **machine.load()}
        intro = workers.Introduction(
            self.name,
            secrets.token_hex(16),
            labels=tuple(labels.parse(settings.ASU_WORKER_LABELS)),
            imagebuilders=tuple(shelf.ready()),
            facts=facts,
        )
        worker = workers.arrive(self.worker, intro)
        if settings.ASU_UPLOAD_URL:
            self._main = HttpTransport(main_server(worker))
        self._held = frozenset(intro.imagebuilders)
        receiving.remove_leftovers()

    @_reaches_queue
    def lease(self) -> Lease | None:
        """The next build; None also while the worker is told to rest.

        A worker that lacks disk or memory leaves builds to others. Where it is the only one they fail with that reason,
        so that nobody waits for what does not come.
        """
        complaint = machine.complaint()
        self._hold(frozenset(shelf.ready()))
        self.is_resting = self._desired(complaint) != Worker.Desired.RUN
        if self.is_resting or (complaint and Worker.objects.able().exclude(pk=self.worker.pk).exists()):
            return None
        lease = queue.lease(self.worker)
        if lease is not None and settings.ASU_LOCAL_WORKERS > 1 and Build.objects.queued().exists():
            wake.ask_for_agent()  # for the next one, if there is a free slot
        return lease

    @_reaches_queue
    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        """See the base."""
        is_wanted = queue.beat(lease, self.worker, phase, progress)
        return is_wanted and self._desired(machine.complaint()) != Worker.Desired.STOP

    @_reaches_queue
    def log(self, lease: Lease, text: str) -> None:
        """See the base."""
        if self._main is not None:
            self._main.log(lease, text)
            return
        try:
            livelog.append(lease.build_id, lease.epoch, text)
        except OSError as error:  # a full disk: the log can do without, the beats that come with it go on
            raise TransportError(f"the log cannot be written: {error.strerror}") from error

    @_reaches_queue
    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        """See the base. Where the store is on another machine, that one is sent the files and finishes the build."""
        if self._main is not None:
            self._main.finish(lease, result, folder)
        else:
            queue.finish(lease, self.worker, result, folder)

    @_reaches_queue
    def fail(self, lease: Lease, failure: BuildFailedError) -> None:
        """See the base."""
        queue.fail(lease, self.worker, failure)

    @_reaches_queue
    def give_back(self, lease: Lease) -> None:
        """See the base."""
        queue.give_back(lease, self.worker)

    def doze(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Until something is queued on this machine, or the time is over."""
        seen = wake.mark()
        until = time.monotonic() + seconds
        with wake.idle():
            while time.monotonic() < until and wake.mark() == seen and not stop():
                time.sleep(_TICK)

    def close(self) -> None:
        """See the base."""
        if self._main is not None:
            self._main.close()
        if not connection.in_atomic_block:
            connection.close()

    def _hold(self, held: frozenset[str]) -> None:
        if held != self._held:
            workers.hold(self.worker, held)
            self._held = held

    def _desired(self, complaint: str) -> str:
        """What a maintainer wants of this worker; asking leaves a trace now and then."""
        workers.heard_from(self.worker, complaint=complaint, **machine.load())
        found = Worker.objects.filter(pk=self.worker.pk).values_list("desired", "standing", "labels").first()
        desired, standing, self.worker.labels = found or (Worker.Desired.STOP.value, "", [])
        self.is_told_to_stop = desired == Worker.Desired.STOP
        return desired if standing == Worker.Standing.APPROVED else Worker.Desired.DRAIN.value


def name_of(slot: int) -> str:
    """What the worker in a slot of this machine is called."""
    return f"{workers.LOCAL}{settings.ASU_WORKER_NAME or socket.gethostname()}"[:72] + f"-{slot}"


def main_server(worker: Worker) -> Connection:
    """The way to the main server for a worker that shares its database: it gives itself a token."""
    token = tokens.new(tokens.WORKER)
    Worker.objects.filter(pk=worker.pk).update(token_hash=tokens.digest(token))
    connection = Connection(settings.ASU_UPLOAD_URL, token)
    connection.instance = worker.instance
    upstream.authorize(connection.server, connection.authorization)
    return connection


def row_of(name: str) -> Worker:
    """The row of a slot, made with its first agent."""
    worker, _ = Worker.objects.get_or_create(name=name, defaults={"is_local": True})
    return worker


def speak_for_slots() -> None:
    """The cluster is there, so its slots are, also while no agent sits in them: one is started when it is needed."""
    names = [name_of(slot) for slot in range(settings.ASU_LOCAL_WORKERS)]
    for name in names:
        row_of(name)
    Worker.objects.filter(name__in=names).update(seen_at=Now(), complaint=machine.complaint(), **machine.load())


def sign_off() -> None:
    """The cluster ends: nobody has to find that out by its silence."""
    names = [name_of(slot) for slot in range(settings.ASU_LOCAL_WORKERS)]
    Worker.objects.filter(name__in=names).update(seen_at=None)


@contextmanager
def free_slot() -> Iterator[int | None]:
    """The number of a slot that nobody else on this machine holds until this ends; None when all are taken.

    Slots whose workers rest come last.
    """
    folder = Path(settings.ASU_RUN_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    resting = set(Worker.objects.exclude(desired=Worker.Desired.RUN).values_list("name", flat=True))
    slots = sorted(range(settings.ASU_LOCAL_WORKERS), key=lambda slot: name_of(slot) in resting)
    for slot in slots:
        with (folder / f"slot-{slot}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
    yield None
