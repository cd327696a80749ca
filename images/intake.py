"""Where checked requests become rows, each once, however many ask at the same time.

One thread of each process writes what all its request threads bring, many requests a transaction::

    request threads ── ticket ──► writer: INSERT builds, INSERT requests, COMMIT ──► each ticket is answered

A ticket is answered after the commit, never before. The unique hashes decide who is first: whoever finds the hash taken
reads the row that has it.
"""

import fcntl
import json
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from builders import clock, queue, waiting
from builders.models import Build
from builders.states import State
from builders.turns import Turns
from images.clients import Client
from images.exceptions import TooManyRequestsError
from images.fingerprint import Fingerprint
from images.models import ImageRequest
from images.rows import Inserter
from images.validation import Asked
from packages.versions import version_key

_MOST = 64  # tickets a transaction: enough to share its cost, few enough not to keep others from the database
_IDLE_SECONDS = 30.0  # after this long without work the writer ends, and its connection with it


@dataclass(slots=True)
class Ticket:
    """A request on its way into the database."""

    identity: Fingerprint
    echo: dict[str, Any]
    asked: Asked
    organisation: int | None  # whose members alone see it
    at: datetime  # when it came; once stored, when it was queued, by the database's clock
    answered: threading.Lock = field(default_factory=threading.Lock)  # held until then
    build_id: int | None = None  # None: the hash was taken
    request_id: int | None = None
    turn: int = 0
    is_over_limit: bool = False  # its client has had enough for now: it is stored only if it is known
    error: Exception | None = None


def store(
    identity: Fingerprint, echo: dict[str, Any], asked: Asked, *, organisation: int | None = None
) -> tuple[ImageRequest, bool]:
    """The request's row with its build, and whether it is new. Durable when this returns.

    Within a transaction of the caller's it is as durable as that. TooManyRequestsError when it would be new, and its
    client has had as many builds as it may have in an hour.
    """
    ticket = Ticket(identity, echo, asked, organisation, timezone.now())
    if connection.in_atomic_block:
        _write([ticket])
    else:
        _writer.write(ticket)
    if ticket.error is not None:
        raise ticket.error
    if ticket.build_id is None or ticket.request_id is None:
        if ticket.is_over_limit and not ImageRequest.objects.filter(request_hash=identity.hash).exists():
            raise TooManyRequestsError
        return _known(ticket), False
    return _new(ticket), True


def close() -> None:
    """Ends this process's writer; the next request starts another. For tests, which take their database away."""
    _writer.close()


def _new(ticket: Ticket) -> ImageRequest:
    """The row just written, without reading it."""
    identity, echo = ticket.identity, ticket.echo
    # As if read from the database, in the order of the model's fields; what is left out is read when looked at.
    build = Build.from_db(
        connection.alias,
        (
            *("id", "spec_hash", "canonical", "state", "priority", "turn", "client", "distribution", "target"),
            *("arch", "queued_at"),
        ),
        (
            *(ticket.build_id, identity.hash, identity.canonical, State.QUEUED.value, 0, ticket.turn),
            *(ticket.asked.asker.key, identity.distribution, identity.target, identity.arch, ticket.at),
        ),
    )
    request = ImageRequest.from_db(
        connection.alias,
        (
            *("id", "request_hash", "canonical", "status", "distribution", "version", "target", "profile", "echo"),
            *("client", "asker", "organisation_id", "build_id", "resolved_to_id", "refusal", "created_at"),
        ),
        (
            *(ticket.request_id, identity.hash, "", ImageRequest.Status.ACCEPTED.value, identity.distribution),
            *(echo["version"], echo["target"], identity.profile, echo, ticket.asked.client, ticket.asked.asker.key),
            *(ticket.organisation, ticket.build_id, None, None, ticket.at),
        ),
    )
    waiting.added(build)
    request.build = build
    return request


