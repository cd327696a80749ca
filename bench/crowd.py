"""Many HTTP clients at once, in a process of their own, each with its own connection and its own time table.

`run(port, clients, seconds)` starts `python -m bench.crowd`, hands it the plan and brings the answers back. How long an
answer took counts from when the request was due, so a client that is held up by an earlier answer does not hide it.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.load import NUMBER, here

PATIENCE = 30.0  # seconds that a client waits for an answer
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `@@NUMBER@@` in the body becomes a number that never comes twice."""

    name: str  # what its answers are counted under
    path: str
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_chunked: bool = False  # the body goes without a length, in one chunk

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    def on_the_wire(self, number: int) -> bytes:
        """All its bytes."""
        body = self.body.replace(NUMBER, str(number)).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if body and self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends its requests in turn, over and over, on a connection that it keeps."""

    requests: Sequence[Request]
    begin: float = 0.0  # seconds after the start
    every: float = 0.0  # seconds from one request to the next; 0: as soon as the answer is there
    most: int = 0  # requests in all; 0: until the time is over


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. `status` 0: no answer."""

    name: str
    status: int
    seconds: float


def run(port: int, clients: Iterable[Client], seconds: float) -> list[Answer]:
    """The whole plan, in another process; clients begin no request after `seconds`."""
    plan = {"port": port, "seconds": seconds, "clients": [asdict(client) for client in clients]}
    command = [sys.executable, "-m", "bench.crowd"]
    done = subprocess.run(
        command,
        input=json.dumps(plan),
        text=True,
        stdout=subprocess.PIPE,
        cwd=here(),
        timeout=seconds + 3 * PATIENCE,
        check=True,
    )
    return [Answer(*row) for row in json.loads(done.stdout)]


def percentile(answers: Sequence[Answer], percent: float) -> float:
    """Of the times, in seconds; a request without an answer took for ever."""
    times = sorted(answer.seconds if answer.status else float("inf") for answer in answers)
    return times[min(len(times) - 1, int(len(times) * percent / 100))] if times else float("nan")


class _Visitor:
    """A client at work."""

    def __init__(self, port: int, plan: Client, number: int, step: int, answers: list[Answer]) -> None:
        self._port = port
        self._plan = plan
        self._number = time.time_ns() // 1000 * step + number
        self._step = step
        self._answers = answers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def visit(self, start: float, end: float) -> None:
        due, count = start + self._plan.begin, 0
        while due < end and (not self._plan.most or count < self._plan.most):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            request = self._plan.requests[count % len(self._plan.requests)]
            self._number += self._step
            try:
                status = await asyncio.wait_for(self._ask(request.on_the_wire(self._number)), PATIENCE)
            except (OSError, EOFError, TimeoutError):
                status = 0
                self._close()
            now = time.perf_counter()
            self._answers.append(Answer(request.name, status, now - due))
            count += 1
            due = due + self._plan.every if self._plan.every else now
        self._close()

    async def _ask(self, request: bytes) -> int:
        if self._streams is not None:
            try:
                return await self._exchange(request)
            except (OSError, asyncio.IncompleteReadError) as cut:
                # As browsers do: a kept connection that the server has closed meanwhile is opened anew.
                self._close()
                if isinstance(cut, asyncio.IncompleteReadError) and cut.partial:
                    raise
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._exchange(request)

    async def _exchange(self, request: bytes) -> int:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        return int(head.split(b" ", 2)[1])

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _visit(plan: dict[str, Any]) -> list[Answer]:
    answers: list[Answer] = []
    clients = [
        Client(**{**row, "requests": [Request(**request) for request in row["requests"]]}) for row in plan["clients"]
    ]
    visitors = [_Visitor(plan["port"], client, number, len(clients), answers) for number, client in enumerate(clients)]
    start = time.perf_counter()
    await asyncio.gather(*(visitor.visit(start, start + plan["seconds"]) for visitor in visitors))
    return answers


def main() -> None:
    """Reads the plan, writes the answers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    answers = asyncio.run(_visit(json.load(sys.stdin)))
    json.dump([[answer.name, answer.status, round(answer.seconds, 6)] for answer in answers], sys.stdout)


if __name__ == "__main__":
    main()
