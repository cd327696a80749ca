"""How a build that was just queued finds an agent, and how agents learn that they should stop.

All of it is files below ASU_RUN_DIR, so that asking costs a system call and no query:

- `wake`: its modification time says when something was queued last. An idle agent looks at it many times a second.
- `idle.lock`: an idle agent holds a shared lock. Nobody holds one: the cluster is asked to start an agent.
- `asked`: the cluster was asked and has not answered yet. Thousands of submits make one question.
- `stopping`: the cluster is told to end. It counts for clusters started before it was touched, so a stale file is
  harmless.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django_q.tasks import async_task

# This module is loaded before the cluster forks, so all its processes agree on this.
_STARTED = time.time()

# An unanswered question is asked again after this many seconds: the cluster may have died with it.
_PATIENCE = 10.0


def workers() -> None:
    """Something was queued: wake an idle agent, or have one started."""
    now = time.time_ns()
    try:
        os.utime(_path("wake"), ns=(now, now))
    except FileNotFoundError:
        _writable("wake").touch()
    if not somebody_is_idle():
        ask_for_agent()


def mark() -> int:
    """Changes whenever something was queued."""
    return _modified("wake")


@contextmanager
def idle() -> Iterator[None]:
    """While this lasts, an agent of this process waits for builds."""
    with _writable("idle.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def somebody_is_idle() -> bool:
    """Whether an agent on this machine looks at the wake file just now."""
    try:
        file = _path("idle.lock").open()
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def ask_for_agent() -> None:
    """Have the cluster start one more agent, unless it was asked already. Errors are those of the database."""
    if not _may_ask():
        return
    try:
        async_task("builders.tasks.wake", task_name="wake")
    except BaseException:
        answered()  # so that the next one may ask
        raise


def _may_ask() -> bool:
    path = _writable("asked")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o644))
    except FileExistsError:
        if time.time() - _modified("asked") / 1e9 < _PATIENCE:
            return False
        path.touch()
    return True


def answered() -> None:
    """The cluster started the agent it was asked for."""
    _path("asked").unlink(missing_ok=True)


def stop() -> None:
    """Tell the agents of every cluster that runs now to give their builds back and end."""
    _writable("stopping").touch()


def is_stopping() -> bool:
    """Whether this process's cluster was told to end."""
    return _modified("stopping") / 1e9 >= _STARTED


def _modified(name: str) -> int:
    try:
        return os.stat(_path(name)).st_mtime_ns  # noqa: PTH116 (asked many times a second)
    except FileNotFoundError:
        return 0


def _writable(name: str) -> Path:
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _path(name: str) -> Path:
    return Path(settings.ASU_RUN_DIR) / name
