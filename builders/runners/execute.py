"""Runs one plan under a keeper: feeds on its output, asks the watch, and does not return before all of it is gone."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.runners.base import Outcome, Say, silent
from builders.runners.watch import Watch
from builders.spec import BuildFailedError
from builders.states import Reason

_KEEPER = Path(__file__).with_name("keeper.py")
_CHUNK = 65536
_LOOK_EVERY = 0.1  # seconds


@dataclass(slots=True)
class _Status:
    """What the keeper and bubblewrap told us, each on a pipe of its own: JSON documents, one a line."""

    keeper: bytes = b""
    walls: bytes = b""
    error: str = ""
    started: bool = False
    returncode: int | None = None

    def read(self, *, walled: bool) -> None:
        """Understand them. Behind walls only bubblewrap knows whether the program itself ran."""
        for words in _documents(self.keeper):
            self.error = words.get("error", self.error)
            if not walled:
                self.started |= "pid" in words
                self.returncode = words.get("rc", self.returncode)
        for words in _documents(self.walls):
            self.started = True
            self.returncode = words.get("exit-code", self.returncode)


def _documents(text: bytes) -> list[dict[str, Any]]:
    # A writer that was killed half way leaves half a line, without its end.
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]


@dataclass(slots=True)
class _Output:
    """Both streams of a program, together no more than `limit` bytes: the rest is never kept."""

    limit: int
    say: Say = silent  # gets whole lines only: no character is cut, and no path in which somebody looks for a root
    streams: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    said: dict[str, int] = field(default_factory=lambda: {"stdout": 0, "stderr": 0})  # bytes
    flooded: bool = False

    def add(self, name: str, data: bytes) -> None:
        room = self.limit - sum(map(len, self.streams.values()))
        kept = data[: max(0, room)]
        self.streams[name] += kept
        self.flooded |= len(data) > room
        if b"\n" in kept:
            self._say(name, self.streams[name].rindex(b"\n") + 1)

    def end(self, name: str) -> None:
        """The stream is over: say what stands behind its last line, too."""
        self._say(name, len(self.streams[name]))

    def _say(self, name: str, end: int) -> None:
        text, self.said[name] = self.streams[name][self.said[name] : end], end
        if text:
            self.say(text.decode("utf-8", errors="replace"))

    def text(self, name: str) -> str:
        return self.streams[name].decode("utf-8", errors="replace")


class Execution:
    """One run of a plan. `make_plan` gets the number of the status descriptor, which the walls need to know."""

    def __init__(self, make_plan: Callable[[int], dict[str, Any]], *, output_kb: int, on_output: Say = silent) -> None:
        self._make_plan = make_plan
        self._output = _Output(output_kb * 1024, on_output)
        self._status = _Status()
        self._killed = ""

    def run(self, make_watch: Callable[[int], Watch]) -> Outcome:
        """Start, watch, end. `make_watch` gets the keeper's pid."""
        with contextlib.ExitStack() as stack:
            readers = {}
            writers = []
            for name in ("keeper", "walls"):
                reader, writer = os.pipe()
                readers[name] = stack.enter_context(os.fdopen(reader, "rb", buffering=0))
                writers.append(stack.enter_context(os.fdopen(writer, "wb", buffering=0)))
            plan = self._make_plan(writers[1].fileno())
            began = time.monotonic()
            keeper = stack.enter_context(_start(plan, [writer.fileno() for writer in writers]))
            for end in writers:
                end.close()
            try:
                watch = make_watch(keeper.pid)
                self._read(keeper, readers, watch)
            finally:
                # Closing the lifeline kills everything; the keeper ends when nothing is left.
                _close(keeper)
        return self._outcome(plan, time.monotonic() - began, watch)

    def _read(self, keeper: subprocess.Popen[bytes], readers: dict[str, Any], watch: Watch) -> None:
        streams = {"stdout": keeper.stdout, "stderr": keeper.stderr, **readers}
        with selectors.DefaultSelector() as selector:
            for name, stream in streams.items():
                selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select(_LOOK_EVERY):
                    data = os.read(key.fd, _CHUNK)
                    if not data:
                        selector.unregister(key.fileobj)
                        if key.data not in readers:
                            self._output.end(key.data)
                    elif key.data in readers:
                        setattr(self._status, key.data, getattr(self._status, key.data) + data)
                    else:
                        self._output.add(key.data, data)
                if not self._killed:
                    self._killed = "output" if self._output.flooded else watch.struck()
                    if self._killed:
                        _cut(keeper)

    def _outcome(self, plan: dict[str, Any], seconds: float, watch: Watch) -> Outcome:
        self._status.read(walled=plan["walled"])
        status, stdout, stderr = self._status, self._output.text("stdout"), self._output.text("stderr")
        if status.error or not (status.started or self._killed):
            reason = status.error or stderr.strip()[-500:] or "no reason given"
            raise BuildFailedError(Reason.SANDBOX, "The sandbox could not be set up.", stderr=reason)
        code = status.returncode
        if code != 0 and not self._killed:
            self._killed = watch.at_end()
        if code is None:
            # Nobody cut it, and still it did not end by itself: the kernel or an operator killed it.
            code = 137
        return Outcome(code, stdout, stderr, seconds, self._killed)


def _start(plan: dict[str, Any], descriptors: list[int]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER), json.dumps(plan), str(descriptors[0]), str(descriptors[1])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            start_new_session=True,
            env={},
            bufsize=0,
        )
    except OSError as error:
        raise BuildFailedError(Reason.SANDBOX, "The sandbox could not be started.", stderr=str(error)) from error


def _cut(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin and not keeper.stdin.closed:
        keeper.stdin.close()


def _close(keeper: subprocess.Popen[bytes]) -> None:
    _cut(keeper)
    for stream in (keeper.stdout, keeper.stderr):
        if stream:
            stream.close()
    keeper.wait()
