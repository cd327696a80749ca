"""The way to the queue for an agent on a machine that has the database: plain calls, one slot an agent.

A slot is a number below ASU_LOCAL_WORKERS and a lock file that the agent's process holds. The lock goes with the
process, however that ends; so whoever gets it knows that the former holder is dead and takes back its builds at once.
"""

import fcntl
import functools
import math
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from builders import queue, wake
from builders.models import Build, Worker
from builders.spec import BuildFailedError, BuildResult
from builders.states import Phase
from builders.transports.base import Lease, TransportError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LEASE_FOLDER = re.compile(r"[0-9]+-[0-9]+")

# How exact the times of a worker in the admin are.
_SEEN_SECONDS = 5


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
        self.name = f"local-{socket.gethostname()}-{slot}"[:80]
        self.is_told_to_stop = False
        self.is_resting = False  # drained or stopped: what waits is not for us
        self._last_seen = -math.inf
        self._last_complaint = ""

    @functools.cached_property
    def worker(self) -> Worker:
        """The row of this slot."""
        worker, _ = Worker.objects.get_or_create(name=self.name)
        return worker

    @_reaches_queue
    def arrive(self, sandbox: str, detail: str) -> None:
        """Introduce the worker. Only for the holder of the slot's lock: what the slot left unfinished is taken back."""
        Worker.objects.filter(pk=self.worker.pk).update(
            is_local=True, sandbox=sandbox, sandbox_detail=detail, started_at=Now(), seen_at=Now()
        )
        queue.reclaim_from(self.worker)
        remove_leftovers()

    @_reaches_queue
    def lease(self) -> Lease | None:
        """The next build; None also while the worker is told to rest.

        A full disk is told, but does not keep the only worker from builds: they fail with that reason, so that nobody
        waits for what does not come.
        """
        self.is_resting = self._desired(_complaint()) != Worker.Desired.RUN
        if self.is_resting:
            return None
        lease = queue.lease(self.worker)
        if lease is not None and settings.ASU_LOCAL_WORKERS > 1 and Build.objects.queued().exists():
            wake.ask_for_agent()  # for the next one, if there is a free slot
        return lease

    @_reaches_queue
    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        """See the base."""
        is_wanted = queue.beat(lease, self.worker, phase, progress)
        return is_wanted and self._desired() != Worker.Desired.STOP

    @_reaches_queue
    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        """See the base."""
        queue.finish(lease, self.worker, result, folder)

    @_reaches_queue
    def fail(self, lease: Lease, failure: BuildFailedError) -> None:
        """See the base."""
        queue.fail(lease, self.worker, failure)

    @_reaches_queue
    def give_back(self, lease: Lease) -> None:
        """See the base."""
        queue.give_back(lease, self.worker)

    def close(self) -> None:
        """See the base."""
        if not connection.in_atomic_block:
            connection.close()

    def _desired(self, complaint: str = "") -> str:
        """What a maintainer wants of this worker; asking leaves a trace now and then."""
        row = Worker.objects.filter(pk=self.worker.pk)
        now = time.monotonic()
        if now - self._last_seen > _SEEN_SECONDS or complaint != self._last_complaint:
            row.update(seen_at=Now(), complaint=complaint)
            self._last_seen, self._last_complaint = now, complaint
        desired = row.values_list("desired", flat=True).first() or Worker.Desired.STOP.value
        self.is_told_to_stop = desired == Worker.Desired.STOP
        return desired


def _complaint() -> str:
    folder = Path(settings.ASU_DATA_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free // 2**20
    if free >= settings.ASU_MIN_FREE_MB:
        return ""
    return f"Only {free // 64 * 64} MB are free on the disk; builds need {settings.ASU_MIN_FREE_MB} MB."


@contextmanager
def free_slot() -> Iterator[int | None]:
    """The number of a slot that nobody else on this machine holds until this ends; None when all are taken."""
    folder = Path(settings.ASU_RUN_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    for slot in range(settings.ASU_LOCAL_WORKERS):
        with (folder / f"slot-{slot}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
    yield None


def remove_leftovers() -> None:
    """Remove upload folders of leases that are over: nobody will ever finish with them."""
    root = Path(settings.ASU_UPLOAD_DIR)
    root.mkdir(parents=True, exist_ok=True)
    # Listed before asking: a folder is made after its lease, so one that is alive cannot be missed.
    folders = [folder for folder in root.iterdir() if _LEASE_FOLDER.fullmatch(folder.name)]
    alive = {f"{pk}-{epoch}" for pk, epoch in Build.objects.building().values_list("pk", "epoch")}
    for folder in folders:
        if folder.name not in alive:
            shutil.rmtree(folder, ignore_errors=True)
