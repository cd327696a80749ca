"""Whether the queue stays alive under load, and whether workers add up: figures, each against its wish.

    python bench/farm.py [--only NAME ...] [--quick]

equal    a thousand equal requests at once, spelled in many ways, while a worker builds: one build
queue    10,000 queued builds: new requests and questions how it stands, 16 connections without a pause
pollers  a thousand clients with kept connections that ask every five seconds, over the same queue
idle     what a question for a build costs the server when there is none: with nothing there, with 10,000 finished
         builds, with a queue of 10,000 that none of the workers may build
scale    1, 2, 4 and 8 workers with builds of one second, each a process; all but the build itself is real

The web server is started as script/server does it, with two processes; no cluster runs beside it. Everything happens in
a temporary folder and on the loopback. DATABASE_URL chooses the database: on PostgreSQL one is made and dropped again.
Takes about five minutes; --quick one or two, with smaller numbers that only show whether it works.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import crowd, site
from bench.crowd import Answer, Client, Request, percentile
from bench.load import unique

BUILD = "/demo/api/v1/build"
JSON = {"Content-Type": "application/json"}
# Who counts as alive while a queue is looked at: somebody has to, or there are no waiting times to compute.
ALIVE = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    clients: int = 1000
    queued: int = 10_000
    seconds: float = 15
    polling_seconds: float = 30
    idle_workers: int = 100
    workers: tuple[int, ...] = (1, 2, 4, 8)


QUICK = Scale(clients=200, queued=1000, seconds=5, polling_seconds=10, idle_workers=50, workers=(1, 2))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `is_good` None: told for its own sake."""

    what: str
    value: str
    wish: str = ""
    is_good: bool | None = None


def main() -> int:
    """0 when every wish came true."""
    options = _options()
    scale = QUICK if options.quick else Scale()
    chosen = [name for name in PARTS if not options.only or name in options.only]
    figures = []
    # However long the queue is, nobody is refused; the computation is made all the same.
    with site.temporary(ASU_MAX_WAIT_MINUTES="1000000") as folder:
        print(f"{'':54} {'figure':>16} {'wish':>10}")
        for name in chosen:
            site.clear()
            for figure in PARTS[name](scale, folder):
                figures.append(figure)
                word = {True: "ok", False: "no", None: ""}[figure.is_good]
                print(f"{name:8} {figure.what:45} {figure.value:>16} {figure.wish:>10} {word}", flush=True)
    return 0 if all(figure.is_good is not False for figure in figures) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(PARTS), metavar="NAME", help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="smaller numbers")
    return parser.parse_args()


# -- equal -------------------------------------------------------------------------------------------------


def equal(scale: Scale, folder: Path) -> Iterator[Figure]:
    """One build, whoever spells the request how."""
    from builders.models import Attempt, Build
    from images.models import ImageRequest

    clients = [Client([request], most=1) for request in _spellings(scale.clients)]
    with site.serve() as server, site.sleepers(server, 1, folder, seconds=5, build=0.3) as begin:
        begin()
        answers = crowd.run(server.port, clients, 20)
    good = sum(answer.status in (200, 202) for answer in answers)
    yield Figure("answers 200 and 202", f"{good} of {scale.clients}", f"{scale.clients}", good == scale.clients)
    yield Figure("the last of them after", _ms(max(answer.seconds for answer in answers)))
    yield _count("requests in the database", ImageRequest.objects.count(), 1)
    yield _count("builds in the database", Build.objects.count(), 1)
    yield _count("times that a worker built", Attempt.objects.count(), 1)


