"""What each sync does, written down while it does it: `SyncRun`.

Only one sync of a distribution at a time. On this machine a lock says so, which the kernel takes from a process that
dies; between machines a constraint on the rows does, and a row that nobody has touched for long is given up.
"""

import fcntl
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from packages.models import Distribution, SyncRun
from packages.sync.distributions import sync_distribution
from packages.sync.report import Progress, SyncReport, silent

log = logging.getLogger(__name__)

WRITE_SECONDS = 0.5  # between two notes of how far it is
# A run of another machine that said nothing for so long is over; one fetch of one file may take some minutes.
LEASE = timedelta(minutes=20)
WAITING = timedelta(hours=1)  # a queued run that nobody has begun by then is not begun any more
MOST_SENTENCES, LONGEST_SENTENCE = 50, 2000
KEPT_QUIET = 3  # runs of a distribution that found nothing new, and were asked for by nobody in person
KEPT_LOUD = 100  # the others

_State, _Origin = SyncRun.State, SyncRun.Origin
_BROKEN = "It ended before it was done: its process was stopped or killed. What it had read stays; sync again."
_NEVER = "Nobody began it within an hour: do the server's background processes run?"


def ask(
    distribution: Distribution,
    *,
    release: str = "",
    target: str = "",
    is_full: bool = False,
    origin: SyncRun.Origin = _Origin.SCHEDULE,
    asked_by: Any = None,
) -> SyncRun:
    """A run that is still to be carried out."""
    return SyncRun.objects.create(
        distribution=distribution, release=release, target=target, is_full=is_full, origin=origin, asked_by=asked_by
    )


def ask_once(distribution: Distribution, asked_by: Any, **part: Any) -> SyncRun:
    """For a person: the run that waits for the same already, else a new one, given to the background processes."""
    give_up_dead(distribution)
    wanted = {"release": "", "target": "", "is_full": False, **part}
    waiting = SyncRun.objects.filter(distribution=distribution, state=_State.QUEUED, **wanted).first()
    if waiting is not None:
        return waiting
    run = ask(distribution, origin=_Origin.PERSON, asked_by=asked_by, **part)
    transaction.on_commit(lambda: _start(run))
    return run


def open_run(distribution: Distribution) -> SyncRun | None:
    """The run of a distribution that waits or is under way."""
    give_up_dead(distribution)
    return SyncRun.objects.filter(distribution=distribution, state__in=SyncRun.OPEN).order_by("id").first()


def carry_out(run: SyncRun, progress: Progress = silent) -> SyncReport | None:
    """Sync what the run says and write down how it goes; None when another one is at it, or it was done already.

    What a person asked for then waits for its turn: whoever ends starts it. Others are refused.
    """
    with _lock(run.distribution_id) as is_ours:
        if not is_ours or not _begin(run):
            if run.origin != _Origin.PERSON:
                _refuse(run)
            return None
        try:
            report = sync_distribution(
                run.distribution,
                release=run.release,
                target=run.target,
                full=run.is_full,
                progress=_Notes(run, progress),
            )
            _finish(run, report)
        finally:
            if run.state == _State.RUNNING:
                _end(run, _State.BROKEN_OFF, message=_BROKEN)
    # After the lock is free: who found it taken has written down what waits before.
    for waiting in SyncRun.objects.filter(distribution=run.distribution_id, state=_State.QUEUED).order_by("id")[:1]:
        _start(waiting)
    _trim(run.distribution)
    return report


def give_up_dead(distribution: Distribution | None = None) -> None:
    """Say of runs that nobody carries out any more that they ended."""
    now = timezone.now()
    rows = SyncRun.objects.filter(state__in=SyncRun.OPEN)
    found = list(rows.filter(distribution=distribution) if distribution else rows)
    busy = {run.distribution_id for run in found if run.state == _State.RUNNING}
    for run in found:
        if run.state == _State.QUEUED:
            if run.queued_at < now - WAITING and run.distribution_id not in busy:
                _end(run, _State.BROKEN_OFF, message=_NEVER)
        elif _is_dead(run):
            _end(run, _State.BROKEN_OFF, message=_BROKEN)


def _start(run: SyncRun) -> None:
    async_task("packages.tasks.run_sync", run.pk)


