"""How long a build has to wait: its place in the queue, and seconds by the measured times and the workers alive.

The queue is looked at as a whole, at most once a second and process, and more rarely when looking takes long; every
answer about a waiting build comes from that look. So thousands may ask for little more than the price of one.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from builders import clock
from builders.labels import Place, fits
from builders.models import Build, Worker
from builders.pace import Paces
from builders.states import State
from builders.turns import following

REFRESH_SECONDS = 1.0
_SHARE = 0.05  # of a process's time that looking may take
_SIMULATED = 3000  # builds whose workers are simulated; further ones wait in proportion

_Key = tuple[int, int, int]  # -priority, turn, id: the order of the queue


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of a waiting build. `seconds` None: no worker that is alive may build it."""

    position: int  # builds that go first
    seconds: int | None


@dataclass(slots=True)
class _Free:
    """A worker's job and when it will be free, in seconds from now."""

    labels: tuple[str, ...]
    at: float


@dataclass(slots=True)
class Outlook:
    """The queue as it stood at one moment."""

    keys: list[_Key] = field(default_factory=list)
    starts: list[float | None] = field(default_factory=list)  # seconds until each begins
    jobs: list[_Free] = field(default_factory=list)
    pace: Paces = field(default_factory=lambda: Paces({}))
    last_turn: dict[str, int] = field(default_factory=dict)  # client -> turn of its last waiting build
    served: int = 0

    def of(self, key: _Key, place: Place) -> Forecast:
        """The forecast for a build that has, or would have, this key."""
        position = bisect_left(self.keys, key)
        if not self.can_build(place):
            return Forecast(position, None)
        start = next((start for start in self.starts[position : position + 50] if start is not None), None)
        if start is None:
            start = self._end(place)
        return Forecast(position, round(start))

    def add(self, key: _Key, place: Place, client: str) -> None:
        """One more build waits since we looked."""
        position = bisect_left(self.keys, key)
        able = [job for job in self.jobs if fits(job.labels, place)]
        start = self.of(key, place).seconds if able else None
        self.keys.insert(position, key)
        self.starts.insert(position, start)
        for job in able:
            job.at += self.pace.of(place.distribution, place.target) / len(able)
        self.last_turn[client] = max(key[1], self.last_turn.get(client, 0))
        self.served = self.served or key[1]

    def can_build(self, place: Place) -> bool:
        """Whether some worker that is alive may build there."""
        return any(fits(job.labels, place) for job in self.jobs)

    def key_for(self, client: str, *, priority: int = 0) -> _Key:
        """Where one more build of a client would stand."""
        return -priority, following(self.served, self.last_turn, client), 2**62

    def _end(self, place: Place) -> float:
        """When the last of what waits has begun and somebody is free."""
        return min(job.at for job in self.jobs if fits(job.labels, place))


def of(build: Build) -> Forecast:
    """For a waiting build."""
    return outlook().of((-build.priority, build.turn, build.pk), Place(build.distribution, build.target, build.arch))


def of_new(place: Place, client: str) -> Forecast:
    """For a build that a client might add."""
    now = outlook()
    return now.of(now.key_for(client), place)


def added(build: Build) -> None:
    """This process has just queued a build: the next answers know of it without another look."""
    place = Place(build.distribution, build.target, build.arch)
    _watcher.add((-build.priority, build.turn, build.pk), place, build.client)


def outlook() -> Outlook:
    """The present look at the queue; at most a few seconds old."""
    return _watcher.outlook()


def look() -> Outlook:
    """Look now."""
    paces = Paces.read()
    jobs = _jobs(paces)
    result = Outlook(jobs=jobs, pace=paces)
    rows = Build.objects.queued().values_list("priority", "turn", "id", "client", "distribution", "target", "arch")
    place_of: Callable[[Place], Sequence[_Free]] = _Able(jobs)
    for number, (priority, turn, pk, client, *where) in enumerate(rows.iterator(chunk_size=5000)):
        result.keys.append((-priority, turn, pk))
        if client:
            result.last_turn[client] = max(turn, result.last_turn.get(client, 0))
        if turn and not priority and not result.served:
            result.served = turn
        place = Place(*where)
        able = place_of(place)
        if not able:
            result.starts.append(None)
            continue
        seconds = paces.of(place.distribution, place.target)
        if number < _SIMULATED or len(able) == 1:
            first = min(able, key=lambda job: job.at)
            result.starts.append(first.at)
            first.at += seconds
        else:
            result.starts.append(able[0].at)
            for job in able:
                job.at += seconds / len(able)
    return result


class _Able:
    """Which jobs may build where, found out once a place."""

    def __init__(self, jobs: list[_Free]) -> None:
        self._jobs = jobs
        self._found: dict[Place, list[_Free]] = {}

    def __call__(self, place: Place) -> list[_Free]:
        found = self._found.get(place)
        if found is None:
            found = self._found[place] = [job for job in self._jobs if fits(job.labels, place)]
        return found


def _jobs(paces: Paces) -> list[_Free]:
    now = clock.now()
    busy: dict[int, list[float]] = {}
    rows = Build.objects.filter(state=State.BUILDING).values_list("worker", "started_at", "distribution", "target")
    for worker, started_at, distribution, target in rows:
        busy.setdefault(worker, []).append(_left(paces.of(distribution, target), started_at, now))
    jobs = []
    for pk, labels, count in Worker.objects.able().values_list("pk", "labels", "jobs"):
        left = sorted(busy.get(pk, ()))[:count]
        jobs += [_Free(tuple(labels), at) for at in [*left, *[0.0] * (count - len(left))]]
    return jobs


def _left(usual: float, started_at: datetime | None, now: datetime) -> float:
    """Of a running build; one that takes longer than usual may take as long again."""
    if started_at is None:
        return usual
    passed = (now - started_at).total_seconds()
    return usual - passed if passed < usual else min(passed, usual) / 2


class _Watcher:
    """Keeps the look of this process fresh."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outlook = Outlook()
        self._good_until = 0.0

    def outlook(self) -> Outlook:
        if time.monotonic() < self._good_until:
            return self._outlook
        # One looks, the others go by what they have; only the very first have to wait.
        if not self._lock.acquire(blocking=self._good_until == 0.0):
            return self._outlook
        try:
            begun = time.monotonic()
            if begun >= self._good_until:
                self._outlook = look()
                took = time.monotonic() - begun
                self._good_until = begun + max(REFRESH_SECONDS, took / _SHARE)
            return self._outlook
        finally:
            self._lock.release()

    def add(self, key: _Key, place: Place, client: str) -> None:
        with self._lock:
            if self._good_until:
                self._outlook.add(key, place, client)

    def forget(self) -> None:
        self._good_until = 0.0


_watcher = _Watcher()


def forget() -> None:
    """Look anew with the next question. For tests, whose queues come and go."""
    _watcher.forget()
