"""What django-q calls: wake-ups. Doubled, late or lost ones do no harm."""

import math
import multiprocessing
import os
import time

from django.conf import settings
from django.db import transaction

from builders import agent, archives, livelog, queue, receiving
from builders import wake as bell
from builders.ledger import DatabaseLedger
from builders.models import Build
from builders.notes import Notes
from builders.runners import sandbox, workdir
from builders.sources import ServerSources
from builders.transports.local import LocalTransport, free_slot
from builders.workshop import Workshop

# Seconds after which an agent begins no further build, so that the queue's own time limit never strikes a build.
SESSION = 1800.0


def wake() -> None:
    """Be an agent of this machine until there is nothing to do, if a slot is free."""
    if _must_stop():
        return
    with free_slot() as slot:
        if slot is None:
            return
        bell.answered()
        # Beside the main server nobody wakes us when something is queued: we look ourselves, all the time.
        is_resting = serve(slot, linger=math.inf if settings.ASU_UPLOAD_URL else settings.ASU_AGENT_LINGER)
    # Asked only now that the slot is free: what was queued while we were leaving found nobody.
    if not is_resting and not _must_stop() and (settings.ASU_UPLOAD_URL or Build.objects.queued().exists()):
        bell.ask_for_agent()


def serve(slot: int, *, linger: float) -> bool:
    """Work in a slot whose lock the caller holds. True: the worker rests, and what waits must wait."""
    transport = LocalTransport(slot)
    probe = sandbox.probe()
    transport.arrive(probe.level, probe.detail)
    # What a killed life left behind: layers of runs, half-made ImageBuilders.
    workdir.clean_work()
    workshop = _workshop()
    workshop.imagebuilders.repair()
    end = time.monotonic() + SESSION
    agent.run(
        transport,
        workshop.build,
        linger=linger,
        stop=lambda: transport.is_told_to_stop or _must_stop(),
        enough=lambda: time.monotonic() > end,
    )
    return transport.is_resting


def _workshop() -> Workshop:
    """The rows about ImageBuilders tell of the main server's; it also has them, and package indexes, for us."""
    if settings.ASU_UPLOAD_URL:
        return Workshop(Notes(), ServerSources(settings.ASU_UPLOAD_URL))
    return Workshop(DatabaseLedger())


def tend() -> None:
    """Each minute: what nobody waits for leaves the queue, and what workers lost comes back."""
    queue.drop_unwanted()
    with transaction.atomic():
        queue.reclaim_overdue()
    livelog.clean()
    receiving.remove_leftovers()


def fetch_archive(sha256: str, url: str) -> None:
    """An ImageBuilder that workers on other machines need."""
    archives.fetch(sha256, url)


def _must_stop() -> bool:
    """The cluster ends, or it has died around us: its processes do not notice by themselves."""
    parent = multiprocessing.parent_process()
    return bell.is_stopping() or (parent is not None and parent.pid != os.getppid())
