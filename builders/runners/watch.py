"""Limits on all processes of a run together: memory, processor time, number, disk, time. Asked again and again."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builders.runners.base import Limits
from builders.runners.cgroup import Group
from builders.runners.keeper import below
from builders.runners.workdir import disk_usage, free_bytes

_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_RESERVE = 32 * _MB  # below this much free disk a run is stopped before it takes everything down with it


@dataclass(slots=True)
class Usage:
    """The sum over some processes."""

    processes: int = 0
    memory: int = 0  # bytes resident
    seconds: float = 0.0  # processor time, of children that ended too


def usage(pids: list[int]) -> Usage:
    """What these processes use now; those that just ended count nothing."""
    total = Usage()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        total.processes += 1
        # proc(5), counted after the name: 11 to 14 are own and children's user and system time, 21 is rss.
        total.seconds += sum(map(int, fields[11:15])) / _TICKS
        total.memory += int(fields[21]) * _PAGE
    return total


class Watch:
    """Says which limit a run has hit. The dear questions are asked less often than the cheap ones."""

    def __init__(
        self, keeper: int, limits: Limits, group: Group, folders: list[Path], go_on: Callable[[], bool], base: int = 0
    ) -> None:
        self._keeper = keeper
        self._limits = limits
        self._group = group
        self._folders = folders
        self._go_on = go_on
        self._base = base
        self._overhead = 0
        now = time.monotonic()
        self._end = now + limits.seconds
        self._next_look = now + 0.2
        self._next_second = now + 0.5
        self._next_disk = now + 0.5

    def struck(self) -> str:
        """The limit that was hit (words of `Outcome.killed`), or ""."""
        now = time.monotonic()
        if now >= self._end:
            return "time"
        if found := self._group.struck():
            return found
        if now >= self._next_look:
            if found := self._processes():
                return found
            # Reading all of /proc is not free: at most a fiftieth of the time.
            self._next_look = time.monotonic() + max(0.25, 50 * (time.monotonic() - now))
        if now >= self._next_second:
            self._next_second = now + 1
            if not self._go_on():
                return "cancel"
        if now >= self._next_disk:
            before = time.monotonic()
            if self._disk():
                return "disk"
            self._next_disk = time.monotonic() + max(0.5, 20 * (time.monotonic() - before))
        return ""

    def at_end(self) -> str:
        """After a bad end: the limit that the kernel held it to."""
        return self._group.struck()

    def _processes(self) -> str:
        found = usage(below(self._keeper))
        if found.processes > self._limits.processes:
            return "processes"
        if found.seconds > self._limits.cpu_seconds:
            return "time"
        # What the groups count is exact; the sum of resident sets counts shared pages more than once.
        if not self._group.has_memory and found.memory > self._limits.memory_mb * _MB:
            return "memory"
        return ""

    def _disk(self) -> bool:
        if any(free_bytes(folder) < _RESERVE for folder in self._folders):
            return True
        return disk_usage(self._folders) - self._base > self._limits.disk_mb * _MB
