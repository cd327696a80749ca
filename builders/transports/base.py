"""How an agent reaches the queue. Two thin ways share one agent: `local` here, `http` for other machines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one build until the lease runs out; `epoch` tells this lease from any other."""

    build_id: int
    epoch: int
    spec_hash: str
    spec: BuildSpec
    seconds: int  # how long a beat keeps the lease alive


@dataclass(frozen=True, slots=True)
class Call:
    """One question for a build: the how-many-th of which of the worker's jobs. Repeated, it keeps its number."""

    slot: int
    number: int


class LeaseLostError(Exception):
    """Somebody else has the build now, or nobody may. Stop, clean up, change nothing."""


class TransportError(Exception):
    """The queue cannot be reached just now. Nothing is known about what became of the call; it may be repeated."""


class DismissedError(Exception):
    """This worker is not wanted any more: revoked, or another agent works in its name. The text says which."""

    def __init__(self, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Transport(Protocol):
    """What an agent may ask of the queue.

    Each call under a lease raises LeaseLostError when the lease is stale; each call raises TransportError when the
    queue is away, and DismissedError when it has no use for this worker. `beat` and `log` are called from a thread of
    their own.
    """

    def lease(self) -> Lease | None:
        """The next build for this worker, or None."""
        ...

    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        """Keep the lease, tell the phase. False: stop working on it (cancelled)."""
        ...

    def log(self, lease: Lease, text: str) -> None:
        """More of what the build says, for who watches. Lost pieces do no harm."""
        ...

    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        """The build is done; `folder` holds exactly the files that `result.files` declares."""
        ...

    def fail(self, lease: Lease, failure: BuildFailedError) -> None:
        """The build failed for a named reason."""
        ...

    def give_back(self, lease: Lease) -> None:
        """Back into the queue, without counting the attempt: the worker is told to stop."""
        ...

    def doze(self, seconds: float, stop: Callable[[], bool]) -> None:
        """Wait for so long, or until there may be something to lease, or `stop()` says so."""
        ...

    def close(self) -> None:
        """The calling thread is done with the queue: let its connection go."""
        ...
