"""Clients as routers have them: they ask, poll, ask again when the server is away, and compare what they download."""

import hashlib
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

VERSIONS = ("24.04.2", "25.04.0", "SNAPSHOT")
PROFILES = (
    ("demo/generic", "acme_rocket-1"),
    ("demo/generic", "acme_lighthouse-ac"),
    ("demo/generic", "borealis_aurora-10"),
    ("x86/64", "generic"),
)
PACKAGES = ("luci", "demo-editor", "demo-sniff", "demo-storage", "demo-greeting")
EQUAL = 0.35  # how often a client wants what somebody wanted before
# What the queue says of builds whose workers went: the one 500 that a client may see, and asks anew after.
GAVE_UP = ("The worker vanished", "The build took down two workers")
POLL_SECONDS = 0.5
AWAY_SECONDS = 0.5


@dataclass(slots=True)
class Ledger:
    """What all clients were told."""

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)  # hash -> the wish; a promise by the server
    done: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)  # answers that no client should ever get
    wishes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, word: str) -> None:
        """One more of these answers."""
        with self.lock:
            self.statuses[word] += 1

    def complain(self, what: str) -> None:
        """Something that must not be."""
        with self.lock:
            self.complaints.append(what)


class Wishes:
    """Distinct and equal ones, by a seed; which client gets which depends on their speed."""

    def __init__(self, seed: int, most: int) -> None:
        self._rng = random.Random(seed)
        self._made: list[dict[str, Any]] = []
        self._most = most
        self._lock = threading.Lock()

    def next(self) -> dict[str, Any]:
        """The next one."""
        with self._lock:
            if self._made and (self._rng.random() < EQUAL or len(self._made) >= self._most):
                return self._rng.choice(self._made[-12:])
            target, profile = self._rng.choice(PROFILES)
            wish = {
                "version": self._rng.choice(VERSIONS),
                "target": target,
                "profile": profile,
                "packages": self._rng.sample(PACKAGES, self._rng.randrange(1, 3)),
                "defaults": f"# wish {len(self._made) + 1}",
                "client": "faults",
            }
            self._made.append(wish)
            return wish


class Client(threading.Thread):
    """Wishes one image after the other, until told to stop; what it wished for last it still waits for."""

    def __init__(self, port: int, wishes: Wishes, ledger: Ledger, stop: threading.Event, end: threading.Event) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._wishes = wishes
        self._ledger = ledger
        self._stop_wishing = stop
        self._end = end

    def run(self) -> None:
        """See the class."""
        while not self._stop_wishing.is_set():
            with self._ledger.lock:
                self._ledger.wishes += 1
            self._get(self._wishes.next())

    def _get(self, wish: dict[str, Any]) -> None:
        request_hash = ""
        while not self._end.is_set():
            if not request_hash:
                status, body = self._ask("POST", "/demo/api/v1/build", wish)
            else:
                status, body = self._ask("GET", f"/demo/api/v1/build/{request_hash}", None)
            match status:
                case 200 | 202:
                    request_hash = str(body["request_hash"])
                    self._ledger.accepted.setdefault(request_hash, wish)
                    if status == 200:
                        self._ledger.done.add(request_hash)
                        return
                    self._end.wait(POLL_SECONDS)
                case 0 | 503:
                    self._end.wait(AWAY_SECONDS)
                case 410:
                    request_hash = ""
                case 500 if is_gave_up(body):
                    request_hash = ""  # asked anew after a while, as people do
                    self._end.wait(4 * POLL_SECONDS)
                case _:
                    self._ledger.complain(f"{status} for {request_hash or wish}: {body.get('detail')}")
                    return

    def _ask(self, method: str, path: str, said: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        status, text = ask(self._port, method, path, said)
        try:
            body = json.loads(text) if status else {}
        except ValueError:
            self._ledger.complain(f"{status} without JSON for {method} {path}: {text[:200]!r}")
            status, body = 0, {}
        word = "500 (workers lost)" if status == 500 and is_gave_up(body) else str(status or "no answer")
        self._ledger.tell(word)
        return status, body


def is_gave_up(body: dict[str, Any]) -> bool:
    """Whether a build failed because its workers went."""
    return any(words in str(body.get("detail")) for words in GAVE_UP)


def ask(port: int, method: str, path: str, said: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """One request over one connection; status 0 when there is no answer. Bodies go in chunks, as routers send them."""
    link = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        if said is None:
            link.request(method, path)
        else:
            text = json.dumps(said).encode()
            link.request(method, path, iter([text[:10], text[10:]]), encode_chunked=True)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        link.close()


def ask_surely(port: int, path: str) -> tuple[int, bytes]:
    """The same for as long as it takes a web process to come back."""
    status, body = 0, b""
    for _ in range(20):
        status, body = ask(port, "GET", path)
        if status not in (0, 503):
            break
        time.sleep(0.5)
    return status, body


def is_downloadable(port: int, request_hash: str) -> str:
    """Fetches all files of an image and compares them with its sums; what is wrong, or ""."""
    status, text = ask_surely(port, f"/demo/api/v1/build/{request_hash}")
    if status != 200:
        return f"answers {status}: {text[:300]!r}"
    body = json.loads(text)
    place = f"/demo/store/{body['bin_dir']}"
    status, sums = ask_surely(port, f"{place}/sha256sums")
    lines = sums.decode().splitlines() if status == 200 else []
    named = {name: sha256 for sha256, _, name in (line.partition(" *") for line in lines)}
    if not body["images"] or not named:
        return f"has no images or no sums ({status})"
    for image in body["images"]:
        if named.get(image["name"]) != image["sha256"]:
            return f"{image['name']}: the answer and sha256sums tell different sums"
    for name, sha256 in named.items():
        status, data = ask_surely(port, f"{place}/{name}")
        if status != 200 or hashlib.sha256(data).hexdigest() != sha256:
            return f"{name}: {status}, {len(data)} bytes, not the sum that was told"
    return ""
