"""Load on an HTTP server and the rate it answers at: by `wrk` where it is installed, else by a plain generator here."""

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

NUMBER = "@@NUMBER@@"  # in a body: replaced by another number in each request


@dataclass(frozen=True, slots=True)
class Shot:
    """One kind of request. `@@NUMBER@@` in the body becomes a number that never comes twice."""

    port: int
    path: str
    body: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


@dataclass(frozen=True, slots=True)
class Rate:
    """What came back: answers per second, and how many of them were no 2xx."""

    per_second: float
    errors: int


def unique(body: str) -> str:
    """For `json.dumps`: the place of the number in a body."""
    return body.replace("NUMBER", NUMBER)


def measure(shot: Shot, seconds: float, connections: int) -> Rate:
    """Runs the load to its end."""
    if shutil.which("wrk"):
        return _wrk(shot, seconds, connections)
    return _plain(shot, seconds, connections)


def _wrk(shot: Shot, seconds: float, connections: int) -> Rate:
    start = time.time_ns() % 10**12  # numbers of this run
    body = shot.body.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    script = f"""
local n = {start}
local body = '{body}'
wrk.method = '{shot.method}'
wrk.headers['Content-Type'] = 'application/json'
"""
    if NUMBER in body:
        script += f"request = function() n = n + 1; return wrk.format(nil, nil, nil, (body:gsub('{NUMBER}', n))) end\n"
    elif body:
        script += "wrk.body = body\n"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", file.name]
        output = subprocess.run(
            [*command, f"http://127.0.0.1:{shot.port}{shot.path}"], capture_output=True, text=True, check=True
        ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    assert rate is not None, output
    return Rate(float(rate[1]), int(errors[1]) if errors else 0)


def _plain(shot: Shot, seconds: float, connections: int) -> Rate:
    """Threads with one connection each. Slower than wrk: it measures itself as well, so only its ratios count."""
    counts = [[0, 0] for _ in range(connections)]
    stop = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_keep_asking, args=(shot, number, connections, stop, count))
        for number, count in enumerate(counts)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Rate(sum(count[0] for count in counts) / (time.monotonic() - began), sum(count[1] for count in counts))


def _keep_asking(shot: Shot, first: int, step: int, stop: float, count: list[int]) -> None:
    number = time.time_ns() % 10**12 * step + first
    with socket.create_connection(("127.0.0.1", shot.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.monotonic() < stop:
            number += step
            body = shot.body.replace(NUMBER, str(number)).encode()
            head = f"{shot.method} {shot.path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            status = _read_answer(connection)
            count[0] += 1
            count[1] += not 200 <= status < 300


def _read_answer(connection: socket.socket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        left -= len(connection.recv(min(left, 65536)))
    return int(head.split(b" ", 2)[1])


def wait_for(port: int, seconds: float = 30) -> None:
    """Until somebody listens."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def here() -> Path:
    """The folder that holds manage.py."""
    return Path(__file__).resolve().parent.parent
