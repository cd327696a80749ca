"""Limits on the sum of memory and processes of a run, by control groups (v1 or v2) where we may make some."""

import contextlib
import os
import time
from pathlib import Path
from typing import Self

from builders.runners.base import Limits

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "asu-run-"
_MB = 1024 * 1024


def _own_groups() -> dict[str, Path]:
    """Controller -> our own group's folder; "" is the unified (v2) one."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            base = _ROOT if not name else _ROOT / controllers
            # Inside a container the path is often that of the host; then the mount itself is our group.
            folder = base / path.lstrip("/")
            found[name] = folder if folder.is_dir() else base
    return found


class Group:
    """The groups of one run: `folders` to join, `struck()` to ask what went over. Empty where none can be made."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.folders: list[Path] = []
        self._memory: Path | None = None
        self._pids: Path | None = None
        own = _own_groups()
        if {"memory", "pids"} <= own.keys():
            self._memory = self._make(own["memory"], name, {"memory.limit_in_bytes": limits.memory_mb * _MB})
            self._pids = self._make(own["pids"], name, {"pids.max": limits.processes})
        elif "" in own:
            values = {"memory.max": limits.memory_mb * _MB, "pids.max": limits.processes}
            self._memory = self._pids = self._make(own[""], name, values)

    def _make(self, parent: Path, name: str, values: dict[str, int]) -> Path | None:
        folder = parent / f"{_PREFIX}{os.getpid()}-{name}"
        try:
            folder.mkdir()
        except OSError:
            return None
        try:
            for file, value in values.items():
                # Never create: a file that is not there means that the controller is not ours to use.
                with (folder / file).open("r+") as stream:
                    stream.write(str(value))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            return None
        # Swapping would only hide the overrun; absent where the kernel does not count swap.
        for file, text in (("memory.memsw.limit_in_bytes", str(limits_bytes(values))), ("memory.swap.max", "0")):
            with contextlib.suppress(OSError), (folder / file).open("r+") as stream:
                stream.write(text)
        self.folders.append(folder)
        return folder

    def struck(self) -> str:
        """The limit that was hit: "memory", "processes" or ""."""
        if self._memory and (_count(self._memory / "memory.oom_control") or _count(self._memory / "memory.events")):
            return "memory"
        if self._pids and _count(self._pids / "pids.events"):
            return "processes"
        return ""

    @property
    def has_memory(self) -> bool:
        """True where the kernel holds the sum of memory down."""
        return self._memory is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in self.folders:
            _remove(folder)


def limits_bytes(values: dict[str, int]) -> int:
    """The memory limit among the values of a group."""
    return next((value for name, value in values.items() if name.startswith("memory")), 0)


def _count(path: Path) -> int:
    """How often the limit was hit, of a file of `name number` lines."""
    try:
        lines = dict(line.split(maxsplit=1) for line in path.read_text().splitlines() if " " in line)
    except OSError:
        return 0
    if path.name == "pids.events":
        return int(lines.get("max", 0))
    return int(lines.get("oom_kill", 0))


def _remove(folder: Path) -> None:
    # The kernel lets go of a group a moment after its last process was reaped.
    for _ in range(50):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return


def clean() -> None:
    """Remove the groups of runs whose server died. Safe at any time, also for other servers on this machine."""
    for parent in set(_own_groups().values()):
        for folder in parent.glob(f"{_PREFIX}*"):
            maker = folder.name.removeprefix(_PREFIX).partition("-")[0]
            # A group in use refuses by itself, one just made does not: its first process is still to come.
            if not Path("/proc", maker).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def available() -> str:
    """For the admin: what the kernel will hold down."""
    with Group(f"probe-{time.monotonic_ns()}", Limits()) as group:
        return "control groups" if group.has_memory else ""
