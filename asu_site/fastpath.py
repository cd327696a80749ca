"""Final answers kept in memory, so that polls and repeated requests never reach Django.

A view marks an answer that will not change by itself: `request.environ["asu.final"] = True`. It is kept under its path
(GET), or under its path and the SHA-256 of the body it was the answer to (POST), and given again with the same
headers. All is forgotten when the generation of the catalogue changes (`packages.generation`: a release disabled, an
image withdrawn), and each answer after a few seconds, for what other machines change. Query strings do not count (T3).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from asu_site.middleware import matches, without_body

Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]  # status line, headers, body
Key = tuple[str, bytes]  # path, SHA-256 of the request's body (GET: b"")

MAX_ANSWERS = 1024
MAX_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class KeptAnswers:
    """A bounded memory of final answers, of one process.

    All answers live equally long, so the order in which they came is the order in which they go.
    """

    seconds: float
    generation: Callable[[], int]
    clock: Callable[[], float] = time.monotonic
    max_answers: int = MAX_ANSWERS
    max_bytes: int = MAX_BYTES
    _answers: dict[Key, tuple[float, Answer]] = field(default_factory=dict)
    _bytes: int = 0
    _seen: int = -1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key) -> Answer | None:
        """The answer, if it is still good."""
        seen = self._seen  # before the answer: `keep` changes both, in the other order
        kept = self._answers.get(key)
        if kept is None or kept[0] < self.clock() or self.generation() != seen:
            return None
        return kept[1]

    def keep(self, key: Key, answer: Answer, generation: int) -> None:
        """Remember an answer that was made while `generation` was the present one."""
        size = len(answer[2])
        if self.seconds <= 0 or size > self.max_bytes // 8:
            return
        with self._lock:
            if generation != self._seen:
                self._answers, self._bytes, self._seen = {}, 0, generation
            self._drop(key)
            now = self.clock()
            while self._answers and self._must_go(now, size):
                self._drop(next(iter(self._answers)))
            self._answers[key] = (now + self.seconds, answer)
            self._bytes += size

    def _must_go(self, now: float, size: int) -> bool:
        oldest = next(iter(self._answers.values()))
        full = len(self._answers) >= self.max_answers or self._bytes + size > self.max_bytes
        return full or oldest[0] < now

    def _drop(self, key: Key) -> None:
        gone = self._answers.pop(key, None)
        if gone:
            self._bytes -= len(gone[1][2])


def for_request(answer: Answer, environ: dict[str, Any]) -> Answer:
    """The kept answer as this caller gets it: 304 when it has it already, no body for HEAD."""
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked and environ["REQUEST_METHOD"] != "POST":
        headers = answer[1]
        etag = next((value for name, value in headers if name == "ETag"), None)
        if etag and matches(asked, etag):
            return "304 Not Modified", without_body(headers), b""
    if environ["REQUEST_METHOD"] == "HEAD":
        return answer[0], answer[1], b""
    return answer
