"""A fault run: clients ask, faults strike at random moments, all is started again; then comes the reckoning."""

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, close_old_connections, connection

from builders import queue, workers
from builders.models import Build, Worker
from builders.states import OPEN, State
from tests.faults import databases, invariants
from tests.faults.clients import Client, Ledger, Wishes
from tests.faults.service import Service
from tests.faults.strikes import KILLS, OTHERS, Strike

CLIENTS = 6
REMOTES = 3
OTHERS_PER_KILL = 0.6
END_SECONDS = 240.0  # until all that was asked for has to be there
_TICK = 0.1
_DATABASE = "connections of the database ended"


@dataclass(slots=True)
class Plan:
    """What the command line asks for."""

    seed: int
    kills: int
    seconds: float
    most_wishes: int


@dataclass(slots=True)
class Tally:
    """What happened."""

    strikes: Counter[str] = field(default_factory=Counter)
    released: int = 0  # parked builds, by "the maintainer"
    approved: int = 0  # suspended workers, likewise
    seconds: float = 0.0
    left_by_crashes: int = 0
    broken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        """`kill -9` only."""
        return sum(self.strikes[name] for name in KILLS)


class Run:
    """One run on one service."""

    def __init__(self, service: Service, plan: Plan) -> None:
        self.service = service
        self.plan = plan
        self.ledger = Ledger()
        self.tally = Tally()
        self._rng = random.Random(plan.seed)
        self._stop_wishing = threading.Event()
        self._end = threading.Event()

    def go(self) -> Tally:
        """All of it."""
        began = time.monotonic()
        wishes = Wishes(self.plan.seed, self.plan.most_wishes)
        clients = [
            Client(self.service.port, wishes, self.ledger, self._stop_wishing, self._end) for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        self._strike_on(began)
        self._stop_wishing.set()
        self._settle(clients)
        self._end.set()
        for remote in self.service.remotes:
            self.tally.strikes.update(remote.proxy.struck)
        self._check()
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _strike_on(self, began: float) -> None:
        """The faults, over the time that there is: some moments are crowded, others quiet."""
        count = self.plan.kills + int(self.plan.kills * OTHERS_PER_KILL)
        moments = sorted(self._rng.uniform(3.0, self.plan.seconds) for _ in range(count))
        kinds = [True] * self.plan.kills + [False] * (count - self.plan.kills)
        self._rng.shuffle(kinds)
        for moment, is_kill in zip(moments, kinds, strict=True):
            while time.monotonic() - began < moment:
                self._tend()
            self._strike(KILLS if is_kill else OTHERS)

    def _note(self, name: str) -> None:
        """Counted, and written down for who reads the logs beside it."""
        self.tally.strikes[name] += 1
        with (self.service.root / "strikes.log").open("a") as log:
            log.write(f"{time.strftime('%H:%M:%S', time.gmtime())} {name}\n")

    def _strike(self, kinds: dict[str, tuple[Strike, int]]) -> None:
        """One of these kinds; where it finds nobody, another one soon."""
        names = list(kinds)
        if kinds is OTHERS and connection.vendor == "postgresql":
            names.append(_DATABASE)
        weights = [kinds[name][1] if name in kinds else 3 for name in names]
        for _ in range(100):
            name = self._rng.choices(names, weights)[0]
            if name == _DATABASE:
                databases.end_all_connections(self.service.environment["DATABASE_URL"])
                self._note(name)
                return
            if kinds[name][0](self.service, self._rng):
                self._note(name)
                return
            if kinds is OTHERS:  # armed: it strikes with the next such call
                return
            self._tend()

    def _settle(self, clients: list[Client]) -> None:
        """Until every client has what it wished for and nothing is open."""
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            self._tend()
            if not any(client.is_alive() for client in clients) and not self._open():
                return

    def _tend(self) -> None:
        """What the service manager and a maintainer do meanwhile."""
        self.service.tend()
        with suppress(DatabaseError):
            close_old_connections()
            for build in Build.objects.filter(state=State.PARKED):
                self.tally.released += queue.retry(build)
            for worker in Worker.objects.filter(standing=Worker.Standing.SUSPENDED):
                self.tally.approved += workers.approve(worker)
        time.sleep(_TICK)

    def _open(self) -> bool:
        with suppress(DatabaseError):
            close_old_connections()
            return Build.objects.filter(state__in=OPEN | {State.PARKED}).exists()
        return True

    def _check(self) -> None:
        connection.close()
        # What script/server does at its next start: files that a crash left behind nobody could see, and they go.
        said = self.service.manage("check_store", "--repair", "--idle")
        self.tally.left_by_crashes = said.count("without rows")
        if "without files" in said:
            self.tally.broken["no image loses its files"] = said.splitlines()
        for invariant in invariants.ALL:
            if evidence := list(invariant(self.service, self.ledger)):
                self.tally.broken[invariant.__name__.replace("_", " ")] = evidence


def run(root: Path, environment: dict[str, str], plan: Plan) -> Run:
    """A fault run on a service of its own below `root`."""
    service = Service.make(root, environment)
    try:
        service.start(REMOTES)
        running = Run(service, plan)
        running.go()
        return running
    finally:
        service.stop()
        connection.close()
