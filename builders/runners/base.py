"""What a runner promises: one program, inside walls, with limits, and an honest account of how it ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Where nobody listens to what a program prints."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use. Beyond any of these the whole process group is killed."""

    seconds: int = 1800
    memory_mb: int = 4096
    disk_mb: int = 8192
    processes: int = 512
    cpu_seconds: int = 3600
    output_kb: int = 4096


@dataclass(frozen=True, slots=True)
class Run:
    """One program to run in an ImageBuilder's tree.

    The program sees the tree at `/builder` (its working directory), writable, but on a layer that is thrown away
    afterwards, unless `keep` is True (only for setting up a freshly unpacked tree). `read_only` and `writable` bind
    host folders at paths inside. There is no network, no home, no secret.
    """

    argv: tuple[str, ...]
    tree: Path
    writable: Mapping[str, Path] = field(default_factory=dict)  # inside path -> host folder, e.g. {"/out": ...}
    read_only: Mapping[str, Path] = field(default_factory=dict)  # e.g. {"/feeds": ..., "/files": ...}
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    keep: bool = False
    # Gets the program's output while it runs: whole lines of either stream, as far as they are kept for the outcome.
    # The program waits for it, so it has to be quick.
    on_output: Say = silent


@dataclass(slots=True)
class Outcome:
    """How a run ended.

    `killed` names the limit that struck ("" = none): time, memory, disk, processes, output, cancel.
    """

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    killed: str = ""


class Runner(Protocol):
    """Something that can run programs inside walls."""

    level: str  # full | namespace | process
    detail: str  # why not higher, for the admin

    def visible(self, inside: str, host: Path) -> str:
        """The path by which the program will see `host`: `inside` behind walls, the host path where there are none."""
        ...

    def run(self, run: Run, go_on: Callable[[], bool] = lambda: True) -> Outcome:
        """Run to the end. `go_on` is asked about once a second; False kills the run (`killed="cancel"`).

        Raises `BuildFailedError(Reason.SANDBOX)` when the walls cannot be put up; never runs without them.
        """
        ...
