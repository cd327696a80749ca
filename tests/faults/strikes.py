"""What goes wrong, and where: each kind of fault as one function that strikes a running service, or finds nobody to."""

import os
import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from django.conf import settings

from tests.faults.proxy import a_verb
from tests.faults.service import Service

Strike = Callable[[Service, random.Random], bool]


def kill(*pids: int) -> bool:
    """`kill -9`; whether there was somebody."""
    hit = False
    for pid in pids:
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)
                hit = True
    return hit


def remote_with_its_build(service: Service, rng: random.Random) -> bool:
    """A worker's machine loses its power."""
    return kill(*rng.choice(service.remotes).unit.family())


def remote_agent(service: Service, rng: random.Random) -> bool:
    """The agent alone: the build that it started has to notice."""
    return kill(rng.choice(service.remotes).unit.pid)


def local_agent(service: Service, rng: random.Random) -> bool:
    """The process of the cluster that builds."""
    return kill(service.local_agent())


def cluster(service: Service, rng: random.Random) -> bool:
    """The cluster's first process; the others have to follow."""
    return kill(service.cluster.pid)


def web_process(service: Service, rng: random.Random) -> bool:
    """One of those that answer."""
    pids = service.web_processes()
    return bool(pids) and kill(rng.choice(pids))


def web_server(service: Service, rng: random.Random) -> bool:
    """The web server's first process; the service manager ends what is left of it."""
    return kill(service.web.pid)


def cut_in_upload(service: Service, rng: random.Random) -> bool:
    """The worker comes back when its lease has run out."""
    rng.choice(service.remotes).proxy.cut_next_upload(settings.ASU_LEASE_SECONDS + 2)
    return False  # counted when it strikes


def lost_answer(service: Service, rng: random.Random) -> bool:
    """The server did it, the worker does not know."""
    rng.choice(service.remotes).proxy.lose_next_answer(a_verb(rng, names_a_lease=False))
    return False


def doubled_call(service: Service, rng: random.Random) -> bool:
    """Twice at the same moment."""
    rng.choice(service.remotes).proxy.repeat_next(a_verb(rng, names_a_lease=False), 0.0)
    return False


def late_call(service: Service, rng: random.Random) -> bool:
    """Once more when others have come since."""
    rng.choice(service.remotes).proxy.repeat_next(
        a_verb(rng, names_a_lease=rng.random() < 0.7), rng.uniform(1, 2 * settings.ASU_LEASE_SECONDS)
    )
    return False


def stopped_remote(service: Service, rng: random.Random) -> bool:
    """It stands still until its lease has run out, and goes on as if nothing had been."""
    remote = rng.choice(service.remotes)
    is_alone = rng.random() < 0.5
    pids = [remote.unit.pid] if is_alone else remote.unit.family()
    if not remote.unit.pid:
        return False
    _signal_all(pids, signal.SIGSTOP)
    threading.Timer(settings.ASU_LEASE_SECONDS + 2, _signal_all, (pids, signal.SIGCONT)).start()
    return True


def _signal_all(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


KILLS: dict[str, tuple[Strike, int]] = {
    "remote worker and its build": (remote_with_its_build, 5),
    "remote worker's agent alone": (remote_agent, 5),
    "local agent": (local_agent, 4),
    "whole cluster": (cluster, 3),
    "web server process": (web_process, 3),
    "web server": (web_server, 2),
}
# How many for each kill; what the network does is counted where it does it (`Proxy.struck`).
OTHERS: dict[str, tuple[Strike, int]] = {
    "worker stopped beyond its lease": (stopped_remote, 2),
    "network cut in an upload": (cut_in_upload, 3),
    "answer lost": (lost_answer, 3),
    "call comes twice at once": (doubled_call, 3),
    "call comes late again": (late_call, 4),
}