def _spellings(count: int) -> Iterator[Request]:
    """The same wish in many ways: order, repetition, what is there anyway, the device's other name, JSON, transfer."""
    chance = random.Random(1)
    for number in range(count):
        packages = ["luci", "demo-editor"] * chance.randint(1, 3) + chance.choice([[], ["base-files"], ["-demo-get"]])
        chance.shuffle(packages)
        wish = {**site.WISH, "packages": packages}
        wish["profile"] = chance.choice(["acme_lighthouse-ac", "acme,lighthouse-ac"])
        wish |= chance.choice([{}, {"filesystem": ""}, {"client": f"client/{number}"}, {"defaults": ""}])
        path = chance.choice([BUILD, BUILD + "/", "/api/v1/build"])
        if path.startswith("/api"):
            wish["distro"] = "demo"
        items = list(wish.items())
        chance.shuffle(items)
        body = json.dumps(dict(items), indent=chance.choice([None, 1, 2]))
        yield Request("POST", path.rstrip("/"), body, JSON, is_chunked=chance.random() < 0.5)


# -- queue -------------------------------------------------------------------------------------------------


def queue(scale: Scale, folder: Path) -> Iterator[Figure]:
    """New requests and questions while very many builds wait."""
    began = time.perf_counter()
    hashes = site.fill(scale.queued)
    yield Figure(f"{scale.queued} queued in this process by what POST calls", f"{time.perf_counter() - began:.1f} s")
    site.alive_workers(ALIVE)
    chance = random.Random(2)
    new = Request("POST", BUILD, unique(json.dumps({**site.WISH, "defaults": "# new NUMBER"})), JSON)
    with site.serve() as server:
        crowd.run(server.port, [Client([new])] * 4, 2)  # each process has seen the queue
        posts = crowd.run(server.port, [Client([new])] * 16, scale.seconds)
        askers = [Client([_state(chance.choice(hashes)) for _ in range(100)]) for _ in range(16)]
        gets = crowd.run(server.port, askers, scale.seconds)
        both = crowd.run(server.port, [*askers[:12], *[Client([new])] * 4], scale.seconds)
    yield from _times("POST new", posts, 0.3, scale.seconds)
    yield from _times("GET status", gets, 0.1, scale.seconds)
    yield from _times("POST beside GET", [a for a in both if a.name == "POST"], 0.3, scale.seconds)
    yield from _times("GET beside POST", [a for a in both if a.name == "GET"], 0.1, scale.seconds)


def _state(request_hash: str) -> Request:
    return Request("GET", f"{BUILD}/{request_hash}")


def _times(what: str, answers: Sequence[Answer], wish: float, seconds: float) -> Iterator[Figure]:
    yield Figure(f"{what}: answers per second, p50", f"{len(answers) / seconds:.0f}, {_ms(percentile(answers, 50))}")
    p95 = percentile(answers, 95)
    yield Figure(f"{what}: p95", _ms(p95), f"< {_ms(wish)}", p95 < wish)
    yield _count(f"{what}: not 202", sum(answer.status != 202 for answer in answers), 0)


# -- pollers -----------------------------------------------------------------------------------------------


def pollers(scale: Scale, folder: Path) -> Iterator[Figure]:
    """As many clients as wait on a bad day, each with its browser's or router's connection."""
    hashes = site.fill(scale.queued)
    site.alive_workers(ALIVE)
    chance = random.Random(3)
    every = 5.0
    clients = [
        Client([_state(chance.choice(hashes))], begin=chance.random() * every, every=every)
        for _ in range(scale.clients)
    ]
    with site.serve() as server:
        before = server.cpu_seconds()
        answers = crowd.run(server.port, clients, scale.polling_seconds)
        used = (server.cpu_seconds() - before) / scale.polling_seconds
    yield Figure("answers, p50", f"{len(answers)}, {_ms(percentile(answers, 50))}")
    yield _count("5xx", sum(answer.status >= 500 for answer in answers), 0)
    yield _count("no answer", sum(answer.status == 0 for answer in answers), 0)
    p99 = percentile(answers, 99)
    yield Figure("p99", _ms(p99), f"< {_ms(1)}", p99 < 1)
    yield Figure("the slowest", _ms(percentile(answers, 100)))
    yield Figure("the server's processors", f"{used:.2f}")


# -- idle --------------------------------------------------------------------------------------------------

