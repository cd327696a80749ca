"""The django-q cluster, so that it ends within seconds and leaves nothing alive.

django-q waits for running tasks when it is told to stop; its processes live on when their parent is killed; and its
first process waits for ever when all of them are told to stop at once. So the agents are told first, each process asks
the kernel to be killed with its parent, and somebody watches the end.
"""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from django_q.cluster import Cluster

# Loaded before the processes part, so that they share the memory and a first build does not wait for it.
from builders import tasks as tasks
from builders import wake
from builders.transports import local

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_SPEAK_SECONDS = 15.0
_LAST_WORDS = 2.0  # seconds for the first process to end when all others have


class Command(BaseCommand):
    """See the module."""

    help = "Run the queue: local builds, syncs and chores. Ctrl-C or SIGTERM ends it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs until it is told to stop."""
        wake.answered()  # whatever an earlier cluster was asked, it did not answer
        wake.ask_for_agent()
        connections.close_all()
        _die_with_parent()
        gc.collect()
        gc.freeze()  # keeps the shared pages shared
        _QuickCluster().start()  # forks; threads begin after that
        threading.Thread(target=_speak_for_slots, daemon=True).start()


class _QuickCluster(Cluster):  # type: ignore[misc]
    def sig_handler(self, signum: int, frame: Any) -> None:
        wake.stop()
        threading.Thread(target=_leave_after, args=(self.sentinel.sentinel,), daemon=True).start()
        super().sig_handler(signum, frame)


def _speak_for_slots() -> None:
    """Idle slots have no agent that could say that they are there."""
    while not wake.is_stopping():
        try:
            local.speak_for_slots()
            if settings.ASU_UPLOAD_URL:
                wake.ask_for_agent()  # started again in the admin, perhaps; without a free slot it ends at once
        except DatabaseError as error:
            logger.warning("the database cannot be told that this machine's workers are there: %s", error)
            connections.close_all()
        until = time.monotonic() + _SPEAK_SECONDS
        while time.monotonic() < until and not wake.is_stopping():
            time.sleep(0.2)
    with contextlib.suppress(DatabaseError):
        local.sign_off()


def _leave_after(everybody: int) -> None:
    """django-q hangs in a lock that a killed process took along; there is nothing left to wait for."""
    wait([everybody])  # readable when the last process that was forked is gone
    time.sleep(_LAST_WORDS)
    os._exit(1)


def _die_with_parent() -> None:
    """For every process that is forked from now on, and for theirs."""
    libc = ctypes.CDLL(None)
    os.register_at_fork(after_in_child=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
