"""How long a build has to wait: its place in the queue, and seconds by the measured times and the workers alive.

The queue is looked at as a whole, at most once a second and process, and more rarely when looking takes long; every
answer about a waiting build comes from that look. So thousands may ask for little more than the price of one.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection

from builders import clock
from builders.labels import Place, fits
from builders.models import Build, Worker
from builders.pace import Paces
from builders.states import State
from builders.turns import following

REFRESH_SECONDS = 1.0
_SHARE = 0.05  # of a process's time that looking may take
_COUNTED = 300  # builds in the queue, up to which places are counted
_AHEAD = (
    f"SELECT COUNT(*) FROM {Build._meta.db_table} WHERE state = 'queued' AND "  # noqa: S608 (our own words)
    "(priority > %s OR (priority = %s AND (turn < %s OR (turn = %s AND id < %s))))"
)
_SIMULATED = 3000  # builds whose workers are simulated; further ones wait in proportion

_Key = tuple[int, int, int]  # -priority, turn, id: the order of the queue
_Jobs = frozenset[int]


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
class _Line:
    """What waits for the same jobs, in the order of the queue."""

    keys: list[_Key] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)  # seconds until each begins

    def add(self, key: _Key, start: float) -> None:
        at = bisect_left(self.keys, key)
        self.starts.insert(at, start)  # first, so that whoever reads meanwhile finds one for each key
        self.keys.insert(at, key)

    def next(self, key: _Key) -> tuple[_Key, float] | None:
        """The first that does not go before `key`."""
        at = bisect_left(self.keys, key)
        return (self.keys[at], self.starts[at]) if at < len(self.keys) else None


@dataclass(slots=True)
class Outlook:
    """The queue as it stood at one moment."""

    keys: list[_Key] = field(default_factory=list)
    jobs: list[_Free] = field(default_factory=list)
    lines: dict[_Jobs, _Line] = field(default_factory=dict)
    pace: Paces = field(default_factory=lambda: Paces({}))
    last_turn: dict[str, int] = field(default_factory=dict)  # client -> turn of its last waiting build
    served: int = 0
    _able: dict[Place, _Jobs] = field(default_factory=dict)

    def of(self, key: _Key, place: Place) -> Forecast:
        """The forecast for a build that has, or would have, this key."""
        position = bisect_left(self.keys, key)
        able = self.able(place)
        return Forecast(position, round(self._start(key, able)) if able else None)

    def add(self, key: _Key, place: Place, client: str) -> None:
        """One more build waits since we looked."""
        self.keys.insert(bisect_left(self.keys, key), key)
        able = self.able(place)
        if able:
            self.lines.setdefault(able, _Line()).add(key, self._start(key, able))
        for number in able:
            self.jobs[number].at += self.pace.of(place.distribution, place.target) / len(able)
        self.last_turn[client] = max(key[1], self.last_turn.get(client, 0))
        self.served = self.served or key[1]

    def able(self, place: Place) -> _Jobs:
        """The jobs, by number, of workers that are alive and may build there."""
        found = self._able.get(place)
        if found is None:
            found = frozenset(number for number, job in enumerate(self.jobs) if fits(job.labels, place))
            self._able[place] = found
        return found

    @property
    def unserved_seconds(self) -> float:
        """How long one worker would have to do with what waits and nobody who is there may build."""
        served = sum(len(line.keys) for line in self.lines.values())
        return (len(self.keys) - served) * self.pace.usual

    def key_for(self, client: str, *, priority: int = 0) -> _Key:
        """Where one more build of a client would stand."""
        return -priority, following(self.served, self.last_turn, client), 2**62

    def _start(self, key: _Key, able: _Jobs) -> float:
        """When the next build begins that wants one of these jobs, or when one has nothing more to do."""
        free = min(self.jobs[number].at for number in able)
        behind = [line.next(key) for jobs, line in list(self.lines.items()) if not jobs.isdisjoint(able)]
        return min(free, min(filter(None, behind), default=(key, free))[1])


def of(build: Build) -> Forecast:
    """For a waiting build. Its place is counted where that is cheap; in a long queue that of the last look will do."""
    now = outlook()
    place = Place(build.distribution, build.target, build.arch)
    forecast = now.of((-build.priority, build.turn, build.pk), place)
    return replace(forecast, position=_count_ahead(build)) if len(now.keys) <= _COUNTED else forecast


def _count_ahead(build: Build) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_AHEAD, (build.priority, build.priority, build.turn, build.turn, build.pk))
        return int(cursor.fetchone()[0])


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
    result = Outlook(jobs=_jobs(paces), pace=paces)
    rows = Build.objects.queued().values_list("priority", "turn", "id", "client", "distribution", "target", "arch")
    for number, (priority, turn, pk, client, *where) in enumerate(rows.iterator(chunk_size=5000)):
        key, place = (-priority, turn, pk), Place(*where)
        result.keys.append(key)
        if client:
            result.last_turn[client] = max(turn, result.last_turn.get(client, 0))
        if turn and not priority and not result.served:
            result.served = turn
        if able := result.able(place):
            seconds = paces.of(place.distribution, place.target)
            start = _take_job([result.jobs[job] for job in able], seconds, in_proportion=number >= _SIMULATED)
            line = result.lines.setdefault(able, _Line())
            line.keys.append(key)
            line.starts.append(start)
    return result


def _take_job(able: Sequence[_Free], seconds: float, *, in_proportion: bool) -> float:
    """When a build begins that one of these will do."""
    first = min(able, key=lambda job: job.at)
    start = first.at
    if in_proportion:
        for job in able:
            job.at += seconds / len(able)
    else:
        first.at += seconds
    return start


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
    """Of a running build; one that takes longer than usual may take half as long again."""
    if started_at is None:
        return usual
    passed = (now - started_at).total_seconds()
    return usual - passed if passed < usual else usual / 2


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