EMPTY_POLL = 0.002  # seconds of a processor


def idle(scale: Scale, folder: Path) -> Iterator[Figure]:
    """Workers that find nothing, each asking once a second as agents do."""
    yield _empty_polls("nothing there", scale, ())
    site.fill(scale.queued)
    yield _empty_polls(f"queue of {scale.queued} for others", scale, ("arch:none",))
    yield _empty_polls("the same, other target", scale, ("target:none/*",))
    site.finish_all("x" * 4000)
    yield _empty_polls(f"{scale.queued} finished builds", scale, ())


def _empty_polls(what: str, scale: Scale, labels: tuple[str, ...]) -> Figure:
    from builders.models import Attempt, Worker

    Worker.objects.all().delete()
    said = {"slot": 0, "complaint": "", "free_memory_mb": 1000, "free_disk_mb": 10_000, "load": 0.5, "call": "NUMBER"}
    body = unique(json.dumps(said)).replace('"@@NUMBER@@"', "@@NUMBER@@")
    clients = []
    for number, (token, instance) in enumerate(site.add_workers(scale.idle_workers, labels)):
        headers = {**JSON, "Authorization": f"Bearer {token}", "X-Asu-Instance": instance}
        ask = Request("POST", "/api/worker/v1/lease", body, headers)
        clients.append(Client([ask], begin=number / scale.idle_workers, every=1.0))
    with site.serve() as server:
        crowd.run(server.port, clients, 2)
        before = server.cpu_seconds()
        answers = crowd.run(server.port, clients, scale.seconds)
        each = (server.cpu_seconds() - before) / len(answers)
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong or Attempt.objects.exists():
        raise RuntimeError(f"these polls were not empty, or not answered: {wrong[:5]}")
    return Figure(f"CPU of an empty poll, {what}", _ms(each), f"<= {_ms(EMPTY_POLL)}", each <= EMPTY_POLL)


# -- scale -------------------------------------------------------------------------------------------------

LINEAR = 0.95


def workers(scale: Scale, folder: Path) -> Iterator[Figure]:
    """Builds per second by the number of workers."""
    single = 0.0
    for count in scale.workers:
        site.clear()
        site.fill(int(count * (scale.seconds + 5)))
        with site.serve() as server, site.sleepers(server, count, folder, seconds=scale.seconds) as begin:
            begin()
        rate = _rate(count)
        single = single or rate
        linear = rate / (single * count)
        is_good = linear >= LINEAR if count > 1 else None
        value = f"{rate:.2f}/s" + (f" = {linear:.3f}" if count > 1 else "")
        yield Figure(
            f"{count} workers" if count > 1 else "1 worker", value, f">= {LINEAR}" if count > 1 else "", is_good
        )


def _rate(count: int) -> float:
    """The sum of the workers' own rates, each from its first end to its last by the database's clock."""
    from builders.models import Attempt
    from builders.states import State

    ends: dict[str, list[float]] = {}
    for name, ended_at, outcome in Attempt.objects.order_by("ended_at").values_list(
        "worker_name", "ended_at", "outcome"
    ):
        if outcome != State.DONE or ended_at is None:
            raise RuntimeError(f"a build of {name} ended otherwise: {outcome}")
        ends.setdefault(name, []).append(ended_at.timestamp())
    if len(ends) != count:
        raise RuntimeError(f"only {len(ends)} of {count} workers built")
    return sum((len(times) - 1) / (times[-1] - times[0]) for times in ends.values())


# -- the table ---------------------------------------------------------------------------------------------


def _count(what: str, found: int, wish: int) -> Figure:
    return Figure(what, str(found), str(wish), found == wish)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.{2 if seconds < 0.01 else 0}f} ms"


PARTS: dict[str, Callable[[Scale, Path], Iterator[Figure]]] = {
    "equal": equal,
    "queue": queue,
    "pollers": pollers,
    "idle": idle,
    "scale": workers,
}

if __name__ == "__main__":
    sys.exit(main())