# -- one at a time -----------------------------------------------------------------------------------------


@contextmanager
def _lock(distribution_id: int) -> Iterator[bool]:
    """Whether nobody else on this machine syncs the distribution meanwhile."""
    path = settings.ASU_RUN_DIR / f"sync-{distribution_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _is_dead(run: SyncRun) -> bool:
    if (run.beat_at or run.queued_at) < timezone.now() - LEASE:
        return True
    if run.machine != socket.gethostname():
        return False
    with _lock(run.distribution_id) as is_free:
        if not is_free:
            return False
        # The lock goes a moment after the end is written: look once more while nobody has it.
        return SyncRun.objects.filter(pk=run.pk, state=_State.RUNNING).exists()


def _begin(run: SyncRun) -> bool:
    """Take it, while we have the lock: who is said to run here is dead."""
    now, here = timezone.now(), socket.gethostname()
    dead = Q(machine=here) | Q(beat_at__lt=now - LEASE)
    for left in SyncRun.objects.filter(dead, distribution=run.distribution_id, state=_State.RUNNING):
        _end(left, _State.BROKEN_OFF, message=_BROKEN)
    try:
        with transaction.atomic():
            taken = SyncRun.objects.filter(pk=run.pk, state=_State.QUEUED).update(
                state=_State.RUNNING, started_at=now, beat_at=now, machine=here
            )
    except IntegrityError:
        return False
    run.refresh_from_db()
    return bool(taken)


def _refuse(run: SyncRun) -> None:
    sentence = f"Another sync of {run.distribution} was under way, so this one was not begun."
    SyncRun.objects.filter(pk=run.pk, state=_State.QUEUED).update(
        state=_State.REFUSED, finished_at=timezone.now(), message=sentence
    )
    run.refresh_from_db()


# -- writing -----------------------------------------------------------------------------------------------


class _Notes:
    """How far it is, a few times a second at most. Never called within a transaction, so others see it at once."""

    def __init__(self, run: SyncRun, further: Progress) -> None:
        self._run, self._further = run, further
        self._next = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        self._further(what, done, total)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + WRITE_SECONDS
        values: dict[str, Any] = {"stage": _plain(what)[:200], "beat_at": timezone.now()}
        if total:  # a step in between says nothing of the whole
            values |= {"done": min(done, 2**31 - 1), "total": min(total, 2**31 - 1)}
        try:
            SyncRun.objects.filter(pk=self._run.pk, state=_State.RUNNING).update(**values)
        except OperationalError as error:  # a database that is busy: the sync is worth more than the note
            log.info("%s: %s", self._run, error)


def _finish(run: SyncRun, report: SyncReport) -> None:
    changes = report.changes()
    _end(
        run,
        _State.FAILED if report.errors else _State.DONE,
        message=_plain(report.summary()),
        notes=_sentences(report.notes),
        errors=_sentences(report.errors),
        changes=changes,
        has_changes=bool(changes),
    )


def _end(run: SyncRun, state: SyncRun.State, **values: Any) -> None:
    """Once: who comes second finds it ended."""
    SyncRun.objects.filter(pk=run.pk, state__in=SyncRun.OPEN).update(
        state=state, finished_at=timezone.now(), stage="", **values
    )
    run.refresh_from_db()


def _sentences(found: list[str]) -> list[str]:
    left = len(found) - MOST_SENTENCES
    return [_plain(text)[:LONGEST_SENTENCE] for text in found[:MOST_SENTENCES]] + (
        [f"And {left} more."] if left > 0 else []
    )


def _plain(text: str) -> str:
    """What every database keeps."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{SYMBOL FOR NULL}")


def _trim(distribution: Distribution) -> None:
    """Old ones go; those that found something, failed, or that a person asked for stay longer."""
    over = SyncRun.objects.filter(distribution=distribution).exclude(state__in=SyncRun.OPEN).order_by("-id")
    quiet = Q(state__in=(_State.DONE, _State.REFUSED), has_changes=False) & ~Q(origin=_Origin.PERSON)
    for rows, most in ((over.filter(quiet), KEPT_QUIET), (over.exclude(quiet), KEPT_LOUD)):
        old = list(rows.values_list("pk", flat=True)[most : most + 1000])
        SyncRun.objects.filter(pk__in=old).delete()