def _known(ticket: Ticket) -> ImageRequest:
    identity = ticket.identity
    rows = ImageRequest.objects.with_outcome().filter(request_hash=identity.hash)
    request = rows.first()
    if request is not None:
        return request
    # A build that nobody asked for yet, e.g. one that a maintainer queued.
    with transaction.atomic():
        build, _ = queue.submit(identity.spec, client=ticket.asked.asker.key, is_watched=True)
        ImageRequest.objects.get_or_create(
            request_hash=identity.hash,
            defaults={
                "distribution": identity.distribution,
                "version": ticket.echo["version"],
                "target": ticket.echo["target"],
                "profile": identity.profile,
                "echo": ticket.echo,
                "client": ticket.asked.client,
                "asker": ticket.asked.asker.key,
                "organisation_id": ticket.organisation,
                "build": build,
            },
        )
    return rows.get()


def _write(tickets: Sequence[Ticket]) -> None:
    """One transaction for all. Fills in the tickets' ids; those whose hash is taken have none."""
    first = {ticket.identity.hash: ticket for ticket in reversed(tickets)}  # equal ones may come together
    with transaction.atomic():
        _refuse_greedy(first)
        wanted = {key: ticket for key, ticket in reversed(first.items()) if not ticket.is_over_limit}
        if not wanted:
            return
        at = clock.now()
        now = connection.ops.adapt_datetimefield_value(at)
        turns = Turns.for_clients({ticket.asked.asker.key for ticket in wanted.values()})
        for ticket in wanted.values():
            ticket.turn = turns.next(ticket.asked.asker.key, is_outdated=is_outdated(ticket.asked))
        builds = _builds().insert([_build_row(key, ticket, now) for key, ticket in wanted.items()])
        requests = _requests().insert(
            [_request_row(key, wanted[key], build_id, now) for key, build_id in builds.items()]
        )
        if builds:
            queue.wake_workers()
    for key, request_id in requests.items():
        ticket = wanted[key]
        ticket.build_id, ticket.request_id, ticket.at = builds[key], request_id, at


def _build_row(key: str, ticket: Ticket, now: Any) -> tuple[Any, ...]:
    identity = ticket.identity
    return (
        *(key, identity.spec_json, identity.canonical, now, now, now, ticket.turn, ticket.asked.asker.key),
        *(identity.distribution, identity.version, identity.target, identity.profile),
        *(identity.arch, identity.imagebuilder),
    )


def _request_row(key: str, ticket: Ticket, build_id: int, now: Any) -> tuple[Any, ...]:
    identity, echo = ticket.identity, ticket.echo
    return (
        *(key, identity.distribution, echo["version"], echo["target"], identity.profile, json.dumps(echo)),
        *(ticket.asked.client, ticket.asked.asker.key, ticket.organisation, build_id, now),
    )


def is_outdated(asked: Asked) -> bool:
    """Whether the device said that it runs an older release than the one it asks for."""
    current = asked.current_version
    return bool(current) and version_key(asked.version) > version_key(current)


def _refuse_greedy(tickets: dict[str, Ticket]) -> None:
    """Marks those whose clients have had enough builds for now."""
    limited = {ticket.asked.asker.key for ticket in tickets.values() if not ticket.asked.asker.is_trusted}
    if not limited or not settings.ASU_CLIENT_BUILDS_PER_HOUR:
        return
    had = queue.builds_of(limited, seconds=3600)
    for ticket in reversed(tickets.values()):
        asker = ticket.asked.asker
        if asker.is_trusted:
            continue
        had[asker.key] = had.get(asker.key, 0) + 1
        ticket.is_over_limit = had[asker.key] > settings.ASU_CLIENT_BUILDS_PER_HOUR


def has_had_enough(asker: Client, build: Build) -> bool:
    """Whether this client may not even have a known build queued anew; what it asked for itself counts already."""
    most = settings.ASU_CLIENT_BUILDS_PER_HOUR
    if not most or asker.is_trusted or build.client == asker.key:
        return False
    return queue.builds_of([asker.key], seconds=3600).get(asker.key, 0) >= most


