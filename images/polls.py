"""Who still waits: builds that somebody asks for stay in the queue. Noted in memory, written now and then, all at once.

A process that is killed forgets a few seconds of it, which is nothing against ASU_DROP_MINUTES.
"""

import logging
import threading

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from builders.models import Build
from builders.states import State

logger = logging.getLogger(__name__)

WRITE_SECONDS = 10.0
_AT_ONCE = 500

_asked: set[int] = set()
_closing = threading.Event()
_thread: threading.Thread | None = None
_lock = threading.Lock()


def noticed(build_id: int) -> None:
    """Somebody asked how it stands with this waiting build."""
    global _thread
    _asked.add(build_id)
    # `is_alive` is also how a forked process sees that the thread stayed behind.
    if _thread is None or not _thread.is_alive():
        with _lock:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_run, name="polls", daemon=True)
                _thread.start()


def write() -> int:
    """Write down what was noticed; how many builds."""
    asked = [_asked.pop() for _ in range(len(_asked))]
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        Build.objects.filter(pk__in=some, state=State.QUEUED, polled_at__isnull=False).update(polled_at=Now())
    return len(asked)


def close() -> None:
    """Forget, and end the thread. For tests, which take their database away."""
    _closing.set()
    if _thread is not None:
        _thread.join()
    _closing.clear()
    _asked.clear()


def _run() -> None:
    while not _closing.wait(WRITE_SECONDS):
        if not _asked:
            return
        try:
            write()
        except DatabaseError as error:
            logger.warning("it could not be written down who waits: %s", error)
        finally:
            connection.close()