@contextmanager
def _in_turn() -> Iterator[None]:
    """SQLite has one writer at a time, and lets the others look again now and then; here they wait in a line."""
    if connection.vendor != "sqlite":
        yield
        return
    lock = _lock()
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


_locks: dict[tuple[int, Path], int] = {}


def _lock() -> int:
    """This process's handle of the lock file: of a forked one, since a lock is shared with the process forked from."""
    key = os.getpid(), Path(settings.ASU_RUN_DIR)
    if key not in _locks:
        key[1].mkdir(parents=True, exist_ok=True)
        _locks[key] = os.open(key[1] / "intake.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    return _locks[key]


_inserters: dict[str, Inserter] = {}


def _builds() -> Inserter:
    if "builds" not in _inserters:
        example = Build(state=State.QUEUED)
        varying = (
            *("spec_hash", "spec", "canonical", "created_at", "queued_at", "polled_at", "turn", "client"),
            *("distribution", "version", "target", "profile", "arch", "imagebuilder"),
        )
        _inserters["builds"] = Inserter(example, unique="spec_hash", varying=varying)
    return _inserters["builds"]


def _requests() -> Inserter:
    if "requests" not in _inserters:
        varying = (
            *("request_hash", "distribution", "version", "target", "profile", "echo", "client", "asker"),
            *("organisation_id", "build_id", "created_at"),
        )
        _inserters["requests"] = Inserter(ImageRequest(), unique="request_hash", varying=varying)
    return _inserters["requests"]


class _Writer:
    """The thread that writes; started by the first ticket of a process."""

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._wanted = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._tuned: Any = None  # the connection that is

    def write(self, ticket: Ticket) -> None:
        """Returns when the ticket is answered."""
        ticket.answered.acquire()
        with self._wanted:
            self._tickets.append(ticket)
            # `is_alive` is also how a forked process sees that the thread stayed behind.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
                self._thread.start()
            self._wanted.notify()
        ticket.answered.acquire()

    def close(self) -> None:
        """Ends the thread after what it has to write."""
        with self._wanted:
            thread, self._is_closing = self._thread, True
            self._wanted.notify()
        if thread is not None:
            thread.join()
        self._is_closing = False

    def _run(self) -> None:
        try:
            while self._has_work():
                batch: list[Ticket] = []
                try:
                    close_old_connections()
                    self._tune()
                    with _in_turn():
                        batch = self._take()  # only now: what came while we stood in line goes along
                        _write_all(batch)
                except Exception as error:  # noqa: BLE001 (no connection, say; each request thread raises it again)
                    batch = batch or self._take()
                    for ticket in batch:
                        ticket.error = error
                for ticket in batch:
                    ticket.answered.release()
        finally:
            connection.close()

    def _take(self) -> list[Ticket]:
        return [self._tickets.popleft() for _ in range(min(len(self._tickets), _MOST))]

    def _tune(self) -> None:
        """SQLite: room for the pages that each transaction touches, and fewer of the pauses that move the log."""
        connection.ensure_connection()
        if connection.vendor == "sqlite" and connection.connection is not self._tuned:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA cache_size = -16000")  # KiB
                cursor.execute("PRAGMA wal_autocheckpoint = 8000")  # pages
            self._tuned = connection.connection

    def _has_work(self) -> bool:
        """Waits for tickets; False when it is time to end."""
        with self._wanted:
            self._wanted.wait_for(lambda: self._tickets or self._is_closing, _IDLE_SECONDS)
            if not self._tickets:
                self._thread = None  # decided under the lock: whoever comes next starts another thread
            return bool(self._tickets)


def _write_all(batch: Sequence[Ticket]) -> None:
    """Together, or if that fails each for itself, so that no request suffers for another."""
    try:
        _write(batch)
    except DatabaseError as error:
        if len(batch) == 1:
            batch[0].error = error
            return
        for ticket in batch:
            _write_all([ticket])


_writer = _Writer()
